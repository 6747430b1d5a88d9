"""Writes closed history to an archive, or adds what is closed since to one that is there.

A part is written beside the archive, made lasting, renamed into it, and is of it only when the
manifest names it: killed anywhere, the archive is what it was.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from psycopg import Connection, sql
from psycopg.rows import tuple_row

from events.catalogue import TOPICS
from events.course import StatementsSealed
from ledger.errors import Corrupt, Refused
from ledger.store.migrations import schema_version
from projections import DEFAULT_NAMES, Names
from replay.archive.columns import SCHEMA, bucket_of, table_of, write_sorted
from replay.archive.identity import require_same_ledger
from replay.archive.manifest import (
    FORMAT,
    NAME,
    ArchivedCheckpoint,
    ArchivedFile,
    Manifest,
    Part,
    described,
    read_manifest,
    sync,
    write_manifest,
)
from replay.archive.tree import GrowingTree
from replay.as_of import Replay
from replay.findings import StoredRow
from replay.integrity import content_of, gaps, leaf_of
from replay.transparency.checkpoints import Checkpoints

BUCKET_EVENTS = 500_000
"""About how many events a bucket has: what is sorted in memory at a time."""

_PAGE_EVENTS = 20_000
_MICROSECOND = timedelta(microseconds=1)
_UNFINISHED = ".unfinished-"

Progress = Callable[[int, int], None]


class Archiver:
    """Writes the events of one ledger to one directory."""

    def __init__(
        self,
        connection: Connection[Any],
        directory: Path,
        names: Names = DEFAULT_NAMES,
        bucket_events: int = BUCKET_EVENTS,
    ) -> None:
        self._connection, self._directory, self._names = connection, directory, names
        self._bucket_events = bucket_events

    def write(self, through: int, progress: Progress | None = None) -> Manifest:
        """Write all up to a position that is not in the archive yet, and return its manifest.

        Raises Refused for an archive of another ledger or while another command writes there,
        Corrupt for events that are not what was hashed; then nothing is changed.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        with _alone(self._directory):
            before = self._before()
            self._tidy(before)
            parts = () if before is None else before.parts
            known_until = None if before is None else before.known_until
            if through > (parts[-1].through if parts else 0):
                parts = (*parts, self._part(parts[-1] if parts else None, through, progress))
                known_until = self._known_until(through)
            if not parts or known_until is None:
                raise Refused("there is no event up to there, so there is nothing to archive")
            manifest = Manifest(
                format=FORMAT,
                schema_version=schema_version(self._connection) or 0,
                origin=Checkpoints(self._connection, self._names).origin(),
                known_until=known_until,
                parts=parts,
                checkpoints=tuple(self._checkpoints(parts[-1].through)),
            )
            write_manifest(self._directory, manifest)
        return manifest

    def _before(self) -> Manifest | None:
        if not (self._directory / NAME).exists():
            others = [path for path in self._directory.iterdir() if not _is_ours(path)]
            if others:
                raise Refused(f"{self._directory} holds other files; name an empty directory")
            return None
        manifest = read_manifest(self._directory)
        require_same_ledger(manifest, self._directory, self._connection, self._names)
        return manifest

    def _tidy(self, manifest: Manifest | None) -> None:
        """Remove what a killed command left: it never was of the archive."""
        named = {part.directory for part in manifest.parts} if manifest else set()
        for path in self._directory.iterdir():
            if _is_ours(path) and path.is_dir() and path.name not in named:
                shutil.rmtree(path)

    def _part(self, last: Part | None, through: int, progress: Progress | None) -> Part:
        first = 1 if last is None else last.through + 1
        tree = GrowingTree() if last is None else GrowingTree(_bytes(last.frontier), last.through)
        name = f"part-{first:012d}-{through:012d}"
        unfinished = self._directory / f"{_UNFINISHED}{name}"
        unfinished.mkdir()
        files = self._events(unfinished, first, through, tree, progress)
        subtrees = unfinished / "subtrees.bin"
        subtrees.write_bytes(b"".join(tree.full))
        told = described(subtrees, len(tree.full))
        for path in unfinished.iterdir():
            sync(path)
        sync(unfinished)
        unfinished.rename(self._directory / name)
        sync(self._directory)
        return Part(
            directory=name,
            first=first,
            through=through,
            root=tree.root.hex(),
            frontier=tree.frontier.hex(),
            files=files,
            subtrees=told,
        )

    def _events(
        self,
        directory: Path,
        first: int,
        through: int,
        tree: GrowingTree,
        progress: Progress | None,
    ) -> tuple[ArchivedFile, ...]:
        """Write the events of a part by bucket: first as they come, then each bucket sorted."""
        count = -(-(through - first + 1) // self._bucket_events)
        with _staged(directory, count) as stages:
            for after in range(first - 1, through, _PAGE_EVENTS):
                to = min(after + _PAGE_EVENTS, through)
                rows = self._page(after, to)
                tree.add(_leaves(rows, after))
                for number, bucket in enumerate(_split(rows, count)):
                    stages[number].write_table(table_of(bucket))
                if progress is not None:
                    progress(to - first + 1, through - first + 1)
        return tuple(_sorted(directory, number) for number in range(count))

    def _page(self, after: int, through: int) -> list[StoredRow]:
        query = sql.SQL(
            "SELECT {} FROM {} WHERE position > %s AND position <= %s ORDER BY position"
        ).format(sql.SQL(", ").join(map(sql.Identifier, StoredRow._fields)), self._names.events)
        with self._connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            return [StoredRow(*row) for row in cursor.execute(query, (after, through))]

    def _known_until(self, through: int) -> datetime:
        """The last instant whose question the events up to ``through`` answer.

        An append has one instant: one that goes on after ``through`` is known only before it.
        """
        query = sql.SQL(
            "SELECT (SELECT recorded_at FROM {0} WHERE position = %s),"
            " (SELECT recorded_at FROM {0} WHERE position = %s + 1)"
        ).format(self._names.events)
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(query, (through, through)).fetchone()
        assert row is not None
        last, following = row
        known: datetime = last if following is None else following - _MICROSECOND
        return known

    def _checkpoints(self, through: int) -> Iterator[ArchivedCheckpoint]:
        for one in Checkpoints(self._connection, self._names).stored():
            if one.position <= through:
                yield ArchivedCheckpoint(
                    position=one.position,
                    created_at=one.created_at,
                    operator=one.operator,
                    note=one.note,
                )


def closed_through(replay: Replay, month: str | None) -> int:
    """Return the position up to which a month is closed and sealed; None: the last such month.

    Raises Refused where that month is not closed.
    """
    seals = sql.SQL(
        "SELECT MAX(position) FROM {} WHERE originator_id = 'ledger' AND topic = %s"
        " AND (%s::text IS NULL OR convert_from(state, 'UTF8')::jsonb ->> 'month' = %s)"
    ).format(replay.names.events)
    with replay.connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(seals, (StatementsSealed.topic(), month, month)).fetchone()
    assert row is not None
    if row[0] is None:
        what = "no month is" if month is None else f"{month} is not"
        raise Refused(f"{what} closed yet; close it, or name a position with --through")
    return int(row[0])


def _leaves(rows: list[StoredRow], after: int) -> list[bytes]:
    """Return the leaves of a page, computed anew; Corrupt where they are not those stored."""
    for missing in gaps(rows, after):
        raise Corrupt(f"{missing.what}; nothing is archived, run: commissions verify")
    leaves = []
    for row in rows:
        if row.topic not in TOPICS:
            raise Refused(
                f"position {row.position} is a {row.topic}, which this release does not know; use"
                " the release that recorded it"
            )
        if content_of(row) != row.content or leaf_of(row) != row.leaf:
            raise Corrupt(
                f"position {row.position} is not what was hashed; nothing is archived, run:"
                " commissions verify"
            )
        leaves.append(row.leaf)
    return leaves


def _split(rows: list[StoredRow], count: int) -> list[list[StoredRow]]:
    buckets: list[list[StoredRow]] = [[] for _ in range(count)]
    for row in rows:
        buckets[bucket_of(row, count)].append(row)
    return buckets


@contextmanager
def _staged(directory: Path, count: int) -> Iterator[list[pq.ParquetWriter]]:
    writers = [
        pq.ParquetWriter(_stage(directory, number), SCHEMA, compression="zstd")
        for number in range(count)
    ]
    try:
        yield writers
    finally:
        for writer in writers:
            writer.close()


def _sorted(directory: Path, number: int) -> ArchivedFile:
    stage, path = _stage(directory, number), directory / f"events-{number:04d}.parquet"
    rows: pa.Table = pq.read_table(stage)
    write_sorted(path, rows)
    stage.unlink()
    return described(path, rows.num_rows)


def _stage(directory: Path, number: int) -> Path:
    return directory / f"stage-{number:04d}"


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Let no other command write to the directory meanwhile; a killed one lets go by itself."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(
                f"another command is writing to {directory}; try again when it is done"
            ) from None
        yield
    finally:
        os.close(descriptor)


def _is_ours(path: Path) -> bool:
    return path.name.startswith((_UNFINISHED, "part-", f".{NAME}."))


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text)
