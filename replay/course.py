"""The commands of a ledger, and what they say before any page: zone, opening, closed month."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

import psycopg
from psycopg import Connection, sql
from psycopg.rows import tuple_row

from events.base import COMMANDS, Event
from events.codec import decode_state
from events.errors import EventError
from events.finance import LedgerOpened, PeriodClosed, ProgrammeAdopted
from ledger.engine.calendar import ONE_DAY
from replay.findings import Discrepancy, StoredRow
from replay.statements import last_day

Readable: TypeAlias = tuple[list[StoredRow], list[Discrepancy]]
"""Rows, and what is told of those that cannot be read as such."""


class Terms(NamedTuple):
    """What holds for the next event; None where nothing was said yet."""

    time_zone: str | None = None
    opened_on: date | None = None
    closed_through: date | None = None

    def after(self, event: Event) -> Terms:
        """What holds after an event; the same after most."""
        match event:
            case ProgrammeAdopted():
                return self._replace(time_zone=self.time_zone or event.time_zone)
            case PeriodClosed():
                return self._replace(closed_through=last_day(event.month))
            case LedgerOpened():
                return self._replace(opened_on=event.day, closed_through=event.day - ONE_DAY)
            case _:
                return self


class Course:
    """The terms at any position, from the few commands that set them."""

    def __init__(self, commands: Iterable[tuple[StoredRow, Event]]) -> None:
        self._terms = [(0, Terms())]
        for row, event in commands:
            now = self._terms[-1][1]
            if (terms := now.after(event)) is not now:
                self._terms.append((row.position, terms))

    def at(self, position: int) -> Terms:
        """What holds after the event of a position."""
        return self._terms[bisect_right(self._terms, position, key=itemgetter(0)) - 1][1]

    def within(self, after: int, through: int) -> list[tuple[int, Terms]]:
        """The positions in (after, through] that change the terms, with what holds after them."""
        first = bisect_right(self._terms, after, key=itemgetter(0))
        return self._terms[first : bisect_right(self._terms, through, key=itemgetter(0))]


def commands_of(
    connection: Connection[Any], events: sql.Identifier, through: int
) -> list[tuple[StoredRow, Event]]:
    """Read the ledger's own stream up to a position."""
    condition = sql.SQL("originator_id = {} AND position <= {}").format(COMMANDS, through)
    return list(commands_in(readable_where(connection, events, condition)[0]))


def commands_in(rows: Iterable[StoredRow]) -> Iterator[tuple[StoredRow, Event]]:
    """Yield what is in the ledger's own stream; what cannot be read is told where all is read."""
    for row in rows:
        if row.originator_id == COMMANDS:
            with suppress(EventError, ValueError):
                yield row, decode_state(row.topic, row.state)


def rows_where(
    connection: Connection[Any], events: sql.Identifier, condition: sql.Composable
) -> list[StoredRow]:
    """Read the rows of a condition, by position, in a transaction of their own."""
    query = sql.SQL("SELECT {} FROM {} WHERE {} ORDER BY position").format(
        sql.SQL(", ").join(map(sql.Identifier, StoredRow._fields)), events, condition
    )
    with connection.transaction(), connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        cursor.execute(query)
        return [StoredRow(*row) for row in cursor]


_CALENDAR = """
    recorded_at BETWEEN '0001-01-02 00:00+00' AND '9999-12-30 00:00+00'
    AND COALESCE(effective_at BETWEEN '0001-01-02 00:00+00' AND '9999-12-30 00:00+00', TRUE)
    AND COALESCE(day BETWEEN '0001-01-01' AND '9999-12-31', TRUE)
    AND COALESCE(posting_day BETWEEN '0001-01-01' AND '9999-12-31', TRUE)
"""


def readable_where(
    connection: Connection[Any], events: sql.Identifier, condition: sql.Composable
) -> Readable:
    """Read the rows of a condition; those with a day or an instant of no calendar are told."""
    try:
        return rows_where(connection, events, condition), []
    except psycopg.DataError:
        parts = {"events": events, "some": condition, "calendar": sql.SQL(_CALENDAR)}
    rows = rows_where(connection, events, sql.SQL("{some} AND {calendar}").format(**parts))
    query = sql.SQL(
        "SELECT position, partner_id FROM {events} WHERE {some} AND NOT ({calendar}) ORDER BY 1"
    ).format(**parts)
    what = "an instant or a day is in no calendar"
    with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        return rows, [Discrepancy("columns", what, *row) for row in cursor.execute(query)]
