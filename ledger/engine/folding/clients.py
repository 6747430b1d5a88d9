"""Folding ``client:<id>``: what was told of a client, and how it stands."""

from __future__ import annotations

from datetime import date

from events.billing import ClientActivated, ClientChurned, ClientPlanChanged
from events.decisions import (
    AttributionAssigned,
    ClientStanding,
    FactResolved,
    FactUnresolved,
    FactVoided,
    ReferralAccepted,
    ReferralLapsed,
    UnretractedAttribution,
)
from events.recorded import Recorded
from ledger.engine.folding.others import voided_lead
from ledger.engine.folding.partners import voided_report
from ledger.engine.folding.table import Folds
from ledger.engine.state import (
    Activation,
    Assignment,
    Attribution,
    Churn,
    Client,
    Invoice,
    Lead,
    Partner,
    PlanChange,
    Subscription,
    Unretracted,
)


def _with(client: Client, name: str, subscription: Subscription) -> Client:
    return client._replace(subscriptions={**client.subscriptions, name: subscription})


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
    held, settled_by, provisional = client.attribution, client.settled_by, client.provisional
    if settled_by is None:
        settled_by = event.position
        provisional = held if held and held.live_through else None
        held = settled(held, event.day)
    unretracted = client.unretracted
    if unretracted is not None and unretracted.settled_by is None:
        would_hold = settled(unretracted.attribution, event.day)
        unretracted = unretracted._replace(attribution=would_hold, settled_by=event.position)
    return Client(
        client.client_id,
        held,
        settled_by,
        {**client.subscriptions, fact.subscription_id: subscription},
        client.standing,
        client.unresolved,
        client.assignments,
        client.voided,
        provisional,
        unretracted,
    )


def settled(held: Attribution | None, day: date) -> Attribution | None:
    """An attribution once the client is first activated on a day: for life, within its window."""
    if held and held.live_through and held.day <= day <= held.live_through:
        return held._replace(live_through=None)
    return held


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


def _churned(client: Client, event: Recorded, fact: ClientChurned) -> Client:
    old = client.subscriptions.get(fact.subscription_id) or Subscription()
    churn = Churn(event.day, event.position)
    return _with(client, fact.subscription_id, old._replace(churns=(*old.churns, churn)))


def _accepted(client: Client, _: Recorded, answer: ReferralAccepted) -> Client:
    held = Attribution(answer.partner_id, answer.claim, answer.day, answer.live_through)
    return client._replace(attribution=held)


def _lapsed(client: Client, _: Recorded, answer: ReferralLapsed) -> Client:
    held = client.attribution
    return client._replace(attribution=None) if held and held.claim == answer.claim else client


def _would_hold(client: Client, _: Recorded, decision: UnretractedAttribution) -> Client:
    held: Attribution | None = None
    if decision.partner_id is not None and decision.claim is not None:
        day = decision.claim_day or decision.day
        held = Attribution(decision.partner_id, decision.claim, day, decision.live_through)
    unretracted = client.unretracted
    assert unretracted is not None
    return client._replace(unretracted=unretracted._replace(attribution=held))


def _assigned(client: Client, _: Recorded, decision: AttributionAssigned) -> Client:
    assignment = Assignment(decision.day, decision.partner_id, decision.command)
    return client._replace(assignments=(*client.assignments, assignment))


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
        client.assignments,
        client.voided,
        client.provisional,
        client.unretracted,
    )


def _unresolved(entity: object, _: Recorded, answer: FactUnresolved) -> object:
    if isinstance(entity, Client | Invoice):
        listed = {**entity.unresolved, answer.fact: (answer.day, answer.reason)}
        return entity._replace(unresolved=listed)
    if isinstance(entity, Partner) and answer.reason == "unknown_partner":
        return entity._replace(unresolved={**entity.unresolved, answer.fact: answer.day})
    return entity


def _voided(entity: object, _: Recorded, decision: FactVoided) -> object:
    fact = decision.fact
    if isinstance(entity, Client):
        return _voided_of_client(entity, fact, decision.command)
    if isinstance(entity, Invoice):
        listed = {key: value for key, value in entity.unresolved.items() if key != fact}
        return entity._replace(voided={**entity.voided, fact: decision.command}, unresolved=listed)
    if isinstance(entity, Partner):
        return voided_report(entity, fact, decision.client_id)
    if isinstance(entity, Lead):
        return voided_lead(entity, fact)
    return entity


def _voided_of_client(client: Client, fact: int, command: int) -> Client:
    """A client without a fact: what that settled, the first activation that remains settles."""
    voided = {**client.voided, fact: command}
    settled_by, provisional, held = client.settled_by, client.provisional, client.attribution
    if settled_by == fact:
        settled_by = min(
            (
                activation.position
                for subscription in client.subscriptions.values()
                for activation in subscription.activations
                if activation.position not in voided
            ),
            default=None,
        )
        won_since = (
            held is not None
            and provisional is not None
            and (held.claim not in {provisional.claim, fact})
        )
        if settled_by is None or won_since:
            provisional = None
    if provisional is not None and provisional.claim == fact:
        provisional = None
    return client._replace(
        voided=voided,
        settled_by=settled_by,
        provisional=provisional,
        unresolved={key: value for key, value in client.unresolved.items() if key != fact},
        unretracted=client.unretracted or Unretracted(held, client.settled_by),
    )


def _resolved(entity: object, _: Recorded, answer: FactResolved) -> object:
    if not isinstance(entity, Client | Partner | Invoice):
        return entity
    listed = {key: value for key, value in entity.unresolved.items() if key != answer.fact}
    return entity._replace(unresolved=listed)  # type: ignore[arg-type]


FOLDS: Folds = {
    ClientActivated: _activated,
    ClientPlanChanged: _plan_changed,
    ClientChurned: _churned,
    ReferralAccepted: _accepted,
    ReferralLapsed: _lapsed,
    AttributionAssigned: _assigned,
    ClientStanding: _stands,
    FactUnresolved: _unresolved,
    FactResolved: _resolved,
    FactVoided: _voided,
    UnretractedAttribution: _would_hold,
}
