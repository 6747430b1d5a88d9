"""Leads: a claim once the client is known, of a partner or of who holds the department (D3.1)."""

from __future__ import annotations

from events.decisions import FactResolved, FactUnresolved
from events.partners import LeadCaptured, LeadConverted
from events.recorded import Recorded
from ledger.engine.attribution import answer_claim
from ledger.engine.draft import Draft
from ledger.engine.state import Claim, Lead, department_of, lead_of


def answer_lead(draft: Draft, event: Recorded, fact: LeadCaptured | LeadConverted) -> None:
    """A lead is a claim of its capture's day as soon as its client is known (D3.1)."""
    lead = lead_of(draft.state, fact.lead_id)
    stands = event.position in {lead.captured, lead.client_from}
    if not _is_of_use(lead, event, fact):
        _list(draft, event, fact, "lead_known")
    if not stands:
        return
    if lead.captured is None or lead.day is None:
        _list(draft, event, fact, "lead_unknown")
        return
    if lead.captured == event.position and lead.client_from is not None and lead.converted_on:
        draft.emit(
            FactResolved(
                fact=lead.client_from,
                about=f"lead:{fact.lead_id}",
                client_id=lead.client_id,
                day=lead.converted_on,
            )
        )
    partner_id = claimant(draft, lead)
    if lead.client_id is not None and partner_id is not None:
        claim = Claim(lead.captured, lead.day, partner_id, lead.client_id, lead.department)
        answer_claim(draft, event, claim)


def claimant(draft: Draft, lead: Lead) -> str | None:
    """Whose claim a lead is: its partner's, or that of who holds its department on its day."""
    if lead.partner_id is not None or lead.department is None or lead.day is None:
        return lead.partner_id
    grant = department_of(draft.state, lead.department).grant_on(lead.day)
    return grant.partner_id if grant is not None else None


def _is_of_use(lead: Lead, event: Recorded, fact: LeadCaptured | LeadConverted) -> bool:
    """Whether all that a fact says of its lead is the first word on it (D3.1)."""
    if isinstance(fact, LeadConverted):
        return lead.client_from == event.position
    if lead.captured != event.position:
        return False
    return fact.client_id is None or lead.client_from == event.position


def _list(draft: Draft, event: Recorded, fact: LeadCaptured | LeadConverted, reason: str) -> None:
    draft.emit(
        FactUnresolved(
            fact=event.position,
            about=f"lead:{fact.lead_id}",
            reason=reason,
            client_id=fact.client_id,
            partner_id=fact.partner_id if isinstance(fact, LeadCaptured) else None,
            day=event.day,
        )
    )
