"""What was told to a ledger: its facts and commands by position, read at one snapshot."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from psycopg import Connection, IsolationLevel, ServerCursor, sql
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from events.base import Event
from events.catalogue import TOPICS
from events.codec import decode_state
from events.course import AccrualCompleted
from events.finance import AccrualRun, AdjustmentRequested, FactRetracted, ProgrammeAdopted
from events.recorded import Recorded
from ledger.engine.state import LEDGER
from ledger.errors import NotReady
from projections import DEFAULT_NAMES, Names
from replay.rerun.commands import Key

PAGE_EVENTS = 5_000
"""Events read at a time."""


class Told(NamedTuple):
    """A fact or command as it was recorded."""

    position: int
    event: Recorded


@contextmanager
def reading(connection: Connection[Any]) -> Iterator[None]:
    """A transaction that reads one snapshot and can write nothing; ``connection`` must be idle."""
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        raise ValueError("the connection is in a transaction already")
    before = connection.isolation_level, connection.read_only
    connection.isolation_level, connection.read_only = IsolationLevel.REPEATABLE_READ, True
    try:
        with connection.transaction():
            yield
    finally:
        connection.isolation_level, connection.read_only = before


class Log:
    """The events of one ledger up to a position, of the types that are asked for.

    It is read within :func:`reading`.
    """

    def __init__(
        self, connection: Connection[Any], through: int, names: Names = DEFAULT_NAMES
    ) -> None:
        self._connection, self._events, self.through = connection, names.events, through

    def check_complete(self) -> None:
        """Raise NotReady while a run is open: half of one is not what was decided."""
        query = sql.SQL(
            "SELECT count(*) FILTER (WHERE topic = %s) - count(*) FILTER (WHERE topic = %s)"
            " FROM {} WHERE originator_id = %s AND position <= %s"
        ).format(self._events)
        topics = AccrualRun.topic(), AccrualCompleted.topic()
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(query, (*topics, LEDGER, self.through)).fetchone()
        if row and row[0]:
            raise NotReady(
                "an accrual run is open; wait for it, or finish it with: commissions accrue"
            )

    def told(self, classes: Collection[type[Event]]) -> Iterator[Told]:
        """The events of some classes, of any version, in the order of their positions."""
        types = {cls.type for cls in classes}
        topics = sorted(topic for topic, cls in TOPICS.items() if cls.type in types)
        query = sql.SQL(
            "SELECT position, topic, state, effective_at, day, source, event_id FROM {}"
            " WHERE topic = ANY(%s) AND position <= %s ORDER BY position"
        ).format(self._events)
        with ServerCursor(self._connection, "rerun", row_factory=tuple_row) as cursor:
            cursor.itersize = PAGE_EVENTS
            cursor.execute(query, (topics, self.through), binary=True)
            for position, topic, state, effective_at, day, source, event_id in cursor:
                data = decode_state(topic, state)
                yield Told(position, Recorded(position, effective_at, day, data, source, event_id))

    def adoptions(self) -> list[ProgrammeAdopted]:
        """The versions of programmes adopted, in their order."""
        return [
            told.event.data
            for told in self.told([ProgrammeAdopted])
            if isinstance(told.event.data, ProgrammeAdopted)
        ]

    def retracted(self) -> dict[Key, Recorded]:
        """The facts that were retracted, by source and id (D9.5)."""
        query = sql.SQL(
            "SELECT named.position, named.topic, named.state, named.effective_at, named.day,"
            " named.source, named.event_id"
            " FROM {events} AS asked CROSS JOIN LATERAL ("
            "SELECT * FROM {events} WHERE event_id IS NOT NULL"
            " AND source = convert_from(asked.state, 'UTF8')::jsonb ->> 'source'"
            " AND event_id = convert_from(asked.state, 'UTF8')::jsonb ->> 'id'"
            ") AS named"
            " WHERE asked.originator_id = %s AND asked.topic = %s AND asked.position <= %s"
        ).format(events=self._events)
        with self._connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            cursor.execute(query, (LEDGER, FactRetracted.topic(), self.through))
            return {
                (source, event_id): Recorded(
                    position, effective_at, day, decode_state(topic, state), source, event_id
                )
                for position, topic, state, effective_at, day, source, event_id in cursor
            }

    def adjusted_lines(self) -> dict[int, Recorded]:
        """The lines that adjustments name, by position."""
        query = sql.SQL(
            "SELECT named.position, named.topic, named.state, named.effective_at, named.day"
            " FROM {events} AS asked CROSS JOIN LATERAL ("
            "SELECT * FROM {events}"
            " WHERE position = (convert_from(asked.state, 'UTF8')::jsonb ->> 'line')::bigint"
            ") AS named"
            " WHERE asked.originator_id = %s AND asked.topic = %s AND asked.position <= %s"
        ).format(events=self._events)
        with self._connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            cursor.execute(query, (LEDGER, AdjustmentRequested.topic(), self.through))
            return {
                position: Recorded(position, effective_at, day, decode_state(topic, state))
                for position, topic, state, effective_at, day in cursor
            }
