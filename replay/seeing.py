"""Looks at the rows of one page as they come: those of a class side by side, a portion at a time.

A portion is looked at while it is still in the processor's cache. What is out of order, or not
accepted by the shape of its class (:mod:`replay.shapes`), is left to the general way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from replay.accepted import Accepted, Terrain
from replay.course import Terms
from replay.links import numbers_of
from replay.plain import Columns, PlainRow, is_instant, not_as_hashed
from replay.sealed import Sealing
from replay.shapes import Shape, shape_of

BESIDE = 512
"""Events of one class that are looked at side by side."""


class Seeing:
    """``add`` the rows of a page in portions, then ``finish``.

    ``changes`` are the positions in the page after which other terms hold.
    """

    def __init__(
        self, after: int, terms: Terms, changes: Sequence[tuple[int, Terms]], sealing: Sealing
    ) -> None:
        self.accepted = Accepted(Terrain(terms), sealing)
        self.others: list[int] = []
        """The positions of the events that are not accepted."""
        self.instants: list[int] = []
        self.leaves: list[bytes] = []
        self.numbers = bytearray()
        """The number of the type at each position."""
        self._last = after
        self._changes = list(reversed(changes))
        self._waiting = defaultdict[bytes, list[PlainRow]](list)

    def add(self, rows: Sequence[PlainRow]) -> bool:
        """Look at the next rows; whether their positions are the next ones, without a gap."""
        first = self._last + 1
        self._last += len(rows)
        if [row[0] for row in rows] != [*range(first, self._last + 1)]:
            return False
        self.instants += [row[1] for row in rows]
        self.leaves += [row[19] for row in rows]
        self.numbers += numbers_of([row[4] for row in rows])
        while self._changes and self._changes[-1][0] <= self._last:
            change, terms = self._changes.pop()
            self._look(rows[: change - first + 1])
            rows, first = rows[change - first + 1 :], change + 1
            self._look_at_waiting()
            self.accepted.terrain = Terrain(terms)
        self._look(rows)
        return True

    def finish(self) -> bool:
        """Look at what is left; whether the instants are some of the calendar, and in order."""
        self._look_at_waiting()
        self.others.sort()
        instants = self.instants
        in_order = instants == sorted(instants)
        return in_order and is_instant(instants[0]) and is_instant(instants[-1])

    def _look(self, rows: Sequence[PlainRow]) -> None:
        """Look at rows of classes of which there are many; others wait until there are."""
        waiting = self._waiting
        for row in rows:
            waiting[row[4]].append(row)
        for topic, several in waiting.items():
            if len(several) >= BESIDE // 2:
                self._look_at(topic, several)
                several.clear()

    def _look_at_waiting(self) -> None:
        for topic, several in self._waiting.items():
            self._look_at(topic, several)
        self._waiting.clear()

    def _look_at(self, topic: bytes, rows: Sequence[PlainRow]) -> None:
        shape = shape_of(topic)
        for first in range(0, len(rows), BESIDE):
            self.others += _others(rows[first : first + BESIDE], shape, self.accepted)


def _others(rows: Sequence[PlainRow], shape: Shape | None, accepted: Accepted) -> list[int]:
    """The positions of events of one topic that are not accepted; there is one event at least."""
    if shape is None:
        return [row[0] for row in rows]
    try:
        columns = Columns.of(rows)
        unlike = not_as_hashed(columns)
    except (OverflowError, ValueError):
        # An instant that no calendar has.
        if len(rows) == 1:
            return [rows[0][0]]
        return [position for row in rows for position in _others([row], shape, accepted)]
    left = [columns.position[place] for place in unlike]
    return left + shape.take(columns.without(unlike) if unlike else columns, accepted)
