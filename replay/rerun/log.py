"""What was told to a ledger: its facts and commands by position, read at one snapshot."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from psycopg import Connection, IsolationLevel, sql
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from events.base import Event
from events.catalogue import TOPICS
from events.codec import decode_state
from events.course import AccrualCompleted
from events.decisions import AttributionAssigned, ReferralAccepted
from events.finance import AccrualRun, AdjustmentRequested, FactRetracted, ProgrammeAdopted
from events.lines import AdjustmentPosted, PrizePosted, RankingRecorded, RewardPosted
from events.recorded import Recorded
from ledger.engine.state import LEDGER
from ledger.errors import Corrupt, NotReady
from projections import DEFAULT_NAMES, Names
from replay.rerun.commands import Key, Named
from replay.rerun.differences import Row
from replay.rerun.parts import OWN_REPORTS, READ, Division, Part

PAGE_EVENTS = 5_000
"""Events read at a time."""


WORTH_A_PROCESS = 10_000
"""Events of partners below which no further process is worth its start."""

_ROWS = """
SELECT
    position, originator_id, topic, state, effective_at, day, source, event_id, partner_id,
    client_id
FROM {events}
WHERE position <= %(through)s
    AND topic = ANY(%(topics)s)
    AND (
        client_id = ANY(%(clients)s)
        OR partner_id = ANY(%(partners)s)
        OR (
            (
                originator_id = 'ledger'
                OR originator_id LIKE 'partner:%%'
                OR originator_id LIKE 'department:%%'
                OR originator_id LIKE 'lead:%%'
            )
            AND topic <> ALL(%(own)s)
        )
        OR topic = ANY(%(rewards)s)
        OR topic = ANY(%(rankings)s)
    )
ORDER BY position
"""

_PARTNERS = """
SELECT partner_id, COUNT(*)
FROM {events}
WHERE position <= %(through)s AND topic = ANY(%(topics)s) AND partner_id IS NOT NULL
GROUP BY partner_id
"""

_CLIENTS = """
SELECT client_id, array_agg(DISTINCT partner_id) FILTER (
    WHERE topic = ANY(%(links)s) AND partner_id IS NOT NULL
)
FROM {events}
WHERE position <= %(through)s AND topic = ANY(%(topics)s) AND client_id IS NOT NULL
GROUP BY client_id
"""

_SHARED = """
SELECT array_agg(DISTINCT {column})
FROM {events}
WHERE originator_id >= %(first)s AND originator_id < %(last)s AND position <= %(through)s
GROUP BY originator_id
HAVING COUNT(DISTINCT {column}) > 1
"""


def _topics(topics: Iterable[str]) -> list[str]:
    """The same topics in all of their versions."""
    types = {topic.partition("/")[0] for topic in topics}
    return sorted(topic for topic, cls in TOPICS.items() if cls.type in types)


def topics_read() -> list[str]:
    """The topics that deciding again reads, in all of their versions."""
    return _topics(READ)


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
        self.names = names

    @property
    def address(self) -> str:
        """How another process reaches the same database."""
        info = self._connection.info
        return make_conninfo(info.dsn, password=info.password or None)

    def check_complete(self) -> None:
        """Raise NotReady while a run is open: half of one is not what was decided."""
        if self.has_open_run():
            raise NotReady(
                "an accrual run is open; wait for it, or finish it with: commissions accrue"
            )

    def has_open_run(self) -> bool:
        """Whether the log ends inside an accrual run."""
        query = sql.SQL(
            "SELECT count(*) FILTER (WHERE topic = %s) - count(*) FILTER (WHERE topic = %s)"
            " FROM {} WHERE originator_id = %s AND position <= %s"
        ).format(self._events)
        topics = AccrualRun.topic(), AccrualCompleted.topic()
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(query, (*topics, LEDGER, self.through)).fetchone()
        return bool(row and row[0])

    def told(self, classes: Collection[type[Event]]) -> Iterator[Told]:
        """The events of some classes, of any version, in the order of their positions."""
        topics = _topics(cls.topic() for cls in classes)
        query = sql.SQL(
            "SELECT position, topic, state, effective_at, day, source, event_id FROM {}"
            " WHERE topic = ANY(%s) AND position <= %s ORDER BY position"
        ).format(self._events)
        with self._connection.cursor("rerun", row_factory=tuple_row) as cursor:
            cursor.execute(query, (topics, self.through), binary=True)
            for position, topic, state, effective_at, day, source, event_id in cursor:
                data = decode_state(topic, state)
                yield Told(position, Recorded(position, effective_at, day, data, source, event_id))

    def rows(self, part: Part) -> Iterator[Row]:
        """What deciding a part again reads, in the order of positions."""
        # Common to all parts is what any decision may read, but for what only its partner's does.
        query = sql.SQL(_ROWS).format(events=self._events)
        parameters = {
            "topics": topics_read(),
            "through": self.through,
            "partners": sorted(part.partners),
            "clients": sorted(part.clients),
            "rewards": [] if part.is_common else [RewardPosted.topic()],
            "rankings": [RankingRecorded.topic(), PrizePosted.topic()] if part.is_common else [],
            "own": [] if part.is_common else sorted(OWN_REPORTS),
        }
        with self._connection.cursor("part", row_factory=tuple_row) as cursor:
            cursor.itersize = PAGE_EVENTS
            cursor.execute(query, parameters, binary=True)
            # A page at a time: a row at a time costs as much again as reading it.
            while page := cursor.fetchmany(PAGE_EVENTS):
                yield from map(Row._make, page)

    def parts(self, events: int, processes: int = 1) -> list[Part]:
        """Divide the log into parts of about so many events at most, each of whole partners.

        There is one for each of so many processes, unless too little is left for one.
        Who shares a payout or an invoice, as only mistaken messages make them, stays together.
        """
        with self._connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            place = {"through": self.through, "topics": topics_read()}
            cursor.execute(sql.SQL(_PARTNERS).format(events=self._events), place)
            weights: dict[str, int] = dict(cursor.fetchall())
            shared = sql.SQL(_SHARED)
            ties = []
            for room, column in (("payout", "partner_id"), ("invoice", "client_id")):
                names = {"events": self._events, "column": sql.Identifier(column)}
                cursor.execute(
                    shared.format(**names),
                    {"first": f"{room}:", "last": f"{room};", "through": self.through},
                )
                ties.append([names for (names,) in cursor])
            same_payouts, same_invoices = ties
        each = -(-sum(weights.values()) // processes)
        division = Division(weights, same_payouts, min(events, max(each, WORTH_A_PROCESS)))
        query = sql.SQL(_CLIENTS).format(events=self._events)
        with self._connection.cursor("clients", row_factory=tuple_row) as cursor:
            cursor.itersize = PAGE_EVENTS
            links = [ReferralAccepted.topic(), AttributionAssigned.topic()]
            cursor.execute(query, {**place, "links": links}, binary=True)
            for client_id, partners in cursor:
                division.add(client_id, partners or ())
        return division.parts(same_invoices)

    def check_readable(self) -> None:
        """Raise Corrupt, with its position, for the first event of a type that is not known."""
        query = sql.SQL(
            "SELECT position, topic FROM {} WHERE topic <> ALL(%s) AND position <= %s"
            " ORDER BY position LIMIT 1"
        ).format(self._events)
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(query, (sorted(TOPICS), self.through)).fetchone()
        if row:
            raise Corrupt(
                f"the event at position {row[0]} cannot be read: this release knows no"
                f" {row[1]!r}; run: commissions verify"
            )

    def named(self) -> Named:
        """What the commands name, wherever it stands."""
        return Named(self.adjusted_lines(), self.retracted())

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
        """The lines that adjustments name, by position, and what a take-back of them names."""
        query = sql.SQL(
            "SELECT (convert_from(state, 'UTF8')::jsonb ->> 'line')::bigint FROM {}"
            " WHERE originator_id = %s AND topic = %s AND position <= %s"
        ).format(self._events)
        with self._connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            cursor.execute(query, (LEDGER, AdjustmentRequested.topic(), self.through))
            wanted = {line for (line,) in cursor if line is not None}
        found: dict[int, Recorded] = {}
        while wanted:
            lines = self._at(wanted)
            found |= lines
            corrections = [
                line.data for line in lines.values() if isinstance(line.data, AdjustmentPosted)
            ]
            wanted = {each.line for each in corrections if each.line is not None} - found.keys()
        return found

    def _at(self, positions: Collection[int]) -> dict[int, Recorded]:
        query = sql.SQL(
            "SELECT position, topic, state, effective_at, day FROM {} WHERE position = ANY(%s)"
        ).format(self._events)
        with self._connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            cursor.execute(query, (sorted(positions),))
            return {
                position: Recorded(position, effective_at, day, decode_state(topic, state))
                for position, topic, state, effective_at, day in cursor
            }
