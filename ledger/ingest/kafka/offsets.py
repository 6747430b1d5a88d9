"""The table of places: where each partition is read on, and whose it is to read.

A worker that is given a partition claims its row: the epoch rises, so that whoever had it before is
fenced, wherever it stands. Each batch then moves the row from exactly where it began, first of all
in its transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from psycopg import Cursor, errors, sql
from psycopg.rows import tuple_row

from ledger.errors import Fenced
from ledger.ingest.kafka.history import Identity, Kept, Partition, Place
from ledger.store.migrations import Names

LOCK_SECONDS = 3
"""How long a row may be another's before whoever stands still with it is looked for."""

STILL_SECONDS = 5
"""A transaction as old as this that waits for its client is taken for frozen."""


class Claim(NamedTuple):
    """A partition that is ours: where to go on, and under which epoch."""

    place: Place
    epoch: int


class Move(NamedTuple):
    """One partition's part of a batch: from the offset expected to the place that follows."""

    at: Partition
    expected: int
    following: Place
    epoch: int


class Offsets:
    """The rows of one consumer group."""

    def __init__(
        self,
        transaction: Callable[[], AbstractContextManager[Cursor[Any]]],
        names: Names,
        *,
        group: str,
        owner: str,
    ) -> None:
        self._transaction, self.group, self._owner = transaction, group, owner
        table = names.table(names.ingest_offsets)
        self._kept = _KEPT.format(table=table)
        self._claim = _CLAIM.format(table=table)
        self._move = _MOVE.format(table=table)
        self._restart = _RESTART.format(table=table)
        self._end_frozen = _END_FROZEN.format(table=table)

    def kept(self, topics: Iterable[str]) -> dict[Partition, Kept]:
        """All that is kept of some topics, whoever reads them."""
        with self._transaction() as cursor:
            rows = _tuples(cursor, self._kept, (self.group, list(topics)))
        return {
            Partition(topic, partition): Kept(next_offset, Identity(cluster, id_, count))
            for topic, partition, next_offset, cluster, id_, count in rows
        }

    def claim(self, partitions: Mapping[Partition, Identity]) -> dict[Partition, Claim]:
        """Claim partitions, from the beginning if nobody has read them; their places.

        Whoever holds a row and stands still is ended: no timeout of PostgreSQL's ends a wait for
        the data of a COPY. Raises LockNotAvailable when it is held and its holder is at work.
        """
        try:
            return self._claimed(partitions)
        except Exception as error:
            if not isinstance(error.__cause__, errors.LockNotAvailable):
                raise
            if not self._ended_frozen(partitions):
                raise
        return self._claimed(partitions)

    def _claimed(self, partitions: Mapping[Partition, Identity]) -> dict[Partition, Claim]:
        found: dict[Partition, Claim] = {}
        with self._transaction() as cursor:
            _wait_at_most(cursor)
            # One by one and in order, so that two workers never wait for each other.
            for at, identity in sorted(partitions.items()):
                parameters = (self.group, *at, self._owner, *identity)
                ((next_offset, leader_epoch, epoch),) = _tuples(cursor, self._claim, parameters)
                found[at] = Claim(Place(next_offset, leader_epoch), epoch)
        return found

    def _ended_frozen(self, partitions: Iterable[Partition]) -> bool:
        """End the backends that hold a row and wait for a client that stands still."""
        topics, numbers = zip(*partitions, strict=True)
        parameters = (self.group, list(topics), list(numbers), STILL_SECONDS)
        with self._transaction() as cursor:
            return bool(_tuples(cursor, self._end_frozen, parameters))

    def place(self, moves: Sequence[Move]) -> BatchPlace:
        """What moves with a batch."""
        return BatchPlace(self._move, self.group, moves)

    def move(self, moves: Sequence[Move]) -> None:
        """Move places with nothing to record; raises Fenced."""
        with self._transaction() as cursor:
            self.place(moves).move(cursor)

    def restart(self, at: Partition, expected: int, found: int, identity: Identity) -> Restart:
        """What moves with an accepted gap: the partition goes on at ``found``, in another log."""
        return Restart(
            self._restart,
            (self.group, *at, found, self._owner, *identity, expected),
        )


class BatchPlace:
    """The places of a batch; see :class:`~ledger.ports.Place`."""

    def __init__(self, statement: sql.Composed, group: str, moves: Sequence[Move]) -> None:
        self._statement, self._group, self.moves = statement, group, moves

    def move(self, cursor: Cursor[Any]) -> None:
        """Move all of them, or raise Fenced."""
        _wait_at_most(cursor)
        moves = self.moves
        parameters = (
            [move.at.topic for move in moves],
            [move.at.partition for move in moves],
            [move.expected for move in moves],
            [move.following.offset for move in moves],
            [move.following.leader_epoch for move in moves],
            [move.epoch for move in moves],
            self._group,
        )
        cursor.execute(self._statement, parameters, prepare=True)
        if cursor.rowcount != len(moves):
            raise Fenced(
                "a partition of this batch is another worker's by now, or stands elsewhere; read"
                " its place anew"
            )


class Restart:
    """The place of a partition after an accepted gap."""

    def __init__(self, statement: sql.Composed, parameters: tuple[object, ...]) -> None:
        self._statement, self._parameters = statement, parameters

    def move(self, cursor: Cursor[Any]) -> None:
        """Go on elsewhere, or raise Fenced if the partition is not where the gap was found."""
        cursor.execute(self._statement, self._parameters)
        if cursor.rowcount != 1:
            raise Fenced("another worker has gone on with this partition; look at it again")


def _wait_at_most(cursor: Cursor[Any]) -> None:
    cursor.execute(_LOCK_TIMEOUT)


def _tuples(
    cursor: Cursor[Any], statement: sql.Composed, parameters: tuple[object, ...]
) -> list[Any]:
    with cursor.connection.cursor(row_factory=tuple_row) as own:
        return own.execute(statement, parameters).fetchall()


_LOCK_TIMEOUT = sql.SQL("SET LOCAL lock_timeout = {}").format(f"{LOCK_SECONDS}s")

_KEPT = sql.SQL("""
SELECT topic, partition, next_offset, cluster_id, topic_id, partitions
FROM {table}
WHERE consumer_group = %s AND topic = ANY(%s)
""")

_CLAIM = sql.SQL("""
INSERT INTO {table} AS kept
    (consumer_group, topic, partition, next_offset, epoch, owner, cluster_id, topic_id, partitions)
VALUES (%s, %s, %s, 0, 1, %s, %s, %s, %s)
ON CONFLICT (consumer_group, topic, partition) DO UPDATE
SET epoch = kept.epoch + 1, owner = excluded.owner, claimed_at = excluded.claimed_at
RETURNING next_offset, leader_epoch, epoch
""")

_MOVE = sql.SQL("""
UPDATE {table} AS kept
SET next_offset = moved.next_offset, leader_epoch = moved.leader_epoch
FROM unnest(
    %s::text[], %s::integer[], %s::bigint[], %s::bigint[], %s::integer[], %s::bigint[]
) AS moved (topic, partition, expected, next_offset, leader_epoch, epoch)
WHERE kept.consumer_group = %s
    AND kept.topic = moved.topic
    AND kept.partition = moved.partition
    AND kept.next_offset = moved.expected
    AND kept.epoch = moved.epoch
""")

_RESTART = sql.SQL("""
INSERT INTO {table} AS kept
    (consumer_group, topic, partition, next_offset, epoch, owner, cluster_id, topic_id, partitions)
VALUES (%s, %s, %s, %s, 1, %s, %s, %s, %s)
ON CONFLICT (consumer_group, topic, partition) DO UPDATE
SET next_offset = excluded.next_offset,
    leader_epoch = excluded.leader_epoch,
    epoch = kept.epoch + 1,
    owner = excluded.owner,
    cluster_id = excluded.cluster_id,
    topic_id = excluded.topic_id,
    partitions = excluded.partitions,
    claimed_at = excluded.claimed_at
WHERE kept.next_offset = %s
""")

# The version of a row that others see names the transaction that is changing it.
_END_FROZEN = sql.SQL("""
SELECT pg_terminate_backend(holder.pid, 5000)
FROM {table} AS kept
JOIN pg_stat_activity AS holder ON holder.backend_xid = kept.xmax
WHERE kept.consumer_group = %s
    AND (kept.topic, kept.partition) IN (SELECT * FROM unnest(%s::text[], %s::integer[]))
    AND holder.wait_event = 'ClientRead'
    AND holder.xact_start < clock_timestamp() - make_interval(secs => %s)
""")
