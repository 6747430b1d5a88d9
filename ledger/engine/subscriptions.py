"""Subscriptions: which activations count, how long they run, at which terms (D4.1 to D4.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple, Protocol

from events.decisions import Term
from events.values import Interval
from ledger.engine.calendar import MONTHS, add_months, period_start_from
from ledger.engine.state import Activation, Churn, PlanChange, Subscription


class Span(NamedTuple):
    """A stretch in which a subscription is active: from its activation to the eve of ``end``."""

    activation: Activation
    end: date | None

    def holds(self, day: date) -> bool:
        """Whether the subscription is active on a day."""
        return self.activation.day <= day and (self.end is None or day < self.end)


class Priced(Protocol):
    """What runs read of a term: a stretch of days on which one price holds (D4.1).

    :class:`~events.decisions.Term` is one.
    """

    @property
    def start(self) -> date:
        """Its first day."""

    @property
    def end(self) -> date | None:
        """The day after its last, None: it is open."""

    @property
    def anchor(self) -> date:
        """The first day of the schedule of its periods."""

    @property
    def interval(self) -> Interval:
        """How long a period is."""

    @property
    def price(self) -> int:
        """For a period, in minor units."""

    @property
    def currency(self) -> str:
        """ISO 4217."""

    @property
    def activation(self) -> int:
        """The position of the activation that it rests on."""

    @property
    def price_fact(self) -> int:
        """The position of the fact that set the price."""


def spans(
    activations: tuple[Activation, ...], churns: tuple[Churn, ...]
) -> tuple[list[Span], dict[int, str]]:
    """The active stretches in day order, and the facts without effect (position → reason).

    Between two churns, in day order, the first recorded activation counts (D4.2). On one day a
    churn comes first if the subscription was active when the day began, else last (D2).
    """
    if len(activations) == 1 and not churns:
        return [Span(activations[0], None)], {}
    found: list[Span] = []
    idle: dict[int, str] = {}
    group: list[Activation] = []

    def close(end: date | None) -> None:
        counting = min(group, key=lambda activation: activation.position)
        found.append(Span(counting, end))
        idle.update((a.position, "already_active") for a in group if a is not counting)
        group.clear()

    facts: list[Activation | Churn] = sorted([*activations, *churns], key=lambda fact: fact.day)
    for day, on_day in groupby(facts, key=lambda fact: fact.day):
        starts: list[Activation] = []
        ends: list[Churn] = []
        for fact in on_day:
            if isinstance(fact, Activation):
                starts.append(fact)
            else:
                ends.append(fact)
        was_active = bool(group)
        if ends and was_active:
            close(day)
        group.extend(starts)
        if ends and not was_active:
            if group:
                close(day)
            else:
                idle.update((churn.position, "not_active") for churn in ends)
    if group:
        close(None)
    return found, idle


def churns_of_all(client_id: str, subscriptions: Mapping[str, Subscription]) -> tuple[Churn, ...]:
    """The churns that name no subscription and on whose day none of the client's own id is active.

    They end every subscription of the client (D4.1). Naming the client's own id is naming none: the
    two have the same content.
    """
    own = subscriptions.get(client_id)
    if own is None or not own.churns or len(subscriptions) == 1:
        return ()
    running, _ = spans(own.activations, own.churns)
    return tuple(
        churn
        for churn in own.churns
        if not any(
            span.activation.day <= churn.day and (span.end is None or churn.day <= span.end)
            for span in running
        )
    )


def last_of_each_day(changes: tuple[PlanChange, ...]) -> list[PlanChange]:
    """In day order, of one day only the last by instant, then position (D2)."""
    ordered = sorted(changes, key=lambda change: (change.day, change.at, change.position))
    return [list(of_day)[-1] for _, of_day in groupby(ordered, key=lambda change: change.day)]


class _Writer:
    """Writes the terms of one span from left to right."""

    def __init__(self, activation: Activation) -> None:
        self.terms: list[Term] = []
        self.start = self.anchor = activation.day
        self.interval: Interval = activation.interval
        self.plan, self.price, self.currency = (
            activation.plan,
            activation.price,
            activation.currency,
        )
        self.activation = self.price_fact = activation.position
        self.switch: tuple[date, Interval] | None = None

    def cut(self, day: date | None) -> None:
        """End the running term on the eve of ``day``; a term of no day is not written."""
        if day is not None and day <= self.start:
            return
        self.terms.append(
            Term.trusted(
                start=self.start,
                end=day,
                anchor=self.anchor,
                interval=self.interval,
                plan=self.plan,
                price=self.price,
                currency=self.currency,
                activation=self.activation,
                price_fact=self.price_fact,
            )
        )
        if day is not None:
            self.start = day

    def apply_switch(self, before: date | None) -> None:
        """Begin the schedule of the other interval, if its anchor lies before ``before``."""
        if self.switch is not None and (before is None or self.switch[0] < before):
            day, interval = self.switch
            self.cut(day)
            self.anchor, self.interval, self.switch = day, interval, None

    def change(self, change: PlanChange) -> None:
        """Apply a plan change: the price from its day, the interval from the next period start."""
        self.apply_switch(change.day)
        self.cut(change.day)
        self.plan, self.price, self.price_fact = change.plan, change.price, change.position
        self.currency = change.currency or self.currency
        wanted = change.interval or (self.switch[1] if self.switch else self.interval)
        self.switch = None
        if wanted != self.interval:
            following = period_start_from(self.anchor, MONTHS[self.interval], change.day)
            self.switch = following, wanted


def terms_of(
    subscription: Subscription, all_churns: tuple[Churn, ...] = ()
) -> tuple[tuple[Term, ...], dict[int, str], list[Span]]:
    """The terms of a subscription in day order, the facts without effect, and its spans.

    ``all_churns`` are the churns of the client that end all of its subscriptions.
    """
    running, idle = spans(subscription.activations, subscription.churns + all_churns)
    for churn in all_churns:
        idle.pop(churn.position, None)
    changes = last_of_each_day(subscription.changes) if subscription.changes else []
    for change in subscription.changes:
        if not any(span.holds(change.day) for span in running):
            idle[change.position] = "not_active"
    terms: list[Term] = []
    for span in running:
        if span.end is not None and span.end <= span.activation.day:
            continue
        writer = _Writer(span.activation)
        for change in changes:
            if span.holds(change.day):
                writer.change(change)
        writer.apply_switch(span.end)
        writer.cut(span.end)
        terms.extend(writer.terms)
    return tuple(terms), idle, running


def last_return(terms: Mapping[str, Sequence[Priced]], first: date, day: date) -> date:
    """The last day up to ``day`` on which a client came back, ``first`` if it never did (D5).

    It comes back on a day on which an activation starts and no other runs on from before.
    """
    runs: dict[tuple[str, int], tuple[date, date | None]] = {}
    for name, of_one in terms.items():
        for term in of_one:
            start, _ = runs.get((name, term.activation), (term.start, None))
            runs[name, term.activation] = (start, term.end)
    returns = [
        start
        for start, _ in runs.values()
        if first < start <= day
        and not any(begun < start and (end is None or start < end) for begun, end in runs.values())
    ]
    return max(returns, default=first)


def period_starts(term: Priced, after: date | None, through: date) -> Sequence[tuple[date, date]]:
    """The periods (S, last day) of a term, ``after`` < S ≤ ``through`` (None: from its start)."""
    low, end = term.start, term.end
    if after is not None and after >= low:
        low = date.fromordinal(after.toordinal() + 1)
    periods = _periods(term.anchor, MONTHS[term.interval], low, through)
    if end is None or not periods or periods[-1][0] < end:
        return periods
    return tuple(period for period in periods if period[0] < end)


# A run asks for the same days of few schedules, again and again.
@lru_cache(maxsize=4096)
def _periods(anchor: date, months: int, low: date, through: date) -> tuple[tuple[date, date], ...]:
    """The periods of a schedule, ``low`` ≤ S ≤ ``through``."""
    periods: list[tuple[date, date]] = []
    start = period_start_from(anchor, months, low)
    count = (start.year - anchor.year) * 12 + start.month - anchor.month
    # The calendar's last day stands for all beyond it (add_months): no period begins there.
    while start <= through and start < date.max:
        count += months
        following = add_months(anchor, count)
        periods.append((start, date.fromordinal(following.toordinal() - 1)))
        start = following
    return tuple(periods)
