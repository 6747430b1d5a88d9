"""Opens an archive so that every query of a ledger runs on it, with the same answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa
from psycopg import Connection

from events.values import format_instant
from ledger.cores import cores
from ledger.errors import NotReady, Refused
from replay.archive import hashing
from replay.archive.columns import SCHEMA
from replay.archive.connection import ArchiveConnection
from replay.archive.deciding import in_files
from replay.archive.manifest import BadArchive, Manifest, check_files, files_of, read_manifest
from replay.as_of import AsOf, Replay
from replay.recompute import PART_EVENTS, Deciding, Recomputed, recompute_log
from replay.rerun import Log
from replay.rerun.rerun import Progress

_SETTINGS = (
    # As PostgreSQL orders: text by its bytes, null as the largest value.
    "SET default_null_order = 'NULLS_LAST_ON_ASC_FIRST_ON_DESC'",
    "SET preserve_insertion_order = FALSE",
    "SET autoinstall_known_extensions = FALSE",
)
_EVENTS = """
CREATE VIEW ledger.events AS
SELECT {columns}, {content} AS content, {leaf} AS leaf
FROM read_parquet({files})
"""
_POSITION_AT = """
CREATE MACRO projections.position_at(instant) AS (
    SELECT COALESCE(MAX(position), 0)
    FROM ledger.events
    WHERE instant IS NULL OR recorded_at <= instant
)
"""
_SET_CONFIG = "CREATE MACRO set_config(name, setting, here) AS setting"


class ArchivedReplay(Replay):
    """The queries of a ledger over its archive, which knows nothing of what came later."""

    def __init__(self, connection: object, directory: Path, manifest: Manifest) -> None:
        """``connection`` answers what replays ask of one, as psycopg's does."""
        super().__init__(cast("Connection[Any]", connection))
        self.directory, self.manifest = directory, manifest

    @property
    def processes(self) -> int:
        """How many parts of the log this machine decides at the same time."""
        return cores()

    def deciding(self, processes: int) -> Deciding:
        """Decide parts of the log in so many processes of this machine."""
        return in_files(files_of(self.directory, self.manifest), processes)

    def recomputed(
        self,
        progress: Progress | None = None,
        *,
        processes: int | None = None,
        part_events: int = PART_EVENTS,
    ) -> Recomputed:
        """Decide all of the archive again: what :func:`~replay.recompute.recompute` tells.

        Raises NotReady where the archive ends inside a run.
        """
        log = ArchivedLog(self.connection, self.manifest.through, self.names)
        many = processes or self.processes
        return recompute_log(log, self.deciding(many), progress, many, part_events)

    def checkpoint_by(self, position: int) -> int | None:
        """Return the size of the last signed checkpoint of no more than ``position`` events."""
        sizes = (each.position for each in self.manifest.checkpoints)
        return max((size for size in sizes if size <= position), default=None)

    def resolve(
        self,
        *,
        known_at: datetime | None = None,
        position: int | None = None,
        effective_at: date | None = None,
    ) -> AsOf:
        """Return the place that the options name; without options, the archive's end.

        Raises Refused for what is after the archive's end, as for what is in no ledger.
        """
        end = self.manifest.through
        if position is not None and position > end:
            raise Refused(
                f"position {position} is not in the archive {self.directory}, which ends at {end};"
                " add what is closed since with: commissions archive, or leave --archive out"
            )
        until = self.manifest.known_until
        if known_at is not None and known_at.tzinfo is not None and known_at > until:
            raise Refused(
                f"the archive {self.directory} tells what was known up to {format_instant(until)};"
                " events recorded since are missing: add them with: commissions archive, or leave"
                " --archive out"
            )
        return super().resolve(known_at=known_at, position=position, effective_at=effective_at)

    def _head(self) -> int:
        return self.manifest.through


class ArchivedLog(Log):
    """The log of an archive, to be decided again."""

    def check_complete(self) -> None:
        """Raise NotReady where the archive ends inside a run."""
        if self.has_open_run():
            raise NotReady(
                "the archive ends inside an accrual run, half of which is not what was decided: add"
                " the rest with: commissions archive"
            )


@contextmanager
def open_archive(directory: Path) -> Iterator[ArchivedReplay]:
    """The queries over an archive whose files are, byte for byte, those that it names.

    Raises BadArchive for one that is not whole. Its hashes are those of the manifest; that the
    events are those of the log is what ``check`` computes.
    """
    manifest = read_manifest(directory)
    check_files(directory, manifest)
    with duckdb.connect() as database:
        try:
            _install(database, directory, manifest)
            yield ArchivedReplay(ArchiveConnection(database), directory, manifest)
        except duckdb.OutOfMemoryException:
            raise
        except (duckdb.Error, pa.ArrowInvalid) as error:
            # Its manifest can be made to fit a file that is no Parquet, or of other columns.
            reason = str(error).partition("\n")[0]
            raise BadArchive(f"{directory} cannot be read ({reason}); write it anew") from None


def _install(database: duckdb.DuckDBPyConnection, directory: Path, manifest: Manifest) -> None:
    """Make the schema that queries read, over the files."""
    for statement in _SETTINGS:
        database.execute(statement)
    database.execute("CREATE SCHEMA ledger; CREATE SCHEMA projections")
    hashing.install(database)
    paths = map(str, files_of(directory, manifest))
    files = "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in paths) + "]"
    database.execute(
        _EVENTS.format(
            columns=", ".join(SCHEMA.names),
            content=hashing.CONTENT,
            leaf=hashing.LEAF,
            files=files,
        )
    )
    database.execute(_POSITION_AT)
    database.execute(_SET_CONFIG)
    _checkpoints(database, manifest)
    _subtrees(database, directory, manifest)


def _checkpoints(database: duckdb.DuckDBPyConnection, manifest: Manifest) -> None:
    database.execute(
        "CREATE TABLE ledger.checkpoints"
        " (position BIGINT, created_at TIMESTAMP, operator VARCHAR, note VARCHAR)"
    )
    for one in manifest.checkpoints:
        created_at = one.created_at.astimezone(UTC).replace(tzinfo=None)
        database.execute(
            "INSERT INTO ledger.checkpoints VALUES (?, ?, ?, ?)",
            (one.position, created_at, one.operator, one.note),
        )


def _subtrees(database: duckdb.DuckDBPyConnection, directory: Path, manifest: Manifest) -> None:
    kept = b"".join(
        (directory / part.directory / part.subtrees.name).read_bytes() for part in manifest.parts
    )
    roots = [kept[at : at + 32] for at in range(0, len(kept), 32)]
    table = pa.table(
        {"number": pa.array(range(len(roots)), pa.int64()), "root": pa.array(roots, pa.binary())}
    )
    database.register("kept_subtrees", table)
    database.execute("CREATE TABLE ledger.subtrees AS SELECT * FROM kept_subtrees")
    database.unregister("kept_subtrees")
