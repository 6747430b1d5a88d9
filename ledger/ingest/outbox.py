"""What is to be published, read from the ledger itself: decisions by position, and dead letters.

Nothing is put aside when a decision is made: the log is the outbox. Positions have no gaps and are
committed in their order, so whatever lies below the head is there for good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection, sql
from psycopg.rows import class_row, tuple_row

from events.base import Decision
from events.catalogue import TOPICS
from events.envelope import MAX_BYTES
from events.published import STRUCTURED, published, published_id
from events.values import format_instant
from ledger.errors import Corrupt, Refused
from ledger.ingest.publisher import Outgoing, Place, Stored, Tail
from ledger.store.migrations import Names

PAGE_POSITIONS = 1_000
"""How many positions are read, and their decisions published, in one step."""

DECISIONS = sorted(topic for topic, cls in TOPICS.items() if issubclass(cls, Decision))
"""What is published: every decision, in every version. Facts came from outside, and commands hold
the names of persons."""

_READ = """
SELECT position, recorded_at, originator_id, topic, partner_id, client_id, leaf,
    CASE WHEN topic = ANY(%(decisions)s) THEN state END AS state
FROM {events}
WHERE position >= %(reached)s
    AND position <= LEAST(%(through)s, (SELECT position FROM {head}))
ORDER BY position
"""

_MOVE = """
UPDATE {relays}
SET
    position = %(position)s,
    leaf = %(leaf)s,
    ends = %(ends)s,
    lasts = %(lasts)s,
    moved_at = clock_timestamp()
WHERE cluster_id = %(cluster_id)s AND topic = %(topic)s AND position = %(reached)s
"""


@dataclass(frozen=True, slots=True)
class _Row:
    position: int
    recorded_at: datetime
    originator_id: str
    topic: str
    partner_id: str | None
    client_id: str | None
    leaf: bytes
    state: bytes | None


class Reached(NamedTuple):
    """How far a topic was published: a position (0: nothing yet) and its leaf.

    ``ends`` has the offset at which each partition ended then; those beyond it were empty.
    ``lasts`` has the position of the record before that, if it was this ledger that put it there,
    else 0.
    """

    position: int
    leaf: bytes | None
    ends: Sequence[int]
    lasts: Sequence[int]


class Page(NamedTuple):
    """What comes after a place: the records to publish, their positions, and where they lead to."""

    records: Sequence[Outgoing]
    positions: Sequence[int]
    position: int
    leaf: bytes


class DecisionLog:
    """The decisions of a ledger, and how far they were published to one topic.

    The connection is in autocommit mode: each method is one short statement, or few.
    """

    def __init__(self, connection: Connection[Any], names: Names, place: Place) -> None:
        self._connection, self._place = connection, place
        tables = {
            "events": names.table(names.events),
            "head": names.table(names.head),
            "relays": names.table(names.relays),
        }
        self._read, self._move = (sql.SQL(text).format(**tables) for text in (_READ, _MOVE))
        self._relays, self._events = tables["relays"], tables["events"]

    def resume(self) -> Reached:
        """Where to go on.

        Raises Refused for a topic that was made anew under the name of the one published to.
        """
        place = self._place
        self._connection.execute(
            sql.SQL(
                "INSERT INTO {} (cluster_id, topic, topic_id, position) VALUES (%s, %s, %s, 0)"
                " ON CONFLICT (cluster_id, topic) DO NOTHING"
            ).format(self._relays),
            place,
        )
        query = sql.SQL(
            "SELECT topic_id, position, leaf, ends, lasts FROM {}"
            " WHERE cluster_id = %s AND topic = %s"
        )
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(query.format(self._relays), place[:2]).fetchone()
        assert row is not None
        topic_id, *reached = row
        if topic_id != place.topic_id:
            raise Refused(
                f"the topic {place.topic} was made anew (its id is {place.topic_id}, not"
                f" {topic_id}) after the ledger was published to it up to position {reached[0]}: it"
                " lacks all of that. Publish everything to it with --from-start, or name another"
                " topic"
            )
        return Reached(*reached)

    def start_anew(self, tails: Sequence[Tail]) -> Reached:
        """Publish all once more; what the topic has by now is left behind."""
        ends = {tail.partition: tail.end for tail in tails}
        reached = Reached(0, None, _by_number(ends), ())
        self._connection.execute(
            sql.SQL(
                "INSERT INTO {} (cluster_id, topic, topic_id, position, ends)"
                " VALUES (%s, %s, %s, 0, %s) ON CONFLICT (cluster_id, topic) DO UPDATE SET"
                " topic_id = excluded.topic_id, position = 0, leaf = NULL, ends = excluded.ends,"
                " lasts = '{{}}'"
            ).format(self._relays),
            (*self._place, reached.ends),
        )
        return reached

    def check(self, reached: Reached, tails: Sequence[Tail]) -> None:
        """Raise Refused if what the topic got after a place is not of this ledger, or is gone.

        A restored ledger's own place is as old as itself; what was published after it only the
        topic knows. What was published last must stand where it stood: a topic that lost its end
        may have got other records since. ``tails`` are those from the place's ends on.
        """
        known, lasts = dict(enumerate(reached.ends)), dict(enumerate(reached.lasts))
        for tail in tails:
            end = known.get(tail.partition, 0)
            if tail.end < end:
                raise self._lost(f"partition {tail.partition} ends at {tail.end}, not at {end}")
            position = lasts.get(tail.partition)
            if position and tail.begin < end:
                if tail.before is None or tail.before[0] != position:
                    raise self._lost(
                        f"partition {tail.partition} has something else at offset {end - 1} than"
                        f" position {position}"
                    )
                self._check_published(*tail.before)
            if tail.last is not None:
                self._check_published(*tail.last)
            elif tail.begin > end:
                raise self._lost(
                    f"partition {tail.partition} begins at {tail.begin}, though what was"
                    f" published from {end} on is not known"
                )

    def _check_published(self, position: int, leaf: str) -> None:
        query = sql.SQL("SELECT leaf FROM {} WHERE position = %s").format(self._events)
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(query, (position,)).fetchone()
        if row is None or published_id(position, row[0]) != f"{position}-{leaf}":
            raise self._not_the_same(position, is_there=row is not None)

    def after(self, reached: Reached) -> Page | None:
        """The next page, None at the ledger's end.

        Raises Refused if the ledger is not the one that was published: it was restored from a
        backup, or is another; Corrupt for a position that is missing.
        """
        through = reached.position + PAGE_POSITIONS
        parameters = {"decisions": DECISIONS, "reached": reached.position, "through": through}
        with self._connection.cursor(row_factory=class_row(_Row)) as cursor:
            rows = cursor.execute(self._read, parameters).fetchall()
        if reached.position:
            self._check_the_same(reached, rows[0] if rows else None)
            del rows[0]
        if not rows:
            return None
        for position, row in enumerate(rows, start=reached.position + 1):
            if row.position != position:
                raise Corrupt(
                    f"position {position} is missing from the ledger; run: commissions verify"
                )
        told = [(row.position, _record(row, row.state)) for row in rows if row.state is not None]
        positions, records = [position for position, _ in told], [record for _, record in told]
        return Page(records, positions, rows[-1].position, rows[-1].leaf)

    def move(self, before: Reached, page: Page, stored: Mapping[int, Stored]) -> Reached:
        """Remember that a page behind a place is published; the place behind it.

        Raises Refused if the topic had lost its end by then, or another relay was there already.
        """
        ends, lasts = dict(enumerate(before.ends)), dict(enumerate(before.lasts))
        for number, place in sorted(stored.items()):
            if place.first < ends.get(number, 0):
                raise self._lost(
                    f"partition {number} went on at {place.first}, not at {ends[number]}"
                )
            ends[number], lasts[number] = place.end, page.positions[place.last]
        after = Reached(page.position, page.leaf, _by_number(ends), _by_number(lasts))
        parameters = {**self._place._asdict(), "reached": before.position, **after._asdict()}
        if self._connection.execute(self._move, parameters).rowcount != 1:
            raise Refused(
                f"another relay publishes to {self._place.topic} beside this one; what was sent"
                " twice has one id. Leave one of them running"
            )
        return after

    def _check_the_same(self, reached: Reached, row: _Row | None) -> None:
        if row is not None and row.position == reached.position and row.leaf == reached.leaf:
            return
        raise self._not_the_same(reached.position, is_there=row is not None)

    def _lost(self, found: str) -> Refused:
        return Refused(
            f"the brokers have lost or deleted records of {self._place.topic}: {found}. Publish to"
            " a new topic and point its readers there, or publish everything anew with"
            " --from-start; have the topic keep all (retention.ms=-1)"
        )

    def _not_the_same(self, position: int, *, is_there: bool) -> Refused:
        found = "has another content" if is_there else "is not there"
        return Refused(
            f"position {position} was published to {self._place.topic}, but {found} in this"
            " ledger: a backup was restored, or this is another ledger. Publish to a new topic and"
            " point its readers there, or publish everything anew with --from-start and have"
            " the readers forget what they read before"
        )


def _by_number(values: Mapping[int, int]) -> list[int]:
    """Values by the numbers of partitions, as a list; 0 where there is none."""
    return [values.get(number, 0) for number in range(max(values, default=-1) + 1)]


def _record(row: _Row, state: bytes) -> Outgoing:
    value = published(
        position=row.position,
        leaf=row.leaf,
        recorded_at=row.recorded_at,
        stream=row.originator_id,
        topic=row.topic,
        state=state,
    )
    key = row.partner_id or row.client_id or row.originator_id
    headers = [
        ("content-type", STRUCTURED.encode()),
        ("position", str(row.position).encode()),
    ]
    return Outgoing(key.encode(), value, headers)


LETTERS = 16
"""How many dead letters are published in one step; each may have 1 MiB."""

_UNPUBLISHED = """
SELECT id, received_at, kind, origin, error, member, message, payload_sha256, kafka_topic,
    kafka_partition, kafka_offset, erased_at IS NOT NULL AS erased,
    COALESCE(octet_length(payload), 0) > %(longest)s AS too_large,
    CASE WHEN octet_length(payload) <= %(longest)s THEN payload END AS payload
FROM {dead_letters}
WHERE published_at IS NULL
ORDER BY id
LIMIT %(limit)s
"""

_MARK = "UPDATE {dead_letters} SET published_at = clock_timestamp() WHERE id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class _Letter:
    id: int
    received_at: datetime
    kind: str
    origin: str
    error: str
    member: str | None
    message: str | None
    payload_sha256: bytes
    kafka_topic: str | None
    kafka_partition: int | None
    kafka_offset: int | None
    erased: bool
    too_large: bool
    payload: bytes | None


class LetterBox:
    """The dead letters that were not published yet, in the order in which they came."""

    def __init__(self, connection: Connection[Any], names: Names) -> None:
        self._connection = connection
        tables = {"dead_letters": names.table(names.dead_letters)}
        self._select, self._mark = (
            sql.SQL(text).format(**tables) for text in (_UNPUBLISHED, _MARK)
        )

    def unpublished(self, limit: int = LETTERS) -> list[tuple[int, Outgoing]]:
        """The next letters with their ids."""
        parameters = {"limit": limit, "longest": MAX_BYTES}
        with self._connection.cursor(row_factory=class_row(_Letter)) as cursor:
            cursor.execute(self._select, parameters)
            return [(letter.id, _letter(letter)) for letter in cursor]

    def mark(self, ids: Sequence[int]) -> None:
        """Remember that letters are published."""
        self._connection.execute(self._mark, (list(ids),))


def _letter(letter: _Letter) -> Outgoing:
    said = {
        "id": f"{letter.id}-{letter.payload_sha256.hex()[:16]}",
        "kind": letter.kind,
        "origin": letter.origin,
        "topic": letter.kafka_topic,
        "partition": letter.kafka_partition,
        "offset": letter.kafka_offset,
        "error": letter.error,
        "member": letter.member,
        "message": letter.message,
        "time": format_instant(letter.received_at),
        "sha256": letter.payload_sha256.hex(),
        "payload": "erased" if letter.erased else "too_large" if letter.too_large else "whole",
    }
    headers = [(name, str(value).encode()) for name, value in said.items() if value is not None]
    return Outgoing(None, letter.payload or b"", headers)
