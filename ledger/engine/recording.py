"""What recording a fact decides at once: claims, standings, settlements; no line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from events.base import Decision, Event
from events.billing import (
    ClientActivated,
    ClientChurned,
    ClientPlanChanged,
    InvoicePaid,
    InvoiceRefunded,
)
from events.decisions import FactResolved, FactUnresolved
from events.partner_decisions import TierChanged
from events.partners import (
    LeadCaptured,
    LeadConverted,
    PartnerAgreementEnded,
    PartnerAgreementSigned,
    PartnerCertified,
    PartnerComarketingInvested,
    PartnerEnrolled,
    PartnerFact,
    PartnerNpsReported,
    PartnerPortfolioReported,
    PartnerTerritoryGranted,
    PartnerWhiteLabelGranted,
    PartnerWhiteLabelRevoked,
    PayoutFailed,
    PayoutSettled,
    ReferralRegistered,
    WholesaleSettled,
)
from events.recorded import Recorded
from ledger.engine.attribution import (
    answer_activation,
    answer_referral,
    answer_waiting,
)
from ledger.engine.draft import Draft, programme_on
from ledger.engine.grants import answer_brand, answer_territory
from ledger.engine.invoices import answer_invoice
from ledger.engine.leads import answer_lead
from ledger.engine.payments import answer_failure, answer_settlement, answer_wholesale
from ledger.engine.standing import record_standing
from ledger.engine.state import LEDGER, Client, Overlay, State, department_of, lead_of, partner_of
from ledger.engine.ties import answer_sponsor, answer_sponsored, sponsors_above


def answer(state: Overlay, event: Recorded) -> list[Decision]:
    """The decisions that a recorded fact brings at once, in order; most facts bring none.

    ``state`` lies over the entities of :func:`reads` with the fact itself folded in; the entities
    that the decisions change are put into it. Raises NotReady before a programme is adopted.
    """
    respond = _ANSWERS.get(type(event.data))
    if respond is None:
        return []
    draft = Draft(state)
    respond(draft, event, event.data)
    return draft.decisions


def reads(event: Recorded, state: State) -> set[str]:
    """The streams whose entities :func:`answer` reads for a fact, by what ``state`` holds so far.

    Empty for a fact that brings no decision. Asked again once they are loaded, it may name more:
    the client of a lead, the clients of claims that waited, a client's holder, who holds a
    department, the sponsors above a sponsor.
    """
    fact = event.data
    cls = type(fact)
    if cls not in DECIDING:
        return set()
    if cls is InvoicePaid or cls is InvoiceRefunded:
        return {fact.stream}
    if cls is WholesaleSettled:
        return {LEDGER}
    streams = {LEDGER, fact.stream}
    clients = {fact.__dict__.get("client_id")}
    partners = {fact.__dict__.get("partner_id")}
    department = fact.__dict__.get("department")
    # Compared, not asked for their class: pydantic's answer costs more than all the rest.
    if cls is PartnerEnrolled:
        partner = partner_of(state, fact.__dict__["partner_id"])
        clients.update(claim.client_id for claim in partner.waiting)
        streams.update(f"department:{c.department}" for c in partner.waiting if c.department)
        partners.update(tie.partner_id for tie in partner.sponsored)
        partners.update(sponsors_above(state, fact.__dict__["sponsor_id"]))
        department = None
    elif cls is LeadCaptured or cls is LeadConverted:
        lead = lead_of(state, fact.__dict__["lead_id"])
        clients.add(lead.client_id)
        partners.add(lead.partner_id)
        department = department or lead.department
        if department is not None:
            # The lead's own day once it is captured; a capture's, before it is folded.
            grant = department_of(state, department).grant_on(lead.day or event.day)
            partners.add(grant.partner_id if grant is not None else None)
    if department is not None:
        streams.add(f"department:{department}")
    for client_id in clients:
        if client_id:
            _add_client(state, client_id, streams, partners)
    streams.update(f"partner:{partner_id}" for partner_id in partners if partner_id)
    return streams


def reads_of_client(state: State, client_id: str) -> set[str]:
    """The streams that a decision about a client reads: its own, and those of who holds it."""
    streams, partners = {LEDGER}, set[str | None]()
    _add_client(state, client_id, streams, partners)
    return streams | {f"partner:{partner_id}" for partner_id in partners if partner_id}


def reads_of_sponsor(state: State, sponsor_id: str | None) -> set[str]:
    """The streams that a tie to a sponsor reads: its own and those of the sponsors above it."""
    return {f"partner:{partner_id}" for partner_id in sponsors_above(state, sponsor_id)}


def _add_client(state: State, client_id: str, streams: set[str], partners: set[str | None]) -> None:
    stream = f"client:{client_id}"
    streams.add(stream)
    client = state.get(stream)
    if isinstance(client, Client):
        if client.attribution:
            partners.add(client.attribution.partner_id)
        if client.unretracted and client.unretracted.attribution:
            partners.add(client.unretracted.attribution.partner_id)
        for assignment in client.assignments:
            partners.add(assignment.partner_id)


def _answer_change(draft: Draft, event: Recorded, fact: ClientPlanChanged | ClientChurned) -> None:
    record_standing(draft, event, fact.client_id)


def _answer_enrolment(draft: Draft, event: Recorded, fact: PartnerEnrolled) -> None:
    """The first enrolment stands: tier ``referent``, its sponsor, and what waited for it.

    Its own tie comes first, then the partners that wait for it as their sponsor (D11), then claims
    (D3.2).
    """
    partner = partner_of(draft.state, fact.partner_id)
    if partner.enrolment is None or partner.enrolment.position != event.position:
        draft.emit(
            FactUnresolved(
                fact=event.position,
                about=f"partner:{fact.partner_id}",
                reason="already_enrolled",
                partner_id=fact.partner_id,
                day=event.day,
            )
        )
        return
    draft.emit(
        TierChanged(
            rule="D6",
            programme_version=programme_on(draft.ledger, partner, event.day).version,
            day=event.day,
            partner_id=fact.partner_id,
            from_tier=None,
            to_tier="referent",
            cause="enrolment",
            facts=(event.position,),
        )
    )
    about = f"partner:{fact.partner_id}"
    for position, day in sorted(partner.unresolved.items()):
        draft.emit(FactResolved(fact=position, about=about, partner_id=fact.partner_id, day=day))
    answer_sponsor(draft, event, fact.partner_id)
    answer_sponsored(draft, event, fact.partner_id)
    answer_waiting(draft, event, partner.waiting)


def _wait_for_enrolment(draft: Draft, event: Recorded, fact: PartnerFact) -> None:
    """A fact about a partner not enrolled yet counts once it is (D6.2); listed till then."""
    if partner_of(draft.state, fact.partner_id).enrolment is None:
        draft.emit(
            FactUnresolved(
                fact=event.position,
                about=f"partner:{fact.partner_id}",
                reason="unknown_partner",
                partner_id=fact.partner_id,
                day=event.day,
            )
        )


_ANSWERS: Mapping[type[Event], Callable[[Draft, Recorded, Any], None]] = {
    ClientActivated: answer_activation,
    ClientPlanChanged: _answer_change,
    ClientChurned: _answer_change,
    ReferralRegistered: answer_referral,
    LeadCaptured: answer_lead,
    LeadConverted: answer_lead,
    PartnerEnrolled: _answer_enrolment,
    PartnerAgreementSigned: _wait_for_enrolment,
    PartnerAgreementEnded: _wait_for_enrolment,
    PartnerCertified: _wait_for_enrolment,
    PartnerNpsReported: _wait_for_enrolment,
    PartnerPortfolioReported: _wait_for_enrolment,
    PartnerComarketingInvested: _wait_for_enrolment,
    PartnerWhiteLabelGranted: answer_brand,
    PartnerWhiteLabelRevoked: _wait_for_enrolment,
    PartnerTerritoryGranted: answer_territory,
    InvoicePaid: answer_invoice,
    InvoiceRefunded: answer_invoice,
    PayoutSettled: answer_settlement,
    PayoutFailed: answer_failure,
    WholesaleSettled: answer_wholesale,
}

DECIDING: frozenset[type[Event]] = frozenset(_ANSWERS)
"""The facts that bring decisions when they are recorded."""
