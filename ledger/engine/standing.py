"""How a client stands, recorded before and after: the one place that answers D4.2 (D4.5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from events.decisions import (
    ClientStanding,
    FactResolved,
    FactUnresolved,
    Standing,
    SubscriptionChange,
    Term,
)
from events.recorded import Recorded
from ledger.engine.calendar import add_days
from ledger.engine.draft import Draft, programme_on
from ledger.engine.state import (
    Activation,
    Client,
    Ledger,
    Partner,
    Subscription,
    client_of,
    partner_of,
)
from ledger.engine.subscriptions import Span, churns_of_all, terms_of
from ledger.policy.programme import Programme


class _Picture(NamedTuple):
    """What all facts about a client's subscriptions come to."""

    terms: Mapping[str, tuple[Term, ...]]
    spans: Mapping[str, list[Span]]
    idle: Mapping[int, str]


def record_standing(draft: Draft, event: Recorded, client_id: str) -> None:
    """Record what a fact changed in how its client stands, if anything (D4.5)."""
    client = client_of(draft.state, client_id)
    picture = _picture(client)
    after, version = _standing(draft, client, picture, event.day)
    changes = tuple(
        SubscriptionChange.trusted(
            subscription_id=name,
            before=_lacking(client.subscriptions[name].terms, terms),
            after=_lacking(terms, client.subscriptions[name].terms),
        )
        for name, terms in sorted(picture.terms.items())
        if not _same(terms, client.subscriptions[name].terms)
    )
    if changes or after.__dict__ != client.standing.__dict__:
        draft.emit(
            ClientStanding.trusted(
                rule="D4.5",
                programme_version=version,
                day=event.day,
                fact=event.position,
                client_id=client_id,
                before=client.standing,
                after=after,
                subscriptions=changes,
            )
        )
    _record_unresolved(draft, event, client, picture.idle)


def first_activation(client: Client) -> Activation | None:
    """The earliest by day of the activations that count, by all that is recorded (D4.2)."""
    return _first(_picture(client))


def _first(picture: _Picture) -> Activation | None:
    starts = (span.activation for running in picture.spans.values() for span in running)
    return min(starts, key=lambda start: (start.day, start.at, start.position), default=None)


def _same(terms: tuple[Term, ...], others: tuple[Term, ...]) -> bool:
    # Their members, not they: pydantic compares in Python.
    return [term.__dict__ for term in terms] == [other.__dict__ for other in others]


def _lacking(terms: tuple[Term, ...], others: tuple[Term, ...]) -> tuple[Term, ...]:
    """The terms that are not among the others."""
    if not others:
        return terms
    known = [other.__dict__ for other in others]
    return tuple(term for term in terms if term.__dict__ not in known)


def terms_as_told(client: Client) -> Mapping[str, tuple[Term, ...]]:
    """The terms of each subscription by all that is recorded and not retracted (D4.1)."""
    return _picture(client).terms


def as_if_unretracted(client: Client) -> Client:
    """The client as it would be, had nothing been retracted of it: U is its worth (D9.5)."""
    if client.unretracted is None:
        return client
    return client._replace(
        attribution=client.unretracted.attribution,
        settled_by=client.unretracted.settled_by,
        voided={},
        unretracted=None,
    )


def counts_on(ledger: Ledger, partner: Partner, client: Client) -> date | None:
    """The day on which a client counts for a partner, by all that is recorded (D6.1)."""
    picture = _picture(client)
    first = _first(picture)
    if first is None or client.holder_on(first.day) != partner.partner_id:
        return None
    return _counts_on(picture, first, programme_on(ledger, partner, first.day).programme)


def _picture(client: Client) -> _Picture:
    subscriptions = client.subscriptions
    if client.voided:
        subscriptions = {
            name: _without(subscription, client.voided)
            for name, subscription in subscriptions.items()
        }
    all_churns = churns_of_all(client.client_id, subscriptions)
    terms: dict[str, tuple[Term, ...]] = {}
    running: dict[str, list[Span]] = {}
    idle: dict[int, str] = {}
    ended: set[date] = set()
    for name, subscription in subscriptions.items():
        others = all_churns if name != client.client_id else ()
        terms[name], without_effect, running[name] = terms_of(subscription, others)
        idle.update(without_effect)
        ended.update(span.end for span in running[name] if span.end is not None and others)
    for churn in all_churns:
        if churn.day in ended:
            idle.pop(churn.position, None)
    return _Picture(terms, running, idle)


def _without(subscription: Subscription, voided: Mapping[int, int]) -> Subscription:
    """A subscription without the facts that were retracted (D9.5)."""
    activations, changes, churns, terms = subscription
    return Subscription(
        tuple(fact for fact in activations if fact.position not in voided),
        tuple(fact for fact in changes if fact.position not in voided),
        tuple(fact for fact in churns if fact.position not in voided),
        terms,
    )


def _standing(
    draft: Draft, client: Client, picture: _Picture, event_day: date
) -> tuple[Standing, str]:
    """The client's values now, and the programme version that counted it."""
    held = client.attribution
    holder = held if held is not None and held.live_through is None else None
    first = _first(picture)
    by_claims = counter = holder.partner_id if holder else None
    if client.assignments and first is not None:
        counter = client.holder_on(first.day)
    partner = partner_of(draft.state, counter) if counter else None
    adopted = programme_on(draft.ledger, partner, first.day if first else event_day)
    counted = None
    if first is not None and counter is not None:
        counted = _counts_on(picture, first, adopted.programme)
    standing = Standing.trusted(
        partner_id=by_claims,
        claim=holder.claim if holder else None,
        first_activated_on=first.day if first else None,
        first_activated_at=first.at if first else None,
        counted_on=counted,
        counted_by=counter if counter != by_claims else None,
        retracted=True if client.voided else None,
    )
    return standing, adopted.version


def _counts_on(picture: _Picture, first: Activation, programme: Programme) -> date | None:
    """The day on which a client counts: one subscription of its first day is paid for and stays."""
    counting = add_days(first.day, programme.activation.qualifying_days)
    for name, running in picture.spans.items():
        for span in running:
            if span.activation.day != first.day or (span.end is not None and span.end <= counting):
                continue
            price = next(term.price for term in picture.terms[name] if term.start == first.day)
            if price > 0:
                return counting
    return None


def _record_unresolved(
    draft: Draft, event: Recorded, client: Client, idle: Mapping[int, str]
) -> None:
    """List the facts that have no effect now, and those that have one now."""
    about = f"client:{client.client_id}"
    days = {event.position: event.day}
    for position, reason in sorted(idle.items()):
        if position in client.unresolved:
            continue
        draft.emit(
            FactUnresolved(
                fact=position,
                about=about,
                reason=reason,
                client_id=client.client_id,
                day=days.get(position) or _day_of(client, position),
            )
        )
    for position, (day, _) in sorted(client.unresolved.items()):
        if position not in idle:
            draft.emit(
                FactResolved(fact=position, about=about, client_id=client.client_id, day=day)
            )


def _day_of(client: Client, position: int) -> date:
    for subscription in client.subscriptions.values():
        for facts in (subscription.activations, subscription.changes, subscription.churns):
            for fact in facts:
                if fact.position == position:
                    return fact.day
    raise LookupError(f"no fact at position {position} about {client.client_id}")
