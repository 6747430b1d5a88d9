"""What refuses finance's commands, on both sides of each day, and that it says why."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from events.decisions import DecisionResolved
from events.finance import AdjustmentRequested, CreditRequested, ResolutionRequested
from events.lines import CreditPosted
from events.partners import PartnerEnrolled, PayoutFailed, PayoutSettled
from events.recorded import Recorded
from events.values import parse_instant
from ledger.engine import commands
from ledger.engine.state import Enrolment, Ledger, Partner, ledger_of
from ledger.errors import NotReady, Refused
from tests.engine.journal import Journal
from tests.engine.test_sponsorship import line
from tests.rules.programmes import plain, programme

JAN_31 = date(2024, 1, 31)
PARTNER = Partner("p1", Enrolment(date(2024, 1, 10), 1, founding=False))
NOBODY = Partner("p2")


def adopted() -> Ledger:
    """The plain programme is adopted, in UTC; nothing is accrued."""
    return ledger_of(Journal(plain()).state)


def through(day: date | None, **more: Any) -> Ledger:
    """The same, accrued through a day."""
    return adopted()._replace(accrued_through=day, **more)


def recorded(data: object) -> Recorded:
    """An event at position 7."""
    at = parse_instant("2024-01-31T12:00:00Z")
    return Recorded(7, at, JAN_31, data)  # type: ignore[arg-type]


def test_nothing_before_a_first_adoption() -> None:
    """D7.2."""
    with pytest.raises(NotReady, match="no programme is adopted yet"):
        commands.check_adopted(Ledger())
    commands.check_adopted(adopted())


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", "../UTC", "/etc/passwd"])
def test_a_time_zone_that_there_is_none(zone: str) -> None:
    """A first version is refused for it, too."""
    with pytest.raises(Refused, match="is no time zone"):
        commands.check_adoption(Ledger(), plain(), None, zone)


def test_the_time_zone_is_fixed_by_the_first_adoption() -> None:
    """D2: named again it may be, changed not."""
    other = programme(name="other")
    commands.check_adoption(Ledger(), plain(), None, "Europe/Paris")
    commands.check_adoption(adopted(), other, None, "UTC")
    commands.check_adoption(adopted(), other, None, None)
    with pytest.raises(Refused, match="time zone is UTC, fixed for good"):
        commands.check_adoption(adopted(), other, None, "Europe/Paris")


def test_a_later_version_has_a_day_after_l_and_the_same_qualifying_days() -> None:
    """D7.2: of another name it needs neither."""
    with pytest.raises(Refused, match="adopted already; give the day"):
        commands.check_adoption(adopted(), plain(), None, None)
    commands.check_adoption(adopted(), plain(), JAN_31, None)
    commands.check_adoption(through(JAN_31), plain(), date(2024, 2, 1), None)
    with pytest.raises(Refused, match="accrued through 2024-01-31: a version"):
        commands.check_adoption(through(JAN_31), plain(), JAN_31, None)
    qualifying = programme(activation={"qualifying_days": 5})
    with pytest.raises(Refused, match="qualifying_days is 0 in the first version"):
        commands.check_adoption(adopted(), qualifying, JAN_31, None)
    named = programme(name="other", activation={"qualifying_days": 5})
    commands.check_adoption(through(JAN_31), named, None, None)


def test_a_partner_is_put_under_a_programme_from_a_day_after_l() -> None:
    """D7.3: one that is adopted; one that is enrolled."""
    name, day = plain().name, date(2024, 2, 1)
    commands.check_assignment(through(JAN_31), PARTNER, name, day)
    for ledger, partner, wanted, from_day, why in (
        (through(JAN_31), PARTNER, "other", day, "no programme 'other' is adopted"),
        (through(JAN_31), NOBODY, name, day, "no partner 'p2' is enrolled"),
        (through(JAN_31), PARTNER, name, JAN_31, "an assignment can hold only from a later day"),
    ):
        with pytest.raises(Refused, match=why):
            commands.check_assignment(ledger, partner, wanted, from_day)


def test_a_client_is_assigned_from_a_day_after_l_to_who_is_enrolled_by_it() -> None:
    """D3.6: to nobody, too."""
    ledger = through(date(2024, 1, 9))
    commands.check_attribution(ledger, PARTNER, date(2024, 1, 10))
    commands.check_attribution(adopted(), None, date(2020, 1, 1))
    for partner, day, why in (
        (PARTNER, date(2024, 1, 9), "p1 is enrolled from 2024-01-10 on"),
        (NOBODY, date(2024, 1, 10), "no partner 'p2' is enrolled"),
        (None, date(2024, 1, 9), "a client can be assigned only from a later day"),
    ):
        with pytest.raises(Refused, match=why):
            commands.check_attribution(ledger, partner, day)


def test_a_fact_is_retracted_once() -> None:
    """D9.5: one that is there, and of a kind that can be."""
    enrolment = recorded(PartnerEnrolled(partner_id="p1", kind="referral"))
    churn = recorded(line(5))
    for fact, why in (
        (None, "no fact 'x' of source '/s' is recorded"),
        (enrolment, "is a partner.enrolled, which cannot be retracted"),
        (churn, "is a CommissionPosted, which cannot be retracted"),
    ):
        with pytest.raises(Refused, match=why):
            commands.check_retraction("/s", "x", fact, voided=False)


def test_what_is_listed_is_resolved() -> None:
    """D9.5: a decision or a payment, not a fact that waits; for the partner that it is about."""
    payout: dict[str, Any] = {"payout_id": "po-1", "partner_id": "p1"}
    settled = recorded(PayoutSettled(**payout, amount=500, currency="EUR"))
    failed = recorded(PayoutFailed(**payout, reason="closed"))
    posted = recorded(line(5))
    for event in (posted, settled, failed):
        assert commands.check_resolution(7, event, listed=True) == "p1"
    waits = recorded(PartnerEnrolled(partner_id="p1", kind="referral"))
    for found, listed, why in (
        (None, True, "nothing at position 7 is listed"),
        (posted, False, "nothing at position 7 is listed, or it is resolved"),
        (waits, True, "position 7 is a partner.enrolled, which waits or had no effect"),
    ):
        with pytest.raises(Refused, match=why):
            commands.check_resolution(7, found, listed=listed)


def test_a_resolution_stands_where_the_decision_stands() -> None:
    """D9.5: it names what was listed and the command."""
    asked = ResolutionRequested(
        decision=5, partner_id="p1", reason="seen",
        requested_by="ann", approved_by="bob", operator="tester",
    )  # fmt: skip
    assert commands.decide_resolution(recorded(asked), asked) == DecisionResolved(
        rule="D9.5", day=JAN_31, decision=5, command=7, partner_id="p1"
    )


def test_the_clock_never_goes_back() -> None:
    """D8.1: D = L is allowed, the day before is not."""
    commands.check_accrual(through(None), date(2020, 1, 1))
    commands.check_accrual(through(JAN_31), JAN_31)
    with pytest.raises(Refused, match="accrued through 2024-01-31 already"):
        commands.check_accrual(through(JAN_31), date(2024, 1, 30))


@pytest.mark.parametrize(
    "month", ["2024-00", "2024-13", "2024-1", "202-01", "0000-12", "2024-01-", "٢٠٢٤-01"]
)
def test_what_is_no_month(month: str) -> None:
    """D16: YYYY-MM, from year 1 on."""
    with pytest.raises(Refused, match="is no month"):
        commands.check_close(through(date(2024, 12, 31)), month)


def test_months_close_in_order_and_once_accrued() -> None:
    """D16: the first close may name any month."""
    commands.check_close(through(JAN_31), "2024-01")
    commands.check_close(through(JAN_31), "0001-01")
    december: dict[str, Any] = {"closed_through": date(2023, 12, 31)}
    commands.check_close(through(JAN_31, **december), "2024-01")
    january: dict[str, Any] = {"closed_through": JAN_31}
    commands.check_close(through(date(2024, 2, 29), **january), "2024-02")
    for ledger, month, why in (
        (
            through(date(2024, 1, 30)),
            "2024-01",
            "only through 2024-01-30; first run: .* 2024-01-31",
        ),
        (through(None), "2024-01", "accrued not at all; first run"),
        (through(JAN_31, **december), "2023-12", "closed already; .* is 2023-12"),
        (through(JAN_31, **december), "2024-02", "close 2024-01 before 2024-02"),
    ):
        with pytest.raises(Refused, match=why):
            commands.check_close(ledger, month)


def test_payouts_through_l() -> None:
    """D15.1: C ≤ L."""
    commands.check_payouts(through(JAN_31), JAN_31)
    with pytest.raises(Refused, match=r"only through 2024-01-31; first run: .* 2024-02-01"):
        commands.check_payouts(through(JAN_31), date(2024, 2, 1))
    with pytest.raises(Refused, match="accrued not at all"):
        commands.check_payouts(through(None), JAN_31)


def test_the_date_of_an_adjustment_is_l_or_an_earlier_day() -> None:
    """D9.4: while there is no L one must be given; a credit's is not before the opening (D8.3)."""
    early = date(2024, 1, 1)
    assert commands.dated(through(JAN_31), None) == JAN_31
    assert commands.dated(through(JAN_31), JAN_31) == JAN_31
    assert commands.dated(through(None), early) == early
    with pytest.raises(Refused, match="no default date"):
        commands.dated(through(None), None)
    with pytest.raises(Refused, match="after the last accrued day 2024-01-31"):
        commands.dated(through(JAN_31), date(2024, 2, 1))
    opened = through(JAN_31, opened_on=date(2024, 1, 2))
    assert commands.credited(opened, date(2024, 1, 2)) == date(2024, 1, 2)
    assert commands.dated(opened, early) == early
    with pytest.raises(Refused, match="opened on 2024-01-02"):
        commands.credited(opened, early)


def test_an_adjustment_may_name_a_line_of_its_partner_and_currency() -> None:
    """D9.4: and no other event."""
    commands.check_line(PARTNER, 7, recorded(line(5)), "EUR")
    enrolment = recorded(PartnerEnrolled(partner_id="p1", kind="referral"))
    for found, currency, why in (
        (None, "EUR", "position 7 is no line"),
        (enrolment, "EUR", "position 7 is no line"),
        (recorded(line(5, partner="p3")), "EUR", "line 7 is of partner p3, not p1"),
        (recorded(line(5)), "CHF", "line 7 is in EUR"),
    ):
        with pytest.raises(Refused, match=why):
            commands.check_line(PARTNER, 7, found, currency)


ASKED = {
    "partner_id": "p1",
    "amount": 300,
    "currency": "CHF",
    "reason": "goodwill",
    "date": date(2024, 1, 15),
    "requested_by": "ann",
    "approved_by": "bob",
    "operator": "tester",
}
"""What an adjustment and a credit say."""


def test_what_was_asked_is_booked_in_the_open_month() -> None:
    """D16: of its date, in its currency, with the period of the line that it names."""
    ledger = through(JAN_31, closed_through=date(2024, 1, 31))
    credit = CreditRequested.model_validate(ASKED)
    members: dict[str, Any] = {
        "rule": "D9.4",
        "day": date(2024, 1, 15),
        "partner_id": "p1",
        "posting_date": date(2024, 2, 1),
        "amount": 300,
        "currency": "CHF",
        "reason": "goodwill",
        "command": 7,
    }
    assert commands.decide_credit(ledger, recorded(credit), credit) == CreditPosted(**members)
    adjustment = AdjustmentRequested.model_validate({**ASKED, "line": 5})
    booked = commands.decide_adjustment(ledger, recorded(adjustment), adjustment, recorded(line(5)))
    expected = {**members, "line": 5, "client_id": "c1", "subscription_id": "c1"}
    assert {name: getattr(booked, name) for name in expected} == expected
    plainly = AdjustmentRequested.model_validate(ASKED)
    booked = commands.decide_adjustment(ledger, recorded(plainly), plainly, None)
    assert (booked.line, booked.client_id, booked.subscription_id) == (None, None, None)
    assert (booked.base, booked.of_margin) == (None, False)
