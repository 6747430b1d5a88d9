"""D18.3, D9.3: a period paid by schedule is not paid again on an invoice, nor the reverse."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.policy.programme import Programme
from tests.model.commands import Adopt, AssignProgramme
from tests.model.journal import Entry
from tests.rules.commands import retract
from tests.rules.dsl import Given, Scenario, commission, take_back, waiver
from tests.rules.facts import (
    accrue,
    activated,
    changed,
    churned,
    enrolled,
    invoiced,
    referred,
    refunded,
)
from tests.rules.programmes import plain, programme

BY_SCHEDULE = plain().model_copy(update={"version_basis": "activation_date"})
ON_INVOICES = BY_SCHEDULE.model_copy(update={"accrual": "invoice"})
SECOND_FROM = date(2024, 3, 1)

BEGAN_BEFORE = (activated("2024-02-10", id="before"), churned("2024-03-01", id="gone"))
"""The client was activated under the first version, and churned before it came back."""


def _began_in_march(given: Given, first: Programme, second: Programme, *facts: Entry) -> Scenario:
    """c1 of p1 is activated on 10 March under the second version, and run through March."""
    return given(
        enrolled("2023-12-01"),
        Adopt(second, SECOND_FROM),
        activated("2024-03-10", partner="p1", id="march"),
        *facts,
        accrue("2024-03-31"),
        programme=first,
    )


def test_what_was_paid_is_not_paid_by_schedule_too(given: Given) -> None:
    """March stays as it was posted, and is finance's; the month that was missing is posted."""
    paid = invoiced("2024-03-10", 9_000, when="2024-03-12")
    story = _began_in_march(given, BY_SCHEDULE, ON_INVOICES, paid)
    story.then(commission("2024-03-10", 1_800))
    story.when(*BEGAN_BEFORE, accrue("2024-03-31")).then(commission("2024-02-10", 2_000))
    story.when(accrue("2024-04-30")).then(commission("2024-04-10", 2_000))


def test_what_the_schedule_paid_is_not_paid_on_an_invoice_too(given: Given) -> None:
    """Though the payment is told when the run has found the client otherwise unchanged."""
    story = _began_in_march(given, ON_INVOICES, BY_SCHEDULE)
    story.then(commission("2024-03-10", 2_000))
    story.when(*BEGAN_BEFORE, accrue("2024-03-31")).then(waiver("2024-03-10", 2_000))
    story.when(invoiced("2024-03-10", 9_000), accrue("2024-03-31")).then_nothing()
    story.when(invoiced("2024-04-10", 9_000, invoice="i2"), accrue("2024-04-30")).then(
        commission("2024-04-10", 1_800)
    )


def test_it_is_as_it_was_once_the_reason_is_gone(given: Given) -> None:
    """What was told by mistake is retracted: the period is compared as ever."""
    paid = invoiced("2024-03-10", 9_000, when="2024-03-12")
    story = _began_in_march(given, BY_SCHEDULE, ON_INVOICES, paid)
    story.when(*BEGAN_BEFORE, accrue("2024-03-31")).then(commission("2024-02-10", 2_000))
    story.when(retract("before"), retract("gone"), refunded("2024-03-31", 4_000))
    story.when(accrue("2024-03-31")).then(
        take_back("2024-02-10", -2_000), waiver("2024-03-10", 800)
    )


@pytest.mark.parametrize("told", ["with the retraction", "after the run"])
def test_after_a_retraction(given: Given, told: str) -> None:
    """A payment of the period keeps what the schedule paid; without one it is taken back."""
    story = given(
        enrolled("2023-12-01"),
        Adopt(ON_INVOICES, SECOND_FROM),
        activated("2024-02-10", partner="p1", id="wrong"),
        activated("2024-03-10", partner="p1"),
        accrue("2024-03-31"),
        programme=BY_SCHEDULE,
    )
    story.then(commission("2024-02-10", 2_000), commission("2024-03-10", 2_000))
    paid = invoiced("2024-03-10", 9_000, when="2024-03-12")
    if told == "with the retraction":
        story.when(retract("wrong"), referred("2024-01-05"), paid, accrue("2024-03-31"))
        story.then(take_back("2024-02-10", -2_000))
    else:
        story.when(retract("wrong"), referred("2024-01-05"), accrue("2024-03-31"))
        story.then(take_back("2024-02-10", -2_000), take_back("2024-03-10", -2_000))
        story.when(paid, accrue("2024-03-31")).then(commission("2024-03-10", 1_800))


@pytest.mark.parametrize("second", ["schedule", "invoice"])
def test_nor_to_another_partner(given: Given, second: str) -> None:
    """What stands of the first partner's line is the period's, whatever way the second is paid."""
    story = given(
        enrolled("2023-12-01"),
        enrolled("2023-12-01", partner="p2"),
        Adopt(programme(name="other", accrual=second)),
        AssignProgramme("p2", "other", date(2023, 12, 1)),
        referred("2024-01-01", id="claim"),
        activated("2024-01-10"),
        invoiced("2024-01-10", 6_000),
        accrue("2024-01-31"),
    )
    story.then(commission("2024-01-10", 2_000))
    story.when(changed("2024-01-10", 6_000), accrue("2024-01-31")).then(waiver("2024-01-10", 800))
    story.when(retract("claim"), referred("2024-01-05", partner="p2"), accrue("2024-01-31"))
    story.then(take_back("2024-01-10", -1_200))
    story.when(accrue("2024-01-31")).then_nothing()
