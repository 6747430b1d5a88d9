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
from ledger.engine.state import Department, Grant, Lead, Payout


def _captured(lead: Lead, event: Recorded, fact: LeadCaptured) -> Lead:
    if lead.captured is not None:
        return lead
    lead = lead._replace(
        captured=event.position,
        day=event.day,
        partner_id=fact.partner_id,
        department=fact.department,
    )
    if fact.client_id is not None and lead.client_id is None:
        lead = lead._replace(client_id=fact.client_id, client_from=event.position)
    return lead


def _converted(lead: Lead, event: Recorded, fact: LeadConverted) -> Lead:
    if lead.client_id is not None:
        return lead
    return lead._replace(
        client_id=fact.client_id, client_from=event.position, converted_on=event.day
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
