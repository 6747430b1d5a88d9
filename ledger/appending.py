"""One append: rows staged, the head locked, rows inserted and projected, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg import Connection, Cursor

from events.base import Event
from ledger.engine.calendar import start_of
from ledger.ports import ReadModels
from ledger.store.mapper import event_row
from ledger.store.recorder import Appended, Head, LedgerRecorder
from ledger.store.rows import Row

Rows = Sequence[Row]

_KNOCK_TIMEOUT_S = 2
"""The least that libpq takes."""


class Appender:
    """Appends rows and keeps the projections in step, in the transaction of the cursor given."""

    def __init__(self, recorder: LedgerRecorder, models: ReadModels) -> None:
        self.recorder, self.models = recorder, models

    @contextmanager
    def transaction(self) -> Iterator[Cursor[Any]]:
        """A transaction of its own on a pooled connection; committed when the block ends well."""
        with (
            self.recorder.datastore.get_connection() as connection,
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            yield cursor

    @contextmanager
    def session(self) -> Iterator[Connection[Any]]:
        """A pooled connection in autocommit mode."""
        with self.recorder.datastore.get_connection() as connection:
            yield connection

    def takes_connections(self) -> bool:
        """Whether the database takes a connection now; told after two seconds at most.

        The pool does not serve to ask: it tries a database that is away ever more seldom. It is
        told to let go of those that died: it would hand them out one by one.
        """
        pool = self.recorder.datastore.pool
        given: Any = pool.kwargs
        try:
            psycopg.connect(**given | {"connect_timeout": _KNOCK_TIMEOUT_S}).close()
        except psycopg.OperationalError:
            return False
        pool.check()
        return True

    def insert(self, cursor: Cursor[Any], head: Head, rows: Rows, versions: Any = None) -> Appended:
        """Insert what is staged, under the head lock, and merge it into every projection."""
        appended = self.recorder.insert_staged(cursor, head, rows, versions)
        topics = {row.topic for row in rows}
        self.models.merge(cursor, head.position, appended.last, topics)
        return appended

    def append(self, rows: Rows, before: Future[Any] | None = None) -> Appended:
        """Append rows that no other append can contradict, whatever came before them.

        ``before`` is an append under way that these rows follow: they are staged meanwhile, and not
        appended if it fails.
        """
        with self.transaction() as cursor:
            self.recorder.stage(cursor, rows)
            if before is not None:
                self.recorder.stay_staged(cursor)
                before.result()
            versions = self.recorder.versions(cursor, {row.stream for row in rows})
            return self.insert(cursor, self.recorder.head(cursor), rows, versions)


class RowWriter:
    """Writes events as rows, with the days and instants of the ledger's time zone."""

    def __init__(self, time_zone: str) -> None:
        self.zone = ZoneInfo(time_zone)
        self._starts: Callable[[date], datetime] = lru_cache(maxsize=4096)(self._start)

    def _start(self, day: date) -> datetime:
        return start_of(day, self.zone)

    def row(self, event: Event, day: date) -> Row:
        """The row of a command or decision that names a day."""
        return event_row(event, day, self._starts(day))

    def decisions(self, events: Collection[Any]) -> list[Row]:
        """The rows of decisions, each of the day that it names."""
        return [self.row(event, event.day) for event in events]
