"""Folding ``lead:<id>``, ``department:<code>`` and ``payout:<id>``."""

from __future__ import annotations

from events.partner_decisions import TerritoryAccepted
from events.partners import (
    LeadCaptured,
    LeadConverted,
)
from events.payout_decisions import PayoutClosed, PayoutInitiated
from events.recorded import Recorded
from ledger.engine.folding.table import Folds
from ledger.engine.state import Department, Grant, Lead, LeadWord, Payout


def _captured(lead: Lead, event: Recorded, fact: LeadCaptured) -> Lead:
    word = LeadWord(
        event.position,
        event.day,
        is_capture=True,
        client_id=fact.client_id,
        partner_id=fact.partner_id,
        department=fact.department,
    )
    return _told(lead.lead_id, (*lead.words, word))


def _converted(lead: Lead, event: Recorded, fact: LeadConverted) -> Lead:
    word = LeadWord(event.position, event.day, is_capture=False, client_id=fact.client_id)
    return _told(lead.lead_id, (*lead.words, word))


def voided_lead(lead: Lead, fact: int) -> Lead:
    """A lead without what a retracted fact told of it (D9.5)."""
    return _told(lead.lead_id, tuple(word for word in lead.words if word.position != fact))


def _told(lead_id: str, words: tuple[LeadWord, ...]) -> Lead:
    """What the words about a lead say: the first capture, and the first word of its client.

    A second capture says nothing, of the client neither.
    """
    capture = next((word for word in words if word.is_capture), None)
    named = next(
        (word for word in words if word.client_id and (word is capture or not word.is_capture)),
        None,
    )
    lead = Lead(lead_id, words=words)
    if capture is not None:
        lead = lead._replace(
            captured=capture.position,
            day=capture.day,
            partner_id=capture.partner_id,
            department=capture.department,
        )
    if named is None:
        return lead
    converted_on = None if named.is_capture else named.day
    return lead._replace(
        client_id=named.client_id, client_from=named.position, converted_on=converted_on
    )


def _granted(department: Department, _: Recorded, answer: TerritoryAccepted) -> Department:
    grant = Grant(answer.partner_id, answer.day, answer.end, answer.fact)
    return department._replace(grants=(*department.grants, grant))


def _initiated(payout: Payout, _: Recorded, decision: PayoutInitiated) -> Payout:
    return Payout(
        payout.payout_id,
        decision.partner_id,
        decision.currency,
        decision.day,
        decision.amount,
        "in_flight",
    )


def _closed(payout: Payout, _: Recorded, decision: PayoutClosed) -> Payout:
    if decision.outcome == "settled":
        return payout._replace(status="settled", paid=decision.paid, tax=decision.tax)
    return payout._replace(status=decision.outcome)


FOLDS: Folds = {
    LeadCaptured: _captured,
    LeadConverted: _converted,
    TerritoryAccepted: _granted,
    PayoutInitiated: _initiated,
    PayoutClosed: _closed,
}
