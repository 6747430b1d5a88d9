"""D3.1: leads become claims; what of them is listed, and when it is not any more."""

from __future__ import annotations

from datetime import date

from events.base import Decision
from events.decisions import ClientStanding, FactResolved, FactUnresolved, ReferralAccepted
from events.partners import LeadCaptured, LeadConverted, PartnerEnrolled
from tests.engine.journal import Journal, only
from tests.engine.test_retraction import activation
from tests.rules.programmes import plain

Listed = tuple[int, str, str, str | None, str | None, date]


def partners() -> Journal:
    """P is enrolled: the next fact stands at position 4."""
    journal = Journal(plain())
    journal.tell(PartnerEnrolled(partner_id="p", kind="referral"), "2024-01-01")
    assert len(journal.events) == 3
    return journal


def listed(decided: list[Decision]) -> Listed:
    """The one fact that is listed: fact, where, why, client, partner, day."""
    one = only(decided, FactUnresolved)
    return one.fact, one.about, one.reason, one.client_id, one.partner_id, one.day


def test_a_conversion_without_a_capture_waits_listed_for_it() -> None:
    """It has its effect once the capture is told, and is told to have it."""
    journal = partners()
    decided = journal.tell(LeadConverted(lead_id="l", client_id="c1"), "2024-01-10")
    assert listed(decided) == (4, "lead:l", "lead_unknown", "c1", None, date(2024, 1, 10))
    decided = journal.tell(LeadCaptured(lead_id="l", partner_id="p"), "2024-01-05")
    resolved, won = only(decided, FactResolved), only(decided, ReferralAccepted)
    assert (resolved.fact, resolved.about, resolved.client_id) == (4, "lead:l", "c1")
    assert resolved.day == date(2024, 1, 10)
    assert (won.claim, won.day, won.client_id) == (6, date(2024, 1, 5), "c1")


def test_a_conversion_after_its_capture_settles_nothing_that_was_listed() -> None:
    """Nothing was."""
    journal = partners()
    assert journal.tell(LeadCaptured(lead_id="l", partner_id="p"), "2024-01-05") == []
    decided = journal.tell(LeadConverted(lead_id="l", client_id="c1"), "2024-01-10")
    assert [one.type for one in decided] == ["ReferralAccepted"]


def test_a_second_word_on_a_lead_is_listed() -> None:
    """The first stands: a capture with its client and partner, a conversion with its client."""
    journal = partners()
    journal.tell(LeadCaptured(lead_id="l", partner_id="p", client_id="c1"), "2024-01-05")
    position = len(journal.events) + 1
    again = LeadCaptured(lead_id="l", partner_id="q", client_id="c2")
    assert listed(journal.tell(again, "2024-01-06")) == (
        position, "lead:l", "lead_known", "c2", "q", date(2024, 1, 6),
    )  # fmt: skip
    position = len(journal.events) + 1
    assert listed(journal.tell(LeadConverted(lead_id="l", client_id="c3"), "2024-01-07")) == (
        position, "lead:l", "lead_known", "c3", None, date(2024, 1, 7),
    )  # fmt: skip


def test_a_lead_that_wins_late_changes_how_its_client_stands() -> None:
    """D3.3d: by the fact that made its client known."""
    journal = partners()
    journal.tell(activation(), "2024-01-10")
    journal.tell(LeadCaptured(lead_id="l", partner_id="p"), "2024-01-05")
    position = len(journal.events) + 1
    decided = journal.tell(LeadConverted(lead_id="l", client_id="c1"), "2024-01-11")
    assert only(decided, ReferralAccepted).late
    standing = only(decided, ClientStanding)
    assert (standing.fact, standing.after.partner_id) == (position, "p")


def test_a_lead_of_nobody_is_no_claim() -> None:
    """Without a partner and without a department."""
    journal = partners()
    journal.tell(LeadCaptured(lead_id="l"), "2024-01-05")
    assert journal.tell(LeadConverted(lead_id="l", client_id="c1"), "2024-01-10") == []
