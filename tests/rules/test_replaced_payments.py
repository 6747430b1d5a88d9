"""D18.3, D8.2, D9.5: a payment retracted and told anew has one first line in force."""

from __future__ import annotations

import pytest

from tests.model.journal import Entry
from tests.rules.commands import retract
from tests.rules.dsl import Given, Scenario, commission, take_back, waiver
from tests.rules.facts import accrue, activated, adjust, enrolled, invoiced, referred, refunded
from tests.rules.programmes import programme

ON_INVOICES = programme(accrual="invoice")
START = (enrolled("2020-01-01"), referred("2023-12-01"), activated("2024-01-01"))
"""Partner p1 holds client c1."""

OF_P1 = (referred("2023-12-01", client="c2"), activated("2024-01-01", client="c2"))
"""Partner p1 holds client c2, too."""

OF_P2 = (
    enrolled("2020-01-01", partner="p2"),
    referred("2023-12-01", client="c2", partner="p2"),
    activated("2024-01-01", client="c2"),
)
"""Partner p2 holds client c2."""

OF_P0 = (
    enrolled("2020-01-01", partner="p0"),
    referred("2023-12-01", client="c2", partner="p0"),
    activated("2024-01-01", client="c2"),
)
"""Client c2 is of a partner that runs decide before p1."""


def _posted(given: Given, *others: Entry, amount: int = 10_000) -> Scenario:
    """Payment i1 of c1 for 10 January, which is wrong, is posted; then what is told beside."""
    return given(
        *START,
        *others,
        invoiced("2024-01-10", amount, id="wrong"),
        accrue("2024-01-31"),
        programme=ON_INVOICES,
    )


def test_of_one_client_with_another_day(given: Given) -> None:
    """What was waived of the first line stays, so the payment gives no second one."""
    scenario = _posted(given).when(
        invoiced("2024-02-10"), accrue("2024-02-29"), refunded("2024-03-01", 5_000),
        accrue("2024-02-29"),
    )  # fmt: skip
    scenario.then(waiver("2024-01-10", 1_000))
    scenario.when(retract("wrong"), accrue("2024-02-29")).then(take_back("2024-01-10", -1_000))
    scenario.when(accrue("2024-03-31"), accrue("2024-03-31")).then_nothing()


def test_of_one_client_with_a_day_that_is_still_to_come(given: Given) -> None:
    """The run that reaches the day finds the first line in force, though nothing has changed."""
    scenario = _posted(given, refunded("2024-01-20", 5_000))
    scenario.when(invoiced("2024-03-10"), refunded("2024-02-01", 2_500), accrue("2024-02-29")).then(
        waiver("2024-01-10", 500)
    )
    scenario.when(retract("wrong"), accrue("2024-02-29")).then(take_back("2024-01-10", -500))
    scenario.when(accrue("2024-03-31"), accrue("2024-04-30")).then_nothing()


@pytest.mark.parametrize("others", [OF_P1, OF_P2, OF_P0], ids=["own", "later", "earlier"])
@pytest.mark.parametrize("day", ["2024-01-10", "2024-03-10"])
def test_of_another_client(given: Given, others: tuple[Entry, ...], day: str) -> None:
    """Of the same partner or another, decided before it or after; due now or in a later run."""
    scenario = _posted(given, *others, refunded("2024-01-20", 5_000))
    scenario.when(
        invoiced(day, client="c2", when="2024-02-01"), refunded("2024-02-01", 2_500),
        accrue("2024-02-29"),
    ).then(waiver("2024-01-10", 500))  # fmt: skip
    scenario.when(retract("wrong"), accrue("2024-02-29")).then(take_back("2024-01-10", -500))
    scenario.when(accrue("2024-03-31"), accrue("2024-04-30")).then_nothing()


@pytest.mark.parametrize(
    ("others", "partner"), [(OF_P1, "p1"), (OF_P2, "p2"), (OF_P0, "p0")],
    ids=["own", "later", "earlier"],
)  # fmt: skip
def test_of_another_client_after_all_was_taken_back(
    given: Given, others: tuple[Entry, ...], partner: str
) -> None:
    """Posted anew by the run that takes the first line back, whoever comes first in it."""
    scenario = _posted(given, *others)
    scenario.when(invoiced("2024-01-15", client="c2"), retract("wrong"), accrue("2024-01-31")).then(
        take_back("2024-01-10", -2_000),
        commission("2024-01-15", 2_000, client_id="c2", partner_id=partner),
    )
    scenario.when(accrue("2024-04-30")).then_nothing()


@pytest.mark.parametrize("amount", [5_000, 10_000, 15_000])
@pytest.mark.parametrize("day", ["2024-01-15", "2024-03-10"])
def test_of_one_client_after_all_was_taken_back(given: Given, amount: int, day: str) -> None:
    """Whatever the true payment is of, and whether it is due now or later."""
    scenario = _posted(given)
    scenario.when(
        invoiced(day, amount, when="2024-01-20"), retract("wrong"), accrue("2024-01-31"),
        accrue("2024-03-31"),
    ).then(take_back("2024-01-10", -2_000), commission(day, amount // 5))  # fmt: skip
    scenario.when(accrue("2024-04-30")).then_nothing()


def test_a_line_of_0_stands(given: Given) -> None:
    """Nothing of it can be taken back: it is the first line of the payment."""
    scenario = _posted(given, amount=0)
    scenario.when(invoiced("2024-02-10"), retract("wrong"), accrue("2024-02-29")).then_nothing()
    scenario.when(accrue("2024-03-31")).then_nothing()


@pytest.mark.parametrize("client", ["c1", "c2"])
def test_a_line_that_finance_adjusted_stands(given: Given, client: str) -> None:
    """D9.4: it is finance's; no run takes it back, so none posts another."""
    scenario = _posted(given, *OF_P2)
    scenario.when(adjust(-500, "2024-01-10", line=("c1", "2024-01-10"), payment=("i1",)))
    scenario.when(
        invoiced("2024-02-10", client=client), retract("wrong"), accrue("2024-02-29")
    ).then_nothing()
    scenario.when(accrue("2024-03-31")).then_nothing()


def test_each_payment_of_an_invoice_stands_alone(given: Given) -> None:
    """What stays of one keeps no other from being posted."""
    scenario = given(
        *START,
        invoiced("2024-01-10", payment="a", id="wrong"),
        accrue("2024-01-31"),
        refunded("2024-01-20", 5_000, payment="a"),
        accrue("2024-01-31"),
        programme=ON_INVOICES,
    )
    scenario.when(
        invoiced("2024-02-10", payment="a"),
        invoiced("2024-02-10", payment="b"),
        invoiced("2024-02-10", invoice="i2"),
        retract("wrong"),
        accrue("2024-02-29"),
    ).then(
        take_back("2024-01-10", -1_000), commission("2024-02-10", 2_000, payment=("i1", "b")),
        commission("2024-02-10", 2_000, payment=("i2",)),
    )  # fmt: skip


def test_what_was_taken_back_is_not_restored_beside_another(given: Given) -> None:
    """The third telling is for the first day again: the second line stays in force."""
    scenario = _posted(given)
    scenario.when(invoiced("2024-01-15", id="second"), retract("wrong"), accrue("2024-01-31")).then(
        take_back("2024-01-10", -2_000), commission("2024-01-15", 2_000)
    )
    scenario.when(refunded("2024-01-20", 5_000), accrue("2024-01-31")).then(
        waiver("2024-01-15", 1_000)
    )
    scenario.when(
        invoiced("2024-01-10", when="2024-01-25"), retract("second"), accrue("2024-01-31")
    ).then(waiver("2024-01-15", 1_000))
    scenario.when(accrue("2024-02-29")).then_nothing()
