"""Events side by side as they are looked through, and what those that are right name and move."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import orjson

from events.base import Event
from replay.course import Terms
from replay.days import Days
from replay.expressions import MAX_KNOWN
from replay.grammar import Read
from replay.links import Key
from replay.plain import FIRST_DAY, Columns, Texts
from replay.sealed import Months, Posted, Sealing

_T = TypeVar("_T")


class Terrain:
    """What holds for the next events, as they are seen here: days are ordinals, 0 if none is."""

    def __init__(self, terms: Terms) -> None:
        self.days = None if terms.time_zone is None else Days.of(terms.time_zone)
        self.opened_on = 0 if terms.opened_on is None else terms.opened_on.toordinal()
        self.closed = 0 if terms.closed_through is None else terms.closed_through.toordinal()


Account: TypeAlias = tuple[type[Event], bytes, bytes]
"""Lines of one class, partner and currency."""


@dataclass(slots=True)
class Sum:
    """What lines come to together, in minor units."""

    amount: int = 0
    base: int = 0


class Accepted:
    """What the accepted events of a page name and move; ``terrain`` is that of the next."""

    def __init__(self, terrain: Terrain, sealing: Sealing | None = None) -> None:
        self.terrain = terrain
        self.sealing = sealing or Sealing()
        self.named: defaultdict[Key, set[int]] = defaultdict(set)
        self.periods: list[int] = []
        """Lines of a period that another line, or an invoice, has to do with."""
        self.months: Months = defaultdict(Posted)
        self.sums: defaultdict[Account, Sum] = defaultdict(Sum)

    def post(self, rows: Columns, days: Texts, lines: Iterable[bytes]) -> None:
        """Add keyed lines to the months of their posting days."""
        add: dict[bytes | None, Callable[[bytes], None]] = {}
        for day in {*days}:
            posted = self.months[(day or b"")[:7].decode()]
            posted.last = max(posted.last, rows.position[-1])
            add[day] = posted.lines.append
        for day, line in zip(days, lines, strict=True):
            add[day](line)

    def lines(self) -> Iterator[Event]:
        """One line for all of a class, partner and currency: it moves what these move together."""
        for (cls, partner, currency), total in self.sums.items():
            members = dict.fromkeys(cls.model_fields) | {
                "partner_id": partner.decode(),
                "currency": currency.decode(),
                "amount": total.amount,
            }
            yield cls.holding(members | {"base": total.base} if "base" in members else members)


class Batch:
    """Events of one class side by side, in order of position: their rows and what they say."""

    def __init__(self, rows: Columns, read: Read) -> None:
        self.left = [rows.position[place] for place in read.unread]
        """The positions of those that are not in it any more."""
        self.rows = rows.without({*read.unread}) if read.unread else rows
        self.told, self._inside = read.columns, read.inside
        self._named: dict[int, set[int]] = {}
        self._days: tuple[int, ...] | None = None

    @property
    def days(self) -> tuple[int, ...]:
        """The ordinals of their days, as :func:`ordinals` gives them."""
        if self._days is None:
            self._days = ordinals(self.rows.day)
        return self._days

    def leave(self, places: Iterable[int]) -> None:
        """Leave some out."""
        out = {*places}
        if not out:
            return
        self.left += [self.rows.position[place] for place in sorted(out)]
        self.rows = self.rows.without(out)
        self.told = tuple(tuple(_others(column, out)) for column in self.told)
        self._inside = [*_others(self._inside, out)]
        self._named, self._days = {}, None

    def inside(self, at: int) -> Iterator[tuple[int, int]]:
        """Each place with a position that a value in its arrays names by a member."""
        for place, values in enumerate(self._inside):
            for told in values:
                yield place, int(told[at] or 0)

    def named(self, at: int) -> set[int]:
        """All positions that a member names, one each or many."""
        if at not in self._named:
            texts = {*self.told[at]} - _NOTHING
            self._named[at] = {*orjson.loads(b"[%b]" % b",".join(filter(None, texts)))}
        return self._named[at]

    def beyond(self, at: int, limits: Iterable[int], *, least: int) -> list[int]:
        """The places whose member names a position from its limit on; ``least`` is of all."""
        if max(self.named(at), default=0) < least:
            return []
        return [
            place
            for place, (text, limit) in enumerate(zip(self.told[at], limits, strict=True))
            if text and max(map(int, text.split(b","))) >= limit
        ]


_NOTHING = frozenset({None, b""})


class _Ordinals(dict[int | None, int]):
    """The ordinals of days as the database has them; 0 of none, less of what no calendar has."""

    def __missing__(self, day: int | None) -> int:
        ordinal = 0 if day is None else day + FIRST_DAY or -1
        if len(self) < MAX_KNOWN:
            self[day] = ordinal
        return ordinal


_ORDINALS = _Ordinals()


def ordinals(days: tuple[int | None, ...]) -> tuple[int, ...]:
    """The ordinals of a column of days; 0 of none, less of what no calendar has."""
    return tuple(map(_ORDINALS.__getitem__, days))


def _others(column: Iterable[_T], out: Container[int]) -> Iterator[_T]:
    return (each for place, each in enumerate(column) if place not in out)
