"""Counted clients as runs see them: how many up to each day, and those that a decision names."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from itertools import accumulate
from types import MappingProxyType
from typing import NamedTuple


class Counts:
    """How many of a partner's clients count up to each day (D6.1)."""

    def __init__(self, by_day: Mapping[date, int]) -> None:
        self.days = sorted(by_day)
        self._sums = [0, *accumulate(by_day[day] for day in self.days)]

    def through(self, day: date) -> int:
        """Clients with a counting day up to ``day``."""
        return self._sums[bisect_right(self.days, day)]

    def within(self, after: date, through: date) -> int:
        """Clients with a counting day after ``after`` and up to ``through``."""
        return self.through(through) - self.through(after)

    def place_of(self, ordinal: int) -> tuple[date, int]:
        """The counting day of the ``ordinal``-th client, and its place among those of that day."""
        index = bisect_left(self._sums, ordinal) - 1
        return self.days[index], ordinal - self._sums[index]

    def day_of(self, ordinal: int) -> date:
        """The counting day of the ``ordinal``-th client, from 1; there must be so many."""
        return self.days[bisect_left(self._sums, ordinal) - 1]

    def spans(self, through: date) -> Iterator[tuple[date, int, int]]:
        """Each counting day up to ``through``, with the clients before it and up to it."""
        for index, day in enumerate(self.days):
            if day > through:
                return
            yield day, self._sums[index], self._sums[index + 1]


class CountedClient(NamedTuple):
    """A counted client as the decisions that it brings name it.

    ``claim`` is the winning claim, of the day ``claimed_on``; None where finance assigned the
    client. ``activation`` is the position of an activation of its first day.
    """

    client_id: str
    counted_on: date
    activated_at: datetime
    claim: int | None
    claimed_on: date | None
    activation: int

    @property
    def facts(self) -> tuple[int, ...]:
        """The facts that it counts by."""
        return tuple(sorted({self.activation} | ({self.claim} if self.claim else set())))


class Rewarded(NamedTuple):
    """What a partner was given, or refused, for its counted clients.

    ``paid`` are the ordinals of bonuses posted, ``declined`` those refused with the day last judged
    for (D10.1), ``badges`` the badges awarded (D12.2).
    """

    paid: frozenset[int] = frozenset()
    declined: Mapping[int, date] = MappingProxyType({})
    badges: frozenset[str] = frozenset()
