"""Subscriptions of the model: which activations count, what periods they have (D4).

Agreed readings:

- A churn whose ``subscription_id`` is the client's own id is one that names no subscription (both
  are the same content after defaults).
- Days are walked in order. On a day with a churn and an activation: was there an activation since
  the last churn before that day, the churn comes first, else the activation. "Active on that day",
  for a churn that names no subscription: active when the day began, or activated on it.
- An activation and a churn on one day are a stretch of no days; it counts as an activation.
- Of two plan changes on one day the last stands for that day (D2), with all that it names and all
  that it does not: the earlier is as if it were not there.
- At each period start the interval in force is the one last named by a change with a day up to it
  (else the activation's); where it differs the start becomes the anchor of a new schedule.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from events.billing import ClientActivated, ClientChurned, ClientPlanChanged
from tests.model.days import ONE, plus_days, plus_months
from tests.model.seen import Facts, Seen, of_type


@dataclass(frozen=True)
class Spell:
    """A stretch in which a subscription is active: from ``start`` to the eve of ``end``."""

    subscription_id: str
    activation: Seen
    start: date
    end: date | None


@dataclass(frozen=True)
class Period:
    """A period of a subscription: ``start`` is its S; ``price`` the base, in minor units."""

    subscription_id: str
    start: date
    last_day: date
    price: int
    currency: str
    interval: str
    facts: tuple[int, ...]


def activations(facts: list[Seen], client_id: str) -> list[tuple[Seen, ClientActivated]]:
    """All activations of a client on record, in recording order."""
    return [pair for pair in of_type(facts, ClientActivated) if pair[1].client_id == client_id]


def subscriptions(facts: list[Seen], client_id: str) -> list[str]:
    """The subscriptions of a client ever activated."""
    return sorted({data.subscription_id for _, data in activations(facts, client_id)})


def spells(facts: list[Seen], client_id: str, subscription_id: str) -> list[Spell]:
    """The stretches of a subscription by day, each with the activation that counts (D4.2)."""
    starts = [s for s, d in activations(facts, client_id) if d.subscription_id == subscription_id]
    churns = _churn_days(facts, client_id, subscription_id)
    found: list[Spell] = []
    group: list[Seen] = []

    def close(end: date | None) -> None:
        if group:
            first = min(group, key=lambda seen: seen.position)
            found.append(Spell(subscription_id, first, first.day, end))
            group.clear()

    for day in sorted({seen.day for seen in starts} | churns):
        today = [seen for seen in starts if seen.day == day]
        if day in churns and group:
            close(day)
            group.extend(today)
        elif day in churns:
            group.extend(today)
            close(day)
        else:
            group.extend(today)
    close(None)
    return found


def _churn_days(facts: list[Seen], client_id: str, subscription_id: str) -> set[date]:
    """The days of the churns that a subscription would hear."""
    churns = [(s, d) for s, d in of_type(facts, ClientChurned) if d.client_id == client_id]
    named = {seen.day for seen, data in churns if data.subscription_id == subscription_id}
    if subscription_id == client_id:
        return named
    unnamed = {seen.day for seen, data in churns if data.subscription_id == client_id}
    return named | {day for day in unnamed if not _own_is_active(facts, client_id, day)}


def _own_is_active(facts: list[Seen], client_id: str, day: date) -> bool:
    """Whether the subscription of the client's own id was active before a day, or began on it."""
    before = [seen for seen in facts if seen.day < day]
    was_active = any(spell.end is None for spell in spells(before, client_id, client_id))
    begins = any(
        seen.day == day
        for seen, data in activations(facts, client_id)
        if data.subscription_id == client_id
    )
    return was_active or begins


def all_spells(facts: list[Seen], client_id: str) -> list[Spell]:
    """The stretches of all subscriptions of a client."""

    def find() -> list[Spell]:
        return [s for sub in subscriptions(facts, client_id) for s in spells(facts, client_id, sub)]

    return facts.answer(("spells", client_id), find) if isinstance(facts, Facts) else find()


def first_activation_day(facts: list[Seen], client_id: str) -> date | None:
    """The day of the first activation of a client, over its subscriptions (D4.2)."""
    return min((spell.start for spell in all_spells(facts, client_id)), default=None)


def _changes(facts: list[Seen], client_id: str, spell: Spell, day: date) -> list[ClientPlanChanged]:
    """The plan changes of a stretch up to a day, one a day (D2), by day."""
    found = [
        (seen, data)
        for seen, data in of_type(facts, ClientPlanChanged)
        if data.client_id == client_id
        and data.subscription_id == spell.subscription_id
        and spell.start <= seen.day <= day
    ]
    by_day = {seen.day: data for seen, data in sorted(found, key=lambda pair: pair[0].order)}
    return [by_day[changed] for changed in sorted(by_day)]


def terms_on(facts: list[Seen], client_id: str, spell: Spell, day: date) -> tuple[int, str, str]:
    """Price (minor units), currency and interval in force on a day of a stretch (D4.1, D4.3)."""
    data = spell.activation.message.data
    assert isinstance(data, ClientActivated)
    price, currency, interval = data.price, data.currency, str(data.interval)
    for change in _changes(facts, client_id, spell, day):
        price = change.price
        currency = change.currency or currency
        interval = change.interval or interval
    return price, currency, interval


def periods(facts: list[Seen], client_id: str, spell: Spell, through: date) -> list[Period]:
    """The periods of a stretch that start up to a day (D4.1); all of these are of active days."""
    found: list[Period] = []
    anchor, start, count = spell.start, spell.start, 0
    before = terms_on(facts, client_id, spell, start)[2]
    while start <= through and (spell.end is None or start < spell.end):
        price, currency, interval = terms_on(facts, client_id, spell, start)
        if interval != before:
            anchor, count, before = start, 0, interval
        count += 1
        after = plus_months(anchor, count * (12 if interval == "year" else 1))
        found.append(
            Period(
                spell.subscription_id,
                start,
                after - ONE,
                price,
                currency,
                interval,
                (spell.activation.position,),
            )
        )
        start = after
    return found


def counted_on(facts: list[Seen], client_id: str, qualifying_days: int) -> date | None:
    """D6.1: the counting day of a client, None if it does not count.

    Some subscription activated on the first activation day has a price > 0 on it and no churn from
    it up to the counting day.
    """
    first = first_activation_day(facts, client_id)
    if first is None:
        return None
    counting_day = plus_days(first, qualifying_days)
    for spell in all_spells(facts, client_id):
        stays = spell.end is None or spell.end > counting_day
        if spell.start == first and stays and terms_on(facts, client_id, spell, first)[0] > 0:
            return counting_day
    return None
