"""An archive: writing it, its bytes by event, and balances of everybody from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import duckdb
import psycopg
import pyarrow.parquet as pq

from benchmarks.figures import note
from benchmarks.scales import Run
from replay.archive.checking import check_archive
from replay.archive.manifest import (
    Manifest,
    Part,
    described,
    files_of,
    read_manifest,
    write_manifest,
)
from replay.archive.opening import open_archive
from replay.archive.writing import Archiver
from replay.as_of import Replay

IDS = frozenset({"originator_id", "event_id", "partner_id", "client_id"})
"""The columns that hold ids; more of them are in the JSON."""

_REPEAT = """
COPY (
    SELECT * REPLACE (
        position + {number} * {events} AS position,
        partner_id || '{which}' AS partner_id,
        client_id || '.{number}' AS client_id
    )
    FROM read_parquet('{file}')
) TO '{copy}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)
"""


def measure(run: Run) -> None:
    """Archive the run's ledger, and ask it; then ask one that repeats its rows."""
    history, scale, report = run.history(), run.scale, run.report
    note("archive")
    directory = run.folder / "archive"
    with psycopg.connect(history.url, autocommit=True) as connection:
        with _seconds() as writing:
            manifest = Archiver(connection, directory).write(history.events)
        stored = [_asked(Replay(connection)) for _ in range(scale.rounds + 1)]
    sizes = _sizes(directory, manifest)
    with _seconds() as checking:
        check_archive(directory)
    report.under(f"Archive, {history.events:,} events")
    report.add("written", "events/s", [history.events / writing[0]])
    report.add("checked", "events/s", [history.events / checking[0]])
    report.add("an event", "bytes", [sum(sizes.values()) / history.events])
    beside = sum(size for name, size in sizes.items() if name not in IDS)
    report.add("  beside the columns of ids", "bytes", [beside / history.events], at_most=20)
    report.add("balances of all partners, PostgreSQL", "s", stored[1:])
    _ask(run, directory)
    repeated = repeat(directory, run.folder / "repeated", scale.archive_times)
    report.under(f"Archive, {read_manifest(repeated).through:,} events, repeated from that")
    _ask(run, repeated, at_most=0.5)


def _ask(run: Run, directory: Path, at_most: float | None = None) -> None:
    began = perf_counter()
    with open_archive(directory) as replay:
        opened = perf_counter() - began
        asked = [_asked(replay) for _ in range(run.scale.rounds + 1)]
    run.report.add("opened, the hash of every file computed", "s", [opened])
    run.report.add("balances of all partners, DuckDB", "s", asked[1:], at_most=at_most)


def _asked(replay: Replay) -> float:
    began = perf_counter()
    list(replay.balances(replay.resolve()))
    return perf_counter() - began


def repeat(directory: Path, target: Path, times: int) -> Path:
    """Write an archive that holds the rows of another ``times`` over, with other owners.

    What a query reads is real; hashes of events are not, so it cannot be checked.
    """
    manifest = read_manifest(directory)
    [part] = manifest.parts
    events, parts = part.through, []
    with duckdb.connect() as database:
        for number in range(times):
            name = f"part-{number:04d}"
            (target / name).mkdir(parents=True)
            files = []
            for file in files_of(directory, manifest):
                copy = target / name / file.name
                # A partner stands in ten repetitions, as in benchmarks.repeated.
                which = "" if number < 10 else f".{number // 10}"  # noqa: PLR2004
                database.execute(
                    _REPEAT.format(number=number, events=events, which=which, file=file, copy=copy)
                )
                files.append(described(copy, pq.read_metadata(copy).num_rows))
            subtrees = target / name / "subtrees.bin"
            subtrees.touch()
            first = number * events + 1
            parts.append(
                Part(
                    directory=name,
                    first=first,
                    through=first + events - 1,
                    root=part.root,
                    frontier=part.frontier,
                    files=tuple(files),
                    subtrees=described(subtrees, 0),
                )
            )
    write_manifest(target, manifest.model_copy(update={"parts": tuple(parts)}))
    return target


def _sizes(directory: Path, manifest: Manifest) -> Counter[str]:
    """Bytes by column."""
    sizes: Counter[str] = Counter()
    for file in files_of(directory, manifest):
        metadata = pq.read_metadata(file)
        for group in range(metadata.num_row_groups):
            for column in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(column)
                sizes[chunk.path_in_schema] += chunk.total_compressed_size
    return sizes


@contextmanager
def _seconds() -> Iterator[list[float]]:
    taken: list[float] = []
    began = perf_counter()
    yield taken
    taken.append(perf_counter() - began)
