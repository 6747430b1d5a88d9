"""D15.1: who is due on a cut-off and from which amount on, by hand."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import JsonValue

from events.payout_decisions import PayoutInitiated
from ledger.engine.payouts import Payable, decide_payouts, payout_id
from ledger.engine.state import Enrolment, Ledger, Partner, TierStep, ledger_of
from ledger.policy.programme import Programme
from tests.engine.journal import Journal
from tests.rules.programmes import plain, programme

JANUARY, MARCH = date(2024, 1, 31), date(2024, 3, 31)
REFERENT = Partner("p1", Enrolment(date(2024, 1, 31), 1, founding=False))
CERTIFIED = REFERENT._replace(tiers=(TierStep(date(2024, 1, 31), "certified"),))


def under(terms: Programme) -> Ledger:
    """A ledger with a programme."""
    return ledger_of(Journal(terms).state)


def paid(
    partner: Partner,
    cutoff: date,
    *amounts: int,
    ledger: Ledger | None = None,
    named: bool = False,
    currency: str = "EUR",
) -> list[int]:
    """The amounts that a run pays of these."""
    payables = [Payable(partner, currency, amount) for amount in amounts]
    found = decide_payouts(ledger or under(plain()), 9, cutoff, payables, on_any_day=named)
    return [payout.amount for payout in found]


def test_a_payout_names_its_run_and_version_and_is_posted_in_the_open_month() -> None:
    """D16; its id is a function of partner, currency and cut-off."""
    ledger = under(plain())._replace(closed_through=date(2024, 4, 30))
    [payout] = decide_payouts(ledger, 9, MARCH, [Payable(REFERENT, "CHF", 1)], on_any_day=False)
    assert payout == PayoutInitiated(
        rule="D15.1",
        programme_version="izyinbox/1",
        day=MARCH,
        payout_id=payout_id("p1", "CHF", MARCH),
        partner_id="p1",
        currency="CHF",
        amount=1,
        posting_date=date(2024, 5, 1),
        run=9,
    )
    others = [("p2", "CHF", MARCH), ("p1", "EUR", MARCH), ("p1", "CHF", JANUARY)]
    assert payout.payout_id not in {payout_id(*other) for other in others}
    assert payout.payout_id.startswith("po-20240331-CHF-")


@pytest.mark.parametrize(
    ("partner", "cutoff", "due"),
    [
        (REFERENT, JANUARY, False),
        (REFERENT, MARCH, True),
        (REFERENT, date(2024, 3, 30), False),
        (CERTIFIED, JANUARY, True),
        (CERTIFIED, date(2024, 2, 28), False),
        (CERTIFIED, date(2023, 12, 31), False),
        (Partner("p1"), MARCH, False),
    ],
)
def test_who_is_due(partner: Partner, cutoff: date, *, due: bool) -> None:
    """By the tier on the cut-off, from the enrolment day on; who is named is due on any."""
    assert paid(partner, cutoff, 5) == [5] * due
    assert paid(partner, cutoff, 5, named=True) == [5]


def test_more_than_the_minimum_of_the_currency() -> None:
    """Nothing below 0 is, whoever is named; a minimum of one currency is none of another."""
    minimum: dict[str, JsonValue] = {"minimum": [{"currency": "EUR", "amount": 100}]}
    terms = programme(payout=minimum)
    assert paid(REFERENT, MARCH, -5, 0, 1, 2) == [1, 2]
    assert paid(REFERENT, MARCH, -5, 0, 100, 101, ledger=under(terms)) == [101]
    assert paid(REFERENT, MARCH, 100, 101, ledger=under(terms), named=True) == [101]
    assert paid(REFERENT, MARCH, 0, 1, ledger=under(terms), currency="CHF") == [1]


def test_who_is_held_is_paid_by_no_run() -> None:
    """Others of the same run are."""
    ledger = under(plain())._replace(held=frozenset({"p1"}))
    other = REFERENT._replace(partner_id="p2")
    payables = [Payable(REFERENT, "EUR", 5), Payable(other, "EUR", 6)]
    for named in (False, True):
        found = decide_payouts(ledger, 9, MARCH, payables, on_any_day=named)
        assert [one.partner_id for one in found] == ["p2"]
