"""Folding ``client:<id>``: what was told of a client, and how it stands."""

from __future__ import annotations

from events.billing import ClientActivated, ClientChurned, ClientPlanChanged
from events.decisions import (
    AttributionAssigned,
    ClientStanding,
    FactResolved,
    FactUnresolved,
    ReferralAccepted,
    ReferralLapsed,
)
from events.recorded import Recorded
from ledger.engine.folding.table import Folds
from ledger.engine.state import (
    Activation,
    Assignment,
    Attribution,
    Churn,
    Client,
    Invoice,
    Partner,
    PlanChange,
    Subscription,
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
        client.assignments,
        client.voided,
    )


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
    )


def _unresolved(entity: object, _: Recorded, answer: FactUnresolved) -> object:
    if isinstance(entity, Client | Invoice):
        listed = {**entity.unresolved, answer.fact: (answer.day, answer.reason)}
        return entity._replace(unresolved=listed)
    if isinstance(entity, Partner) and answer.reason == "unknown_partner":
        return entity._replace(unresolved={**entity.unresolved, answer.fact: answer.day})
    return entity


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
}
