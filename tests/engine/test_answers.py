"""D3, D9.5: what answers to claims say beside the answer: rule, version, what stands against it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from events.billing import ClientPlanChanged
from events.decisions import (
    ClaimAnswer,
    ReferralAccepted,
    ReferralLapsed,
    ReferralRejected,
    ReferralUnchanged,
    UnretractedAttribution,
)
from events.partner_decisions import ProgrammeAssigned
from events.partners import PartnerEnrolled, PartnerTerritoryGranted, ReferralRegistered
from ledger.engine.state import Ledger, ledger_of
from tests.engine.journal import Journal, only
from tests.engine.test_retraction import activation, referral, retract
from tests.rules.programmes import programme, quick

EVE, FIRST = "2024-01-31", "2024-02-01"
"""Of the second version of p's programme, whose window is of ten days instead of 180."""


def ledger_with(ledger: Ledger) -> Ledger:
    """Another programme beside the first, in two versions."""
    first = programme(name="other")
    second = programme(name="other", attribution={"window_days": 10, "late_days": 5})
    programmes = ledger.programmes.adopt(first, None).adopt(second, date.fromisoformat(FIRST))
    return ledger._replace(programmes=programmes)


@pytest.fixture
def journal() -> Journal:
    """Partners p, under the other programme, and q, who holds department 75."""
    journal = Journal(quick())
    journal.state["ledger"] = ledger_with(ledger_of(journal.state))
    for name in ("p", "q"):
        journal.tell(PartnerEnrolled(partner_id=name, kind="referral"), "2024-01-01")
    assigned = ProgrammeAssigned(
        rule="D7.3", day=date(2024, 1, 1), partner_id="p", programme="other", command=1
    )
    journal.take([assigned])
    journal.promote("q", "strategic", "2024-01-02")
    journal.tell(PartnerTerritoryGranted(partner_id="q", department="75"), "2024-01-03")
    return journal


def said(answer: ClaimAnswer) -> tuple[str, str | None, str, str]:
    """Rule, version, day and partner of an answer."""
    return answer.rule, answer.programme_version, answer.day.isoformat(), answer.partner_id


@pytest.mark.parametrize(("day", "version", "window"), [(EVE, 1, 180), (FIRST, 2, 10)])
def test_a_claim_wins_for_the_window_of_its_days_version(
    journal: Journal, day: str, version: int, window: int
) -> None:
    """D3.3e; the same partner's next claim has no effect, another's is rejected (D3.3c)."""
    won = only(journal.tell(referral("p"), day), ReferralAccepted)
    assert said(won) == ("D3.3e", f"other/{version}", day, "p")
    assert (won.live_through, won.late) == (won.day + timedelta(days=window), False)
    again = only(journal.tell(referral("p"), EVE), ReferralUnchanged)
    assert said(again) == ("D3.3c", "other/1", EVE, "p")
    assert again.standing_claim == won.claim
    lost = only(journal.tell(referral("q"), day), ReferralRejected)
    assert said(lost) == ("D3.3c", "izyinbox/1", day, "q")
    assert lost.standing_claim == won.claim


def test_a_claim_in_anothers_department_names_its_grant(journal: Journal) -> None:
    """D3.3b."""
    granted = next(one for one in journal.events if isinstance(one.data, PartnerTerritoryGranted))
    claim = ReferralRegistered(partner_id="p", client_id="c1", department="75")
    lost = only(journal.tell(claim, EVE), ReferralRejected)
    assert said(lost) == ("D3.3b", "other/1", EVE, "p")
    assert (lost.reason, lost.standing_claim) == ("territory", granted.position)


@pytest.mark.parametrize(
    ("claimed", "first", "version", "wins"),
    [
        (EVE, "2024-07-29", 1, True),
        (EVE, "2024-07-30", 1, False),
        (FIRST, "2024-02-11", 2, True),
        (FIRST, "2024-02-12", 2, False),
        (FIRST, EVE, 2, False),
    ],
)
def test_a_late_claim_by_the_window_of_its_days_version(
    journal: Journal, claimed: str, first: str, version: int, *, wins: bool
) -> None:
    """D3.3d."""
    journal.tell(activation(), first)
    [answer] = [one for one in journal.tell(referral("p"), claimed) if isinstance(one, ClaimAnswer)]
    assert said(answer) == ("D3.3d", f"other/{version}", claimed, "p")
    if wins:
        assert isinstance(answer, ReferralAccepted)
        assert (answer.late, answer.live_through) == (True, None)
    else:
        assert isinstance(answer, ReferralRejected)
        assert (answer.reason, answer.standing_claim) == ("too_late", None)


def test_a_lapse_is_by_the_version_of_its_claims_day(journal: Journal) -> None:
    """D3.4: what let it lapse is the cause: an activation, or the claim that won instead."""
    won = only(journal.tell(referral("p"), FIRST), ReferralAccepted)
    decided = journal.tell(referral("q"), "2024-02-12")
    lapsed = only(decided, ReferralLapsed)
    assert said(lapsed) == ("D3.4", "other/2", FIRST, "p")
    assert (lapsed.claim, lapsed.reason) == (won.claim, "expired")
    assert lapsed.cause == only(decided, ReferralAccepted).claim
    decided = journal.tell(activation(), "2024-02-11")
    lapsed = only(decided, ReferralLapsed)
    assert said(lapsed) == ("D3.4", "izyinbox/1", "2024-02-12", "q")
    assert (lapsed.reason, lapsed.client_id) == ("too_late", "c1")


def test_what_would_hold_without_a_retraction_is_told_whole(journal: Journal) -> None:
    """D9.5: partner, claim, its day and window; or nobody, once that would have lapsed."""
    never = ClientPlanChanged(client_id="c1", plan="x", price=5)
    journal.tell(never, "2024-01-04")
    retract(journal, never)
    decided = journal.tell(referral("p"), FIRST)
    won, other = only(decided, ReferralAccepted), only(decided, UnretractedAttribution)
    assert (other.partner_id, other.claim, other.claim_day, other.live_through) == (
        "p", won.claim, won.day, won.live_through,
    )  # fmt: skip
    assert (other.rule, other.client_id, other.fact) == ("D9.5", "c1", won.claim)
    decided = journal.tell(activation(), "2024-02-12")
    other = only(decided, UnretractedAttribution)
    assert (other.partner_id, other.claim, other.claim_day, other.live_through) == (None,) * 4
    assert other.day == date(2024, 2, 12)


def test_without_its_retraction_an_activation_makes_a_later_claim_late(journal: Journal) -> None:
    """D9.5: provisional by what is true, for life had the activation been."""
    start = activation()
    journal.tell(start, "2024-01-10")
    retract(journal, start)
    decided = journal.tell(referral("p"), "2024-01-05")
    won, other = only(decided, ReferralAccepted), only(decided, UnretractedAttribution)
    assert (won.live_through, won.rule) == (won.day + timedelta(days=180), "D3.3e")
    assert (other.partner_id, other.live_through) == ("p", None)
