"""Appends events to one table with typed columns and gap-free positions, in one order.

``LedgerRecorder`` is eventsourcing's process recorder with a richer table. An append has two
halves: rows are copied into a temporary table first (a writer that freezes there blocks nobody),
then the one row of the head is locked, and under that lock versions, positions, the instant and
the Merkle leaves are assigned and the rows inserted. It holds until the caller's transaction ends.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

import orjson
from eventsourcing.persistence import (
    IntegrityError,
    InterfaceError,
    Notification,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Tracking,
)
from eventsourcing.postgres import PostgresDatastore, PostgresProcessRecorder
from eventsourcing.utils import retry
from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.types.string import BytesBinaryDumper

from ledger.errors import LedgerError
from ledger.store import merkle
from ledger.store.head import (
    Appended,
    Head,
    Recorded,
    Versions,
    instant_after,
    leaves_after,
)
from ledger.store.migrations import Names, migrate
from ledger.store.rows import Row, plain_row
from ledger.store.statements import COPY_TYPES, Statements
from ledger.store.versions import KnownVersions

__all__ = ["Appended", "Head", "HeadMoved", "LedgerRecorder", "Recorded", "Versions"]

DEFAULT_TIMEOUT_S = 60
"""How long an append waits for the head, and may stand idle with it, unless the datastore says."""


class HeadMoved(LedgerError):
    """Another writer appended since the caller read its state; read on and decide again."""


class LedgerRecorder(PostgresProcessRecorder):
    """A process recorder of eventsourcing on the ledger's events table, made like its parent.

    ``insert_events``, ``select_events``, ``select_notifications`` (the id is the position),
    ``subscribe`` and tracking work as the library's do, the tracking guard more strictly.
    ``append`` and its parts run in the caller's transaction and raise psycopg's errors, which
    ``datastore.transaction`` turns into the library's. The datastore's ``enable_db_functions`` has
    no effect here: the library's function would drop tracking.

    Raises ProgrammingError for a datastore with multi-row tracking, or a table name over 63 bytes.
    """

    def __init__(
        self,
        datastore: PostgresDatastore,
        *,
        events_table_name: str = "stored_events",
        tracking_table_name: str = "notification_tracking",
    ) -> None:
        super().__init__(
            datastore, events_table_name=events_table_name, tracking_table_name=tracking_table_name
        )
        if not datastore.single_row_tracking:
            raise ProgrammingError(
                "LedgerRecorder keeps one tracking row an application: "
                "construct the datastore with single_row_tracking=True"
            )
        self.names = Names(datastore.schema, events_table_name, tracking_table_name)
        self._sql = Statements.of(
            self.names,
            self.channel_name,
            lock_timeout_s=datastore.lock_timeout or DEFAULT_TIMEOUT_S,
            # Zero would let a writer that froze under the lock hold it for ever.
            idle_timeout_s=datastore.idle_in_transaction_session_timeout or DEFAULT_TIMEOUT_S,
        )
        self.select_events_statement = self._sql.select_events
        self.max_notification_id_statement = self._sql.max_position
        self._tracked: dict[str, int | None] = {}
        self._known = KnownVersions()

    def create_table(self) -> None:
        """Make or upgrade all that the recorder needs, by the ledger's own migrations."""
        with self.datastore.get_connection() as connection:
            migrate(connection, *self.names)

    # Appending, in the caller's transaction.

    def append(
        self, cursor: Cursor[DictRow], rows: Sequence[Row], *, expected_head: int | None
    ) -> Appended:
        """Stage the rows, lock the head and insert them, in the caller's transaction.

        ``expected_head`` is the position at which the caller read what it decided on; None appends
        after whatever is there. Raises HeadMoved when it is elsewhere, ValueError for no rows.
        """
        self.stage(cursor, rows)
        versions = self.versions(cursor, {row.stream for row in rows})
        head = self.head(cursor)
        if expected_head is not None and head.position != expected_head:
            raise HeadMoved(
                f"the ledger is at position {head.position}, not {expected_head}: another writer "
                "appended; read what it added and decide again"
            )
        return self.insert_staged(cursor, head, rows, versions)

    def stage(self, cursor: Cursor[DictRow], rows: Sequence[Row]) -> None:
        """Copy rows into this session's temporary table, in place of what was staged before.

        Locks nothing that another writer waits for; call it before ``head``.
        """
        cursor.execute(self._sql.prepare_stage)
        # Else the dumper of DB-API's Binary is taken for bytea, which calls Python for each value.
        cursor.adapters.register_dumper(bytes, BytesBinaryDumper)
        with cursor.copy(self._sql.copy) as copy:
            copy.set_types(COPY_TYPES)
            write = copy.write_row
            for ordinal, row in enumerate(rows, start=1):
                write((ordinal, *row))

    def stay_staged(self, cursor: Cursor[DictRow]) -> None:
        """Let a transaction that locked nothing stand while another append waits and stands."""
        cursor.execute(self._sql.stay_staged)

    def versions(self, cursor: Cursor[DictRow], streams: Iterable[str]) -> Versions:
        """The last versions of streams as of the head now, without a lock.

        Reading them before the lock keeps that work out of it: ``insert_staged`` corrects them by
        what was appended in between.
        """
        head = self.head(cursor, lock=False)
        wanted = set(streams)
        of = self._known.find((head.position, head.frontier), wanted)
        # What another writer appends in between is looked up as of later: corrected all the same.
        of |= self._look_up(cursor, wanted.difference(of))
        return Versions(head.position, of)

    def look_ahead(
        self, cursor: Cursor[DictRow], streams: Iterable[str], position: int
    ) -> Versions:
        """The last versions of those streams that are not remembered, as of ``position`` or later.

        For an append that comes after one of ours that is under way: what that one changes will be
        remembered. ``position`` was committed before.
        """
        return Versions(position, self._look_up(cursor, self._known.missing(streams)))

    def _look_up(self, cursor: Cursor[DictRow], streams: Collection[str]) -> dict[str, int]:
        if not streams:
            return {}
        # Neighbours in the index one after another; planned anew, see ``statements``.
        cursor.execute(self._sql.versions, (_json(sorted(streams)),), prepare=False)
        return {row["stream"]: row["version"] for row in cursor}

    def head(self, cursor: Cursor[DictRow], *, lock: bool = True) -> Head:
        """Read the head; with ``lock`` wait for it and hold it until the transaction ends.

        Raises psycopg's LockNotAvailable when another writer holds it for longer than the
        datastore's ``lock_timeout``.
        """
        cursor.execute(self._sql.lock_head if lock else self._sql.read_head)
        row = _last(cursor)
        if row is None:
            raise ProgrammingError(f"{self.names.head} has no row: run the migrations again")
        return Head(row["position"], row["recorded_at"], row["frontier"], row["clock"])

    def take_turn(self, cursor: Cursor[DictRow]) -> bool:
        """Hold the turn among writers until the transaction ends; wait in line if another has it.

        True if it was free. It guards nothing: it only keeps writers from deciding in vain. Raises
        psycopg's LockNotAvailable after the datastore's ``lock_timeout``.
        """
        cursor.execute(self._sql.try_turn)
        row = _last(cursor)
        free = row is not None and bool(row["taken"])
        if not free:
            cursor.execute(self._sql.wait_for_turn)
        return free

    def insert_staged(
        self,
        cursor: Cursor[DictRow],
        head: Head,
        rows: Sequence[Row],
        versions: Versions | None = None,
    ) -> Appended:
        """Insert the rows that were staged, under the lock that ``head`` was read with.

        ``rows`` are the staged ones, in their order. ``versions`` may come from any earlier
        position of the ledger; streams that it lacks are looked up. All rows get one instant, later
        than the one before. Raises ValueError for no rows, psycopg's UniqueViolation for a
        (source, id) that is recorded already.
        """
        streams = [row.stream for row in rows]
        last = self._last_versions(cursor, head, set(streams), versions)
        assigned = []
        for stream in streams:
            last[stream] = version = last[stream] + 1
            assigned.append(version)
        after = self._insert(cursor, head, rows, assigned)
        before = (head.position, head.frontier)
        self._known.learn(before, (after.position, after.frontier), last)
        return Appended(head.position + 1, after.position, after.recorded_at, last, after)

    def recorded(
        self, cursor: Cursor[DictRow], keys: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], Recorded]:
        """Which of these (source, id) are recorded: their positions and content hashes."""
        sources, ids = [source for source, _ in keys], [event_id for _, event_id in keys]
        cursor.execute(self._sql.recorded, (_json(sources), _json(ids)), prepare=False)
        return {
            (row["source"], row["event_id"]): Recorded(row["position"], row["content"])
            for row in cursor
        }

    def _last_versions(
        self,
        cursor: Cursor[DictRow],
        head: Head,
        streams: set[str],
        versions: Versions | None,
    ) -> dict[str, int]:
        place = (head.position, head.frontier)
        last = self._known.find(place, streams)
        if versions is not None:
            early = {s: versions.of[s] for s in streams.difference(last) if s in versions.of}
            since = versions.position
            if early and since < head.position and not self._known.covers(since, place):
                cursor.execute(self._sql.changed_versions, (since, head.position), prepare=False)
                found = ((row["stream"], row["version"]) for row in cursor)
                early.update((s, version) for s, version in found if s in early)
            last |= early
        if len(last) < len(streams):
            last.update(self._look_up(cursor, streams - last.keys()))
        return last

    def _insert(
        self, cursor: Cursor[DictRow], head: Head, rows: Sequence[Row], assigned: list[int]
    ) -> Head:
        if not rows:
            raise ValueError("an append needs at least one row")
        recorded_at = instant_after(head)
        leaves = leaves_after(head.position, recorded_at, rows, assigned)
        versions = f"{{{','.join(map(str, assigned))}}}"
        frontier = merkle.append(head.frontier, head.position, leaves)
        last = head.position + len(rows)
        parameters = (
            head.position,
            recorded_at,
            versions,
            b"".join(leaves),
            last,
            recorded_at,
            frontier,
        )
        # Not in psycopg's pipeline mode: it ends with a Flush, after which the server's timer for
        # idle transactions stands still, and a writer that froze would hold the head for ever.
        cursor.execute(self._sql.insert_staged, parameters, prepare=True)
        inserted = _count(cursor)
        if inserted != len(rows):
            raise ProgrammingError(
                f"{inserted} rows were staged, not {len(rows)}: stage the rows to insert"
            )
        return Head(last, recorded_at, frontier, head.clock)

    # eventsourcing's interface.

    @retry((InterfaceError, OperationalError), max_attempts=10, wait=0.2)
    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        """Insert plain events with the versions that they come with, and tracking; one transaction.

        Returns their positions, None for no events. Raises IntegrityError when a version or the
        tracking is taken, after which nothing was inserted.
        """
        tracking: Tracking | None = kwargs.get("tracking")
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_events(cursor, stored_events, **kwargs)
            positions = self._insert_plain(cursor, stored_events) if stored_events else None
        self._remember(tracking)
        return positions

    def _insert_plain(
        self, cursor: Cursor[DictRow], stored_events: Sequence[StoredEvent]
    ) -> Sequence[int]:
        rows = [plain_row(str(e.originator_id), e.topic, e.state) for e in stored_events]
        assigned = [event.originator_version for event in stored_events]
        columns = (
            assigned,
            [row.stream for row in rows],
            [row.topic for row in rows],
            [row.state for row in rows],
            [row.content for row in rows],
        )
        head = self.head(cursor)
        recorded_at = instant_after(head)
        leaves = leaves_after(head.position, recorded_at, rows, assigned)
        parameters = (head.position, recorded_at, b"".join(leaves), *columns)
        cursor.execute(self._sql.insert_plain, parameters, prepare=True)
        frontier = merkle.append(head.frontier, head.position, leaves)
        last = head.position + len(rows)
        cursor.execute(self._sql.move_head, (last, recorded_at, frontier), prepare=True)
        return list(range(head.position + 1, last + 1))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of one stream in the order of their versions."""
        events: Sequence[StoredEvent] = super().select_events(
            str(originator_id), gt=gt, lte=lte, desc=desc, limit=limit
        )
        if isinstance(originator_id, UUID):
            return [
                StoredEvent(originator_id, e.originator_version, e.topic, e.state) for e in events
            ]
        return events

    @retry((InterfaceError, OperationalError), max_attempts=10, wait=0.2)
    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Events by position: from ``start`` (or after it) through ``stop``, at most ``limit``."""
        after = 0 if start is None else start - 1 if inclusive_of_start else start
        parameters = {
            "after": after,
            "stop": stop,
            "topics": list(topics) or None,
            "limit": limit,
        }
        with self.datastore.cursor() as cursor:
            cursor.execute(self._sql.select_notifications, parameters, prepare=False)
            return [
                Notification(
                    originator_id=self._originator_id(row["originator_id"]),
                    originator_version=row["originator_version"],
                    topic=row["topic"],
                    state=bytes(row["state"]),
                    id=row["position"],
                )
                for row in cursor
            ]

    def _originator_id(self, text: str) -> UUID | str:
        return UUID(text) if self.datastore.originator_id_type == "uuid" else text

    # Tracking. Who resumes from an id must still find it there: a process that was believed dead
    # and woke up would otherwise insert an overlapping batch, since the library asks only for more.

    def max_tracking_id(self, application_name: str) -> int | None:
        """The last id recorded for an application, from which the caller resumes."""
        found: int | None = super().max_tracking_id(application_name)
        self._tracked[application_name] = found
        return found

    def has_tracking_id(self, application_name: str, notification_id: int | None) -> bool:
        """True when that id, or a later one, is recorded; resumes nothing."""
        if notification_id is None:
            return True
        found: int | None = super().max_tracking_id(application_name)
        return found is not None and found >= notification_id

    def insert_tracking(self, tracking: Tracking) -> None:
        """Record how far an application was read; IntegrityError when another got ahead."""
        super().insert_tracking(tracking)
        self._remember(tracking)

    def _insert_tracking(self, curs: Cursor[DictRow], tracking: Tracking) -> None:
        name = tracking.application_name
        curs.execute(
            self._sql.insert_tracking,
            {
                "name": name,
                "id": tracking.notification_id,
                "resumed": name in self._tracked,
                "expected": self._tracked.get(name),
            },
            prepare=True,
        )
        if curs.fetchone() is None:
            raise IntegrityError(
                f"tracking of {name} at {tracking.notification_id} is refused: this or a later id "
                "is recorded, or another process went on; read max_tracking_id and resume there"
            )

    def _remember(self, tracking: Tracking | None) -> None:
        if tracking is not None:
            self._tracked[tracking.application_name] = tracking.notification_id


def _last(cursor: Cursor[DictRow]) -> DictRow | None:
    """The row of a query behind statements that give none."""
    while cursor.description is None and cursor.nextset():
        continue
    return cursor.fetchone()


def _count(cursor: Cursor[DictRow]) -> int:
    row = cursor.fetchone()
    return int(row["inserted"]) if row else 0


def _json(names: Sequence[str]) -> str:
    """A list as one parameter: psycopg writes the items of an array one by one, in Python."""
    return orjson.dumps(names).decode()
