"""Ledgers to measure: a server for the run, a fresh database each, and a clock on the head lock."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, BinaryIO

import psycopg
from eventsourcing.postgres import PostgresDatastore
from psycopg import Cursor, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow

from benchmarks.stages import Stages
from benchmarks.wire import RECEIVED
from interfaces import bootstrap
from interfaces.embedded import EmbeddedPostgres
from ledger.application import CommissionLedger
from ledger.ingest.files import BATCH_MESSAGES, Source, batches, recorded
from ledger.policy.files import REFERENCE, load
from ledger.store.recorder import Head, LedgerRecorder
from projections.accrual import LiveModels
from replay.statements import seal

RECORDER_STAGES = ("recorded", "stage", "versions", "head", "insert_staged")
"""Methods of the recorder that an append passes through."""


@contextmanager
def server(url: str | None) -> Iterator[str]:
    """The PostgreSQL of an address, or an embedded one of its own, durable, gone afterwards."""
    if url is not None:
        yield url
        return
    with TemporaryDirectory(prefix="commissions-bench-") as home:
        Path(home).chmod(0o711)
        with EmbeddedPostgres(Path(home) / "home") as address:
            yield address


@contextmanager
def database(server_url: str, name: str) -> Iterator[str]:
    """A fresh database of the server, dropped at the end; gives its address."""
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield make_conninfo(server_url, dbname=name)
        finally:
            connection.execute(drop)


def datastore(url: str, schema: str, originator_id_type: Any = "text") -> PostgresDatastore:
    """A pool of eventsourcing for an address."""
    known = conninfo_to_dict(url)
    return PostgresDatastore(
        dbname=str(known["dbname"]),
        host=str(known["host"]),
        port=str(known.get("port", "5432")),
        user=str(known["user"]),
        password=str(known.get("password", "")),
        pool_size=1,
        max_overflow=5,
        schema=schema,
        originator_id_type=originator_id_type,
    )


@dataclass
class LockClock:
    """Seconds under the head lock, one entry a transaction that held it."""

    held: list[float] = field(default_factory=list)
    since: float | None = None
    holder: object = None
    """The connection that has the lock: others come and go while it is held."""


class TimedRecorder(LedgerRecorder):
    """The recorder, with a clock from the moment that it has the head's lock."""

    clock: LockClock

    def head(self, cursor: Cursor[DictRow], *, lock: bool = True) -> Head:
        """Read the head, and start the clock when it was locked."""
        head = super().head(cursor, lock=lock)
        if lock and self.clock.since is None:
            self.clock.since, self.clock.holder = perf_counter(), cursor.connection
        return head


class _TimedDatastore(PostgresDatastore):
    """The datastore, stopping the clock when the connection of the holder is given back."""

    clock: LockClock

    @contextmanager
    def get_connection(self) -> Iterator[Any]:
        with super().get_connection() as connection:
            try:
                yield connection
            finally:
                clock = self.clock
                if clock.since is not None and clock.holder is connection:
                    clock.held.append(perf_counter() - clock.since)
                    clock.since = clock.holder = None


@dataclass(frozen=True)
class Bench:
    """A ledger under measurement: its address, the clock on its head lock, time by stage."""

    ledger: CommissionLedger
    url: str
    clock: LockClock
    stages: Stages

    def position(self) -> int:
        """The last position of the ledger."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute("SELECT position FROM ledger.ledger_head").fetchone()
        return 0 if row is None else int(row[0])

    def ingest(self, lines: Iterable[bytes], batch: int = BATCH_MESSAGES) -> int:
        """Record lines through the door of files; how many were accepted.

        Raises ValueError if one was not: the figures would be of something else.
        """
        return self.ingest_stream(io.BytesIO(b"\n".join(lines)), batch)

    def ingest_stream(self, stream: BinaryIO, batch: int = BATCH_MESSAGES) -> int:
        """The same from an open binary stream."""
        return max(self.progress(stream, batch), default=0)

    def progress(self, stream: BinaryIO, batch: int) -> Iterator[int]:
        """Record a stream, and tell after each batch how many were accepted so far."""
        accepted = 0
        source = Source("bench.jsonl", stream)
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        read = batches([source], batch_messages=batch, known_bytes=size, now=lambda: RECEIVED)
        for part, done in recorded(self.ledger, read):
            if done.accepted != len(part.messages):
                raise ValueError(f"{done}: the lines of a benchmark are all good and new")
            accepted += done.accepted
            yield accepted


@contextmanager
def open_bench(url: str, *, fresh: bool = True) -> Iterator[Bench]:
    """The ledger of a database, made and given the reference programme if ``fresh``."""
    if fresh:
        with psycopg.connect(url, autocommit=True) as connection:
            bootstrap.prepare(connection)
    clock = LockClock()
    store = datastore(url, "ledger")
    store.__class__ = _TimedDatastore
    assert isinstance(store, _TimedDatastore)
    store.clock = clock
    recorder = TimedRecorder(store, events_table_name="events", tracking_table_name="tracking")
    recorder.clock = clock
    stages, models = Stages(), LiveModels()
    stages.watch(recorder, RECORDER_STAGES)
    stages.watch(models, ["merge"])
    try:
        ledger = CommissionLedger(recorder, models, seal, operator="benchmark")
        if fresh:
            ledger.adopt(load(REFERENCE), time_zone="Europe/Paris")
        yield Bench(ledger, url, clock, stages)
    finally:
        store.close()
