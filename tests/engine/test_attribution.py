"""D3.1, D3.3b, D3.6: what departments and assignments do to claims."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from events.billing import ClientActivated
from events.decisions import (
    AttributionAssigned,
    ClientStanding,
    ReferralAccepted,
    ReferralLapsed,
    ReferralRejected,
    ReferralUnchanged,
    ReferralWaiting,
)
from events.finance import AttributionAssignmentRequested
from events.partners import (
    LeadCaptured,
    LeadConverted,
    PartnerEnrolled,
    PartnerTerritoryGranted,
    ReferralRegistered,
)
from ledger.engine.assignments import decide_assignment
from ledger.engine.recording import reads_of_client
from ledger.engine.state import client_of
from ledger.policy.programme import Programme
from tests.engine.journal import Journal, only
from tests.rules.programmes import programme


def begun(terms: Programme) -> Journal:
    """Partners p, q, r; r holds department 75 from 2024-02-01 on."""
    journal = Journal(terms)
    for name in ("p", "q", "r"):
        journal.tell(PartnerEnrolled(partner_id=name, kind="referral"), "2024-01-01")
    journal.promote("r", "strategic", "2024-01-02")
    journal.tell(PartnerTerritoryGranted(partner_id="r", department="75"), "2024-02-01")
    return journal


@pytest.fixture
def journal() -> Journal:
    """Whose claims a held department turns away."""
    return begun(programme(territory={"months": 24}))


def refer(
    journal: Journal, day: str, partner: str = "p", department: str | None = None
) -> list[Any]:
    """A partner claims c1."""
    fact = ReferralRegistered(partner_id=partner, client_id="c1", department=department)
    return journal.tell(fact, day)


def activate(journal: Journal, day: str, partner: str | None = None, **more: Any) -> list[Any]:
    """c1 is activated at €100 a month."""
    members: dict[str, Any] = {
        "client_id": "c1",
        "plan": "pro",
        "price": 10_000,
        "currency": "EUR",
        "partner_id": partner,
        **more,
    }
    return journal.tell(ClientActivated(**members), day)


def assign(journal: Journal, partner: str | None, day: str) -> list[Any]:
    """Finance gives c1 away."""
    command = AttributionAssignmentRequested(
        client_id="c1",
        partner_id=partner,
        from_day=date.fromisoformat(day),
        reason="moved",
        requested_by="ann",
        approved_by="bob",
        operator="ann",
    )
    own = {f"partner:{partner}"} if partner else set()
    return journal.command(
        command,
        day,
        lambda state, event: decide_assignment(state, event, command),
        lambda state: own | reads_of_client(state, "c1"),
    )


@pytest.mark.parametrize(
    ("day", "partner", "answer"),
    [
        ("2024-01-31", "p", ReferralAccepted),  # the eve of the grant
        ("2024-02-01", "p", ReferralRejected),
        ("2026-01-31", "p", ReferralRejected),  # the eve of its end
        ("2026-02-01", "p", ReferralAccepted),
        ("2024-02-01", "r", ReferralAccepted),  # the holder itself
    ],
)
def test_a_held_department_turns_others_away(
    journal: Journal, day: str, partner: str, answer: type
) -> None:
    """D3.3b: a claim that names it, on the days that it is held."""
    [decided] = refer(journal, day, partner, "75")
    assert type(decided) is answer
    assert getattr(decided, "reason", "territory") == "territory"


def test_a_claim_that_names_no_department_is_not_turned_away(journal: Journal) -> None:
    """D3.3b: nor one that names another."""
    only(refer(journal, "2024-02-01"), ReferralAccepted)
    only(activate(journal, "2024-02-01", department="69"), ClientStanding)


def test_an_activations_own_claim_is_turned_away(journal: Journal) -> None:
    """D3.3b, D3.4: by the department that the activation names."""
    rejected = only(activate(journal, "2024-02-01", "p", department="75"), ReferralRejected)
    assert rejected.reason == "territory"
    assert client_of(journal.state, "c1").standing.partner_id is None


def test_a_claim_that_waited_keeps_its_department(journal: Journal) -> None:
    """D3.2: checked as if recorded then."""
    only(refer(journal, "2024-03-01", "new", "75"), ReferralWaiting)
    enrolled = journal.tell(PartnerEnrolled(partner_id="new", kind="oem"), "2024-02-15")
    assert only(enrolled, ReferralRejected).reason == "territory"


def test_leads_only_turns_no_claim_away() -> None:
    """D3.3b, choice leads_only: a department has leads of its own and nothing else."""
    journal = begun(
        programme(territory={"months": 24}, attribution={"territory_check": "leads_only"})
    )
    only(refer(journal, "2024-02-01", "p", "75"), ReferralAccepted)


def test_a_lead_without_partner_is_the_holders(journal: Journal) -> None:
    """D3.1: of the lead's day, whatever the day of the conversion."""
    journal.tell(LeadCaptured(lead_id="l", department="75"), "2024-02-01")
    claim = only(
        journal.tell(LeadConverted(lead_id="l", client_id="c1"), "2026-06-01"), ReferralAccepted
    )
    assert (claim.partner_id, claim.day) == ("r", date(2024, 2, 1))


def test_a_lead_of_a_day_without_holder_is_nobodys(journal: Journal) -> None:
    """D3.1: on the eve of the grant, and in another department."""
    for lead, department, day in (("l", "75", "2024-01-31"), ("m", "69", "2024-02-01")):
        fact = LeadCaptured(lead_id=lead, department=department, client_id="c1")
        assert journal.tell(fact, day) == []


def test_a_lead_looks_for_its_holder_when_its_client_is_known(journal: Journal) -> None:
    """D3.1: by what is recorded then: a grant told before the conversion counts."""
    journal.tell(LeadCaptured(lead_id="l", department="69"), "2024-02-05")
    journal.tell(PartnerTerritoryGranted(partner_id="r", department="69"), "2024-02-04")
    claim = only(
        journal.tell(LeadConverted(lead_id="l", client_id="c1"), "2024-02-06"), ReferralAccepted
    )
    assert claim.partner_id == "r"


def test_a_lead_of_another_partner_is_turned_away(journal: Journal) -> None:
    """D3.3b: its department is the capture's."""
    journal.tell(LeadCaptured(lead_id="l", partner_id="p", department="75"), "2024-02-01")
    rejected = only(
        journal.tell(LeadConverted(lead_id="l", client_id="c1"), "2024-02-02"), ReferralRejected
    )
    assert rejected.reason == "territory"


def test_after_an_assignment_every_claim_is_rejected(journal: Journal) -> None:
    """D3.6: of whatever day; the assigned partner's own has no effect."""
    command = only(assign(journal, "q", "2024-05-01"), AttributionAssigned).command
    for day in ("2024-04-01", "2024-05-01", "2025-01-01"):
        lost = only(refer(journal, day, "p"), ReferralRejected)
        assert (lost.reason, lost.standing_claim) == ("already_attributed", command)
        only(refer(journal, day, "q"), ReferralUnchanged)


def test_a_client_given_to_nobody_is_claimed_by_nobody(journal: Journal) -> None:
    """D3.6: though assigned to none."""
    assign(journal, None, "2024-05-01")
    assert only(refer(journal, "2024-06-01"), ReferralRejected).reason == "already_attributed"


def test_what_was_provisional_is_settled_for_the_days_before(journal: Journal) -> None:
    """D3.6: p earns up to the eve of the assignment, and counts a client activated before it."""
    refer(journal, "2024-03-01", "p")
    assign(journal, "q", "2024-05-01")
    standing = only(activate(journal, "2024-04-01"), ClientStanding).after
    assert (standing.partner_id, standing.counted_by) == ("p", None)
    client = client_of(journal.state, "c1")
    assert client.holder_on(date(2024, 4, 30)) == "p"
    assert client.holder_on(date(2024, 5, 1)) == "q"


def test_what_was_provisional_lapses_for_good(journal: Journal) -> None:
    """D3.6, D3.4: an activation after its window settles it, as if nothing had been assigned."""
    refer(journal, "2024-03-01", "p")
    assign(journal, "q", "2024-05-01")
    assert only(activate(journal, "2024-12-01"), ReferralLapsed).reason == "expired"


@pytest.mark.parametrize(
    ("partner", "counted_by", "counted"), [("q", "q", True), (None, None, False)]
)
def test_the_holder_of_the_first_activation_day_counts_the_client(
    journal: Journal, partner: str | None, counted_by: str | None, *, counted: bool
) -> None:
    """D3.6, D6.1: nobody, if it is then assigned to nobody."""
    refer(journal, "2024-03-01", "p")
    activate(journal, "2024-06-01")
    standing = only(assign(journal, partner, "2024-06-01"), ClientStanding).after
    assert (standing.partner_id, standing.counted_by) == ("p", counted_by)
    assert (standing.counted_on is not None) is counted


def test_an_assignment_from_a_later_day_changes_no_count(journal: Journal) -> None:
    """D3.6: so no standing is recorded."""
    refer(journal, "2024-03-01", "p")
    activate(journal, "2024-06-01")
    assert [d.type for d in assign(journal, "q", "2024-06-02")] == ["AttributionAssigned"]


def test_the_assignment_of_the_latest_day_holds(journal: Journal) -> None:
    """D3.6: of one day, the last recorded; in whatever order they were given."""
    refer(journal, "2024-03-01", "p")
    activate(journal, "2024-03-02")
    for partner, day in (("r", "2024-09-01"), ("q", "2024-05-01"), (None, "2024-09-01")):
        assign(journal, partner, day)
    client = client_of(journal.state, "c1")
    days = ["2024-04-30", "2024-05-01", "2024-08-31", "2024-09-01"]
    holders = [client.holder_on(date.fromisoformat(day)) for day in days]
    assert holders == ["p", "q", "q", None]
