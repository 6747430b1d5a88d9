"""D9.3, D9.4: what runs leave to finance is listed once, again if it changes, and ends."""

from __future__ import annotations

from datetime import date

import pytest

from events.lines import DifferenceUnresolved
from tests.model.commands import Adopt
from tests.model.journal import Entry
from tests.rules.commands import retract
from tests.rules.dsl import Given, Scenario
from tests.rules.facts import accrue, activated, adjust, changed, churned, enrolled, invoiced
from tests.rules.memory_adapter import MemoryLedger
from tests.rules.programmes import plain

Listed = tuple[str, int, str, int, str, str]
"""Rule, what is due and its currency, what is posted and its currency, why."""


def given(*entries: Entry) -> tuple[Scenario, MemoryLedger]:
    """A ledger with 20.00 posted for 10 January on 100.00 of c1."""
    ledger = MemoryLedger()
    story = Given(ledger)(
        enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), accrue("2024-01-31")
    )
    return story.when(*entries), ledger


def listed(ledger: MemoryLedger) -> list[Listed]:
    """All that was listed, in its order."""
    return [
        (one.rule, one.due, one.due_currency, one.posted, one.currency, one.reason)
        for _, one in ledger.by_class[DifferenceUnresolved]
    ]


def test_another_currency_is_listed_until_it_is_as_it_was() -> None:
    """Once by however many runs; what is due is told in its own currency."""
    story, ledger = given(changed("2024-01-10", 10_000, currency="CHF"), accrue("2024-01-31"))
    first = ("D9.3", 2_000, "CHF", 2_000, "EUR", "currency_changed")
    assert listed(ledger) == [first]
    story.when(accrue("2024-02-01"))
    assert listed(ledger) == [first]
    story.when(changed("2024-01-10T20:00:00Z", 8_000, currency="CHF"), accrue("2024-02-02"))
    second = ("D9.3", 1_600, "CHF", 2_000, "EUR", "currency_changed")
    assert listed(ledger) == [first, second]
    story.when(changed("2024-01-10T21:00:00Z", 10_000, currency="EUR"), accrue("2024-02-03"))
    third = ("D9.3", 2_000, "EUR", 2_000, "EUR", "settled")
    assert listed(ledger) == [first, second, third]
    story.when(accrue("2024-02-04"))
    assert listed(ledger) == [first, second, third]


def test_another_interval_is_listed() -> None:
    """A year for the price of a month."""
    _, ledger = given(changed("2024-01-10", 10_000, interval="year"), accrue("2024-01-31"))
    assert listed(ledger) == [("D9.3", 2_000, "EUR", 2_000, "EUR", "interval_changed")]


@pytest.mark.parametrize(("price", "due"), [(12_000, 2_400), (6_000, 1_200)])
def test_what_finance_adjusted_is_listed_if_it_is_worth_another_amount(
    price: int, due: int
) -> None:
    """And not if it is worth what it was."""
    story, ledger = given(adjust(-500, line=("c1", "2024-01-10")), accrue("2024-01-31"))
    assert listed(ledger) == []
    story.when(changed("2024-01-10", price), accrue("2024-01-31"))
    assert listed(ledger) == [("D9.4", due, "EUR", 2_000, "EUR", "adjusted")]
    story.when(changed("2024-01-10T20:00:00Z", 10_000), accrue("2024-01-31"))
    assert listed(ledger)[1:] == [("D9.4", 2_000, "EUR", 2_000, "EUR", "settled")]


@pytest.mark.parametrize("price", [12_000, 6_000, 0])
def test_what_a_run_settles_itself_is_not_listed(price: int) -> None:
    """A difference, a waiver: nothing is left to finance, nor when it is compared again."""
    story, ledger = given(changed("2024-01-10", price), accrue("2024-01-31"))
    story.when(changed("2024-01-10T20:00:00Z", 10_000), accrue("2024-01-31"))
    assert len(ledger.lines()) > 1
    assert listed(ledger) == []


def test_what_was_waived_before_finance_adjusted_it_is_settled() -> None:
    """V as the last run left it is P less its waivers; worth P again, it is finance's to see."""
    story, ledger = given(changed("2024-01-10", 6_000), accrue("2024-01-31"))
    story.when(adjust(-500, line=("c1", "2024-01-10")), changed("2024-01-10T20:00:00Z", 6_000))
    story.when(accrue("2024-01-31"))
    assert listed(ledger) == []
    story.when(changed("2024-01-10T21:00:00Z", 10_000), accrue("2024-01-31"))
    assert listed(ledger) == [("D9.4", 2_000, "EUR", 2_000, "EUR", "adjusted")]


def test_another_way_of_accrual_is_listed_until_it_is_as_it_was() -> None:
    """D9.3, D18.3: what is due is the sum of what was paid, but for another currency."""
    ledger = MemoryLedger()
    by_schedule = plain().model_copy(update={"version_basis": "activation_date"})
    on_invoices = by_schedule.model_copy(update={"accrual": "invoice"})
    story = Given(ledger)(
        enrolled("2023-12-01"),
        Adopt(by_schedule, date(2024, 3, 1)),
        activated("2024-03-10", partner="p1"),
        accrue("2024-03-31"),
        activated("2024-02-10", id="before"),
        churned("2024-03-01", id="gone"),
        accrue("2024-03-31"),
        programme=on_invoices,
    )
    assert listed(ledger) == []
    story.when(
        invoiced("2024-03-10", 4_000),
        invoiced("2024-03-10", 5_000, invoice="i2"),
        invoiced("2024-03-10", 9_000, invoice="i3", currency="CHF"),
        accrue("2024-03-31"),
    )
    changed = ("D9.3", 1_800, "EUR", 2_000, "EUR", "accrual_changed")
    assert listed(ledger) == [changed]
    story.when(accrue("2024-04-01"))
    assert listed(ledger) == [changed]
    story.when(retract("before"), retract("gone"), accrue("2024-04-01"))
    assert listed(ledger) == [changed, ("D9.3", 2_000, "EUR", 2_000, "EUR", "settled")]
