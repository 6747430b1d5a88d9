"""Folding: what each event changes in the entity of its own stream. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeVar

from events.base import Event
from events.billing import ClientActivated, ClientChurned, ClientPlanChanged
from events.catalogue import TOPICS
from events.decisions import (
    AccrualCompleted,
    ClientStanding,
    FactResolved,
    FactUnresolved,
    PayoutClosed,
    PayoutInitiated,
    ProgrammeAssigned,
    ReferralAccepted,
    ReferralLapsed,
    ReferralWaiting,
    StatementsSealed,
    TierChanged,
)
from events.finance import AccrualRun, PeriodClosed, ProgrammeAdopted
from events.partners import (
    LeadCaptured,
    LeadConverted,
    PartnerAgreementEnded,
    PartnerAgreementSigned,
    PartnerCertified,
    PartnerComarketingInvested,
    PartnerEnrolled,
    PartnerNpsReported,
    PartnerPortfolioReported,
)
from events.recorded import Recorded
from events.values import TIERS
from ledger.engine.calendar import end_of_month, first_of_month
from ledger.engine.state import (
    Activation,
    Attribution,
    Churn,
    Claim,
    Client,
    Enrolment,
    Lead,
    Ledger,
    Partner,
    Payout,
    PlanChange,
    Report,
    Run,
    Subscription,
    TierStep,
)
from ledger.policy.programme import Programme

E = TypeVar("E")
_FOLDS: dict[type[Event], Callable[..., object]] = {}


def evolve(stream: str, entity: object | None, event: Recorded | Event) -> object | None:
    """The entity of a stream after an event of it; the same where the event changes nothing of it.

    ``entity`` is None before the first event. A decision may be given bare: no fold of a decision
    reads its place.
    """
    data = event.data if isinstance(event, Recorded) else event
    fold = _FOLDS.get(type(data))
    if fold is None:
        return entity
    room, _, name = stream.partition(":")
    return fold(_NEW[room](name) if entity is None else entity, event, data)


def folded_topics() -> frozenset[str]:
    """The topics that change an entity, of every version: what the store loads of a stream."""
    types = {cls.type for cls in _FOLDS}
    return frozenset(topic for topic, cls in TOPICS.items() if cls.type in types)


def _folds(cls: type[Event]) -> Callable[[E], E]:
    def register(function: E) -> E:
        _FOLDS[cls] = function  # type: ignore[assignment]
        return function

    return register


_NEW: Mapping[str, Callable[[str], object]] = {
    "client": Client,
    "partner": Partner,
    "lead": Lead,
    "payout": Payout,
    "ledger": lambda _: Ledger(),
}


# --- client:<id> ---------------------------------------------------------------------------------


def _with(client: Client, name: str, subscription: Subscription) -> Client:
    return client._replace(subscriptions={**client.subscriptions, name: subscription})


@_folds(ClientActivated)
def _activated(client: Client, event: Recorded, fact: ClientActivated) -> Client:
    old = client.subscriptions.get(fact.subscription_id) or Subscription()
    activation = Activation(
        event.day,
        event.effective_at,
        event.position,
        fact.plan,
        fact.price,
        fact.currency,
        fact.interval,
    )
    activations = (*old.activations, activation)
    subscription = Subscription(activations, old.changes, old.churns, old.terms)
    held, settled_by = client.attribution, client.settled_by
    if settled_by is None:
        settled_by = event.position
        if held and held.live_through and held.day <= event.day <= held.live_through:
            held = held._replace(live_through=None)
    return Client(
        client.client_id,
        held,
        settled_by,
        {**client.subscriptions, fact.subscription_id: subscription},
        client.standing,
        client.unresolved,
    )


@_folds(ClientPlanChanged)
def _plan_changed(client: Client, event: Recorded, fact: ClientPlanChanged) -> Client:
    old = client.subscriptions.get(fact.subscription_id) or Subscription()
    change = PlanChange(
        event.day,
        event.effective_at,
        event.position,
        fact.plan,
        fact.price,
        fact.currency,
        fact.interval,
    )
    return _with(client, fact.subscription_id, old._replace(changes=(*old.changes, change)))


@_folds(ClientChurned)
def _churned(client: Client, event: Recorded, fact: ClientChurned) -> Client:
    old = client.subscriptions.get(fact.subscription_id) or Subscription()
    churn = Churn(event.day, event.position)
    return _with(client, fact.subscription_id, old._replace(churns=(*old.churns, churn)))


@_folds(ReferralAccepted)
def _accepted(client: Client, _: Recorded, answer: ReferralAccepted) -> Client:
    held = Attribution(answer.partner_id, answer.claim, answer.day, answer.live_through)
    return client._replace(attribution=held)


@_folds(ReferralLapsed)
def _lapsed(client: Client, _: Recorded, answer: ReferralLapsed) -> Client:
    held = client.attribution
    return client._replace(attribution=None) if held and held.claim == answer.claim else client


@_folds(ClientStanding)
def _stands(client: Client, _: Recorded, standing: ClientStanding) -> Client:
    subscriptions = dict(client.subscriptions)
    for change in standing.subscriptions:
        old = subscriptions.get(change.subscription_id) or Subscription()
        terms = change.after
        if old.terms:
            gone = [term.__dict__ for term in change.before]
            kept = [term for term in old.terms if term.__dict__ not in gone]
            terms = tuple(sorted([*kept, *change.after], key=lambda term: term.start))
        subscriptions[change.subscription_id] = Subscription(
            old.activations, old.changes, old.churns, terms
        )
    return Client(
        client.client_id,
        client.attribution,
        client.settled_by,
        subscriptions,
        standing.after,
        client.unresolved,
    )


@_folds(FactUnresolved)
def _unresolved(entity: object, _: Recorded, answer: FactUnresolved) -> object:
    if isinstance(entity, Client):
        listed = {**entity.unresolved, answer.fact: (answer.day, answer.reason)}
        return entity._replace(unresolved=listed)
    if isinstance(entity, Partner) and answer.reason == "unknown_partner":
        return entity._replace(unresolved={**entity.unresolved, answer.fact: answer.day})
    return entity


@_folds(FactResolved)
def _resolved(entity: object, _: Recorded, answer: FactResolved) -> object:
    if not isinstance(entity, Client | Partner):
        return entity
    listed = {key: value for key, value in entity.unresolved.items() if key != answer.fact}
    return entity._replace(unresolved=listed)  # type: ignore[arg-type]


# --- partner:<id> --------------------------------------------------------------------------------


@_folds(PartnerEnrolled)
def _enrolled(partner: Partner, event: Recorded, fact: PartnerEnrolled) -> Partner:
    if partner.enrolment is not None:
        return partner
    portfolio = partner.portfolio
    if fact.portfolio is not None:
        portfolio = (*portfolio, _report(event, fact.portfolio))
    return partner._replace(
        enrolment=Enrolment(event.day, event.position, fact.founding),
        portfolio=portfolio,
    )


def _report(event: Recorded, value: int, currency: str = "") -> Report:
    return Report(event.day, event.effective_at, event.position, value, currency)


@_folds(PartnerAgreementSigned)
def _signed(partner: Partner, event: Recorded, _: PartnerAgreementSigned) -> Partner:
    return partner._replace(agreement=(*partner.agreement, _report(event, 1)))


@_folds(PartnerAgreementEnded)
def _ended(partner: Partner, event: Recorded, _: PartnerAgreementEnded) -> Partner:
    return partner._replace(agreement=(*partner.agreement, _report(event, 0)))


@_folds(PartnerCertified)
def _certified(partner: Partner, event: Recorded, _: PartnerCertified) -> Partner:
    return partner._replace(certified=(*partner.certified, _report(event, 1)))


@_folds(PartnerNpsReported)
def _nps(partner: Partner, event: Recorded, fact: PartnerNpsReported) -> Partner:
    return partner._replace(nps=(*partner.nps, _report(event, fact.score)))


@_folds(PartnerPortfolioReported)
def _portfolio(partner: Partner, event: Recorded, fact: PartnerPortfolioReported) -> Partner:
    return partner._replace(portfolio=(*partner.portfolio, _report(event, fact.clients)))


@_folds(PartnerComarketingInvested)
def _comarketing(partner: Partner, event: Recorded, fact: PartnerComarketingInvested) -> Partner:
    report = _report(event, fact.amount, fact.currency)
    return partner._replace(comarketing=(*partner.comarketing, report))


@_folds(ReferralWaiting)
def _waits(partner: Partner, _: Recorded, answer: ReferralWaiting) -> Partner:
    claim = Claim(answer.claim, answer.day, answer.partner_id, answer.client_id)
    return partner._replace(waiting=(*partner.waiting, claim))


@_folds(ProgrammeAssigned)
def _assigned(partner: Partner, _: Recorded, decision: ProgrammeAssigned) -> Partner:
    return partner._replace(programmes=(*partner.programmes, (decision.day, decision.programme)))


@_folds(TierChanged)
def _tier_changed(partner: Partner, _: Recorded, decision: TierChanged) -> Partner:
    reached = TIERS.index(decision.to_tier)
    if decision.cause == "review" and decision.from_tier is not None:
        lost = partner.lost | {decision.from_tier}
    else:
        lost = frozenset(tier for tier in partner.lost if TIERS.index(tier) > reached)
    return partner._replace(
        tiers=(*partner.tiers, TierStep(decision.day, decision.to_tier)), lost=lost
    )


# --- lead:<id>, payout:<id> ----------------------------------------------------------------------


@_folds(LeadCaptured)
def _captured(lead: Lead, event: Recorded, fact: LeadCaptured) -> Lead:
    if lead.captured is not None:
        return lead
    lead = lead._replace(captured=event.position, day=event.day, partner_id=fact.partner_id)
    if fact.client_id is not None and lead.client_id is None:
        lead = lead._replace(client_id=fact.client_id, client_from=event.position)
    return lead


@_folds(LeadConverted)
def _converted(lead: Lead, event: Recorded, fact: LeadConverted) -> Lead:
    if lead.client_id is not None:
        return lead
    return lead._replace(
        client_id=fact.client_id, client_from=event.position, converted_on=event.day
    )


@_folds(PayoutInitiated)
def _initiated(payout: Payout, _: Recorded, decision: PayoutInitiated) -> Payout:
    return Payout(
        payout.payout_id,
        decision.partner_id,
        decision.currency,
        decision.day,
        decision.amount,
        "in_flight",
    )


@_folds(PayoutClosed)
def _closed(payout: Payout, _: Recorded, decision: PayoutClosed) -> Payout:
    if decision.outcome == "settled":
        return payout._replace(status="settled", paid=decision.paid, tax=decision.tax)
    return payout._replace(status=decision.outcome)


# --- ledger --------------------------------------------------------------------------------------


@_folds(ProgrammeAdopted)
def _adopted(ledger: Ledger, _: Recorded, command: ProgrammeAdopted) -> Ledger:
    programme = Programme.from_document(command.document)
    return ledger._replace(
        programmes=ledger.programmes.adopt(programme, command.from_day),
        time_zone=command.time_zone,
    )


@_folds(AccrualRun)
def _run(ledger: Ledger, event: Recorded, command: AccrualRun) -> Ledger:
    run = Run(event.position, command.through, command.previous, command.previous_run or 0)
    return ledger._replace(accrued_through=command.through, last_run=event.position, open_run=run)


@_folds(AccrualCompleted)
def _completed(ledger: Ledger, _: Recorded, decision: AccrualCompleted) -> Ledger:
    run = ledger.open_run
    return ledger._replace(open_run=None) if run and run.position == decision.run else ledger


@_folds(PeriodClosed)
def _period_closed(ledger: Ledger, event: Recorded, command: PeriodClosed) -> Ledger:
    last: date = end_of_month(first_of_month(command.month))
    return ledger._replace(closed_through=last, unsealed=(command.month, event.position))


@_folds(StatementsSealed)
def _sealed(ledger: Ledger, _: Recorded, __: StatementsSealed) -> Ledger:
    return ledger._replace(unsealed=None)
