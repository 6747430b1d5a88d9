"""Facts that were never true: what retracting one takes away, and what then holds again (D9.5)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Literal, NamedTuple

from events.base import Decision, Event, Fact
from events.billing import (
    ClientActivated,
    ClientFact,
    DemoHeld,
    InvoicePaid,
    InvoiceRefunded,
    TrialEnded,
    TrialStarted,
)
from events.decisions import (
    DecisionUnresolved,
    FactResolved,
    FactUnresolved,
    FactVoided,
    ReferralAccepted,
    ReferralLapsed,
)
from events.partners import (
    LeadCaptured,
    LeadConverted,
    PartnerCertified,
    PartnerComarketingInvested,
    PartnerNpsReported,
    PartnerPortfolioReported,
    ReferralRegistered,
)
from events.recorded import Recorded
from ledger.engine.attribution import check_claim, lapse_reason
from ledger.engine.draft import Draft, programme_on
from ledger.engine.invoices import retract_of_invoice
from ledger.engine.leads import claimant
from ledger.engine.recording import reads_of_client
from ledger.engine.standing import record_standing
from ledger.engine.state import (
    LEDGER,
    Attribution,
    Claim,
    Client,
    Lead,
    Overlay,
    State,
    client_of,
    department_of,
    invoice_of,
    lead_of,
    partner_of,
)

_RETRACTABLE = (
    ClientFact,
    DemoHeld,
    TrialStarted,
    TrialEnded,
    ReferralRegistered,
    LeadCaptured,
    LeadConverted,
    PartnerCertified,
    PartnerNpsReported,
    PartnerPortfolioReported,
    PartnerComarketingInvested,
)


class Resting(NamedTuple):
    """A decision that rested on a retracted fact and stays: a line without a period, a tier."""

    position: int
    partner_id: str
    client_id: str | None
    day: date


def is_retractable(fact: Event) -> bool:
    """Whether a fact is about a client, a claim or a lead, or is a partner's report."""
    return isinstance(fact, _RETRACTABLE)


def reads_of_retraction(state: State, fact: Fact) -> set[str]:
    """The streams that :func:`decide_retraction` reads, by what ``state`` holds so far."""
    streams = {LEDGER, fact.stream}
    partners = {getattr(fact, "partner_id", None)}
    clients = {getattr(fact, "client_id", None)}
    if isinstance(fact, LeadCaptured | LeadConverted):
        for word in lead_of(state, fact.lead_id).words:
            clients.add(word.client_id)
            partners.add(word.partner_id)
            if word.department is not None:
                streams.add(f"department:{word.department}")
                grant = department_of(state, word.department).grant_on(word.day)
                partners.add(grant.partner_id if grant is not None else None)
    for client_id in clients - {None}:
        streams |= reads_of_client(state, str(client_id))
        provisional = client_of(state, str(client_id)).provisional
        partners.add(provisional.partner_id if provisional is not None else None)
    return streams | {f"partner:{partner_id}" for partner_id in partners if partner_id}


def decide_retraction(state: Overlay, event: Recorded, fact: Recorded) -> list[Decision]:
    """Void a fact, and decide anew what it decided; ``event`` is the retraction (D9.5)."""
    draft = Draft(state)
    data = fact.data
    if isinstance(data, LeadCaptured | LeadConverted):
        _retract_lead(draft, event, fact, data.lead_id)
        return draft.decisions
    client_id, partner_id = getattr(data, "client_id", None), getattr(data, "partner_id", None)
    before = None
    if client_id is not None and data.stream == f"client:{client_id}":
        before = client_of(state, client_id)
    if isinstance(data, InvoicePaid | InvoiceRefunded):
        invoice = invoice_of(state, data.invoice_id)
        _void(draft, event, fact, data.stream)
        retract_of_invoice(draft, event, invoice)
        return draft.decisions
    _void(draft, event, fact, data.stream)
    if before is None:
        return draft.decisions
    if partner_id is not None:
        claim = Claim(fact.position, fact.day, partner_id, before.client_id)
        _lapse(draft, event, claim)
    if isinstance(data, ClientActivated) and before.settled_by == fact.position:
        _settle_again(draft, before)
    record_standing(draft, event, before.client_id)
    return draft.decisions


def list_resting(
    event: Recorded, fact: Recorded, resting: Iterable[Resting]
) -> list[DecisionUnresolved]:
    """What stays though it rested on the fact is listed for finance."""
    return [
        DecisionUnresolved(
            rule="D9.5",
            day=one.day,
            decision=one.position,
            fact=fact.position,
            command=event.position,
            partner_id=one.partner_id,
            client_id=one.client_id,
        )
        for one in resting
    ]


def _void(
    draft: Draft, event: Recorded, fact: Recorded, about: str, claim: Claim | None = None
) -> None:
    """Void a fact in a stream; where only a claim of it stands, that claim."""
    members = fact.data.__dict__
    draft.emit(
        FactVoided(
            fact=fact.position if claim is None else claim.position,
            about=about,
            command=event.position,
            client_id=members.get("client_id") if claim is None else claim.client_id,
            partner_id=members.get("partner_id") if claim is None else claim.partner_id,
            day=fact.day if claim is None else claim.day,
        )
    )


def _lapse(draft: Draft, event: Recorded, claim: Claim) -> None:
    """A claim that holds its client, or waits, lapses; one answered otherwise stays so."""
    held = client_of(draft.state, claim.client_id).attribution
    if not _waits(draft, claim) and (held is None or held.claim != claim.position):
        return
    gone = Attribution(claim.partner_id, claim.position, claim.day, None)
    _let_lapse(draft, claim.client_id, gone, "retracted", event.position)
    if _waits(draft, claim):
        draft.emit(
            FactVoided(
                fact=claim.position,
                about=f"partner:{claim.partner_id}",
                command=event.position,
                client_id=claim.client_id,
                partner_id=claim.partner_id,
                day=claim.day,
            )
        )


def _waits(draft: Draft, claim: Claim) -> bool:
    partner = partner_of(draft.state, claim.partner_id)
    return partner.enrolment is None and any(
        (waiting.position, waiting.client_id) == (claim.position, claim.client_id)
        for waiting in partner.waiting
    )


def _settle_again(draft: Draft, before: Client) -> None:
    """What the retracted activation settled is provisional again, unless another has won since.

    The first activation that remains, in recording order, settles it at once, if there is one.
    """
    provisional = before.provisional
    client = client_of(draft.state, before.client_id)
    held = client.attribution
    if provisional is None or (held is not None and held.claim != provisional.claim):
        return
    settling = next(
        (
            activation
            for subscription in client.subscriptions.values()
            for activation in subscription.activations
            if activation.position == client.settled_by
        ),
        None,
    )
    if settling is None:
        _hold(draft, client.client_id, provisional)
    elif provisional.day <= settling.day <= (provisional.live_through or settling.day):
        if held is None:
            _hold(draft, client.client_id, provisional._replace(live_through=None))
    else:
        reason = lapse_reason(provisional, settling.day)
        _let_lapse(draft, client.client_id, provisional, reason, settling.position)


def _let_lapse(
    draft: Draft,
    client_id: str,
    held: Attribution,
    reason: Literal["expired", "too_late", "retracted"],
    cause: int,
) -> None:
    partner = partner_of(draft.state, held.partner_id)
    draft.emit(
        ReferralLapsed(
            rule="D9.5",
            programme_version=programme_on(draft.ledger, partner, held.day).version,
            day=held.day,
            claim=held.claim,
            client_id=client_id,
            partner_id=held.partner_id,
            reason=reason,
            cause=cause,
        )
    )


def _hold(draft: Draft, client_id: str, held: Attribution) -> None:
    partner = partner_of(draft.state, held.partner_id)
    draft.emit(
        ReferralAccepted(
            rule="D9.5",
            programme_version=programme_on(draft.ledger, partner, held.day).version,
            day=held.day,
            claim=held.claim,
            client_id=client_id,
            partner_id=held.partner_id,
            live_through=held.live_through,
        )
    )


def _retract_lead(draft: Draft, event: Recorded, fact: Recorded, lead_id: str) -> None:
    """A lead without a capture or conversion; what remains of it is decided as if told now."""
    before = lead_of(draft.state, lead_id)
    _void(draft, event, fact, fact.data.stream)
    lead = lead_of(draft.state, lead_id)
    _list_anew(draft, before, lead)
    if fact.position not in {before.captured, before.client_from}:
        return
    if before.captured is not None and before.day is not None and before.client_id is not None:
        _retract_claim(draft, event, fact, before)
    if lead.captured is not None and lead.day is not None and lead.client_id is not None:
        partner_id = claimant(draft, lead)
        if partner_id is not None:
            claim = Claim(lead.captured, lead.day, partner_id, lead.client_id, lead.department)
            check_claim(draft, event, claim)
            record_standing(draft, event, lead.client_id)


def _retract_claim(draft: Draft, event: Recorded, fact: Recorded, lead: Lead) -> None:
    assert lead.captured is not None
    assert lead.day is not None
    assert lead.client_id is not None
    held = client_of(draft.state, lead.client_id).attribution
    holds = held is not None and held.claim == lead.captured
    partner_id = held.partner_id if held is not None and holds else lead.partner_id
    if partner_id is None:
        return
    claim = Claim(lead.captured, lead.day, partner_id, lead.client_id)
    if holds or _waits(draft, claim):
        _void(draft, event, fact, f"client:{lead.client_id}", claim)
        _lapse(draft, event, claim)
        record_standing(draft, event, lead.client_id)


def _list_anew(draft: Draft, before: Lead, lead: Lead) -> None:
    """What remains of a lead has its effect now, or has lost the capture that it rested on."""
    about = f"lead:{lead.lead_id}"
    for word in lead.words:
        stood = word.position in {before.captured, before.client_from}
        stands = word.position in {lead.captured, lead.client_from}
        lost = stands and lead.captured is None and before.captured is not None
        if lost:
            draft.emit(
                FactUnresolved(
                    fact=word.position,
                    about=about,
                    reason="lead_unknown",
                    client_id=word.client_id,
                    day=word.day,
                )
            )
        elif stands and not stood:
            draft.emit(
                FactResolved(
                    fact=word.position, about=about, client_id=word.client_id, day=word.day
                )
            )
