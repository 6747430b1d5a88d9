"""An archive: writing it, its bytes by event; balances of everybody, all of it decided again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
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
from replay.archive.opening import ArchivedReplay, open_archive
from replay.archive.spark.opening import open_on_spark
from replay.archive.spark.session import cluster
from replay.archive.writing import Archiver
from replay.as_of import Replay

_PROCESSES = 2
_MASTER = f"local[{_PROCESSES}]"

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
        stored = [_asked(Replay(connection)) for _ in range(scale.turns)]
    sizes = _sizes(directory, manifest)
    with _seconds() as checking:
        check_archive(directory)
    report.under(f"Archive, {history.events:,} events")
    report.add("written", "events/s", [history.events / writing[0]])
    report.add("checked", "events/s", [history.events / checking[0]])
    report.add("an event", "bytes", [sum(sizes.values()) / history.events])
    beside = sum(size for name, size in sizes.items() if name not in IDS)
    report.add("  beside the columns of ids", "bytes", [beside / history.events], at_most=20)
    report.add("balances of all partners, PostgreSQL", "s", stored[scale.warm_ups :])
    repeated = repeat(directory, run.folder / "repeated", scale.archive_times)
    _ask(run, directory, open_archive, "DuckDB", scale.rounds)
    with open_archive(directory) as replay:
        _decide_again(run, replay, "DuckDB")
    more = f"Archive, {read_manifest(repeated).through:,} events, repeated from that"
    report.under(more)
    _ask(run, repeated, open_archive, "DuckDB", scale.rounds, at_most=0.5)
    if scale.spark_rounds:
        _measure_spark(run, directory, repeated)


def _measure_spark(run: Run, directory: Path, repeated: Path) -> None:
    """The same by Spark, on this machine."""
    note("archive on Spark")
    rounds, on_spark = run.scale.spark_rounds, partial(open_on_spark, master=_MASTER)
    run.report.under("Archive, Spark on this machine")
    with _seconds() as starting, cluster(_MASTER):
        pass
    run.report.add("a session, begun and ended", "s", starting)
    with cluster(_MASTER):
        _ask(run, directory, on_spark, "Spark", rounds)
        with on_spark(directory) as replay:
            _decide_again(run, replay, "Spark")
        run.report.under(f"Archive, Spark, {read_manifest(repeated).through:,} events")
        _ask(run, repeated, on_spark, "Spark", rounds)


def _ask(
    run: Run,
    directory: Path,
    opening: Callable[[Path], AbstractContextManager[ArchivedReplay]],
    engine: str,
    rounds: int,
    at_most: float | None = None,
) -> None:
    began = perf_counter()
    with opening(directory) as replay:
        opened = perf_counter() - began
        asked = [_asked(replay) for _ in range(run.scale.warm_ups + rounds)]
    run.report.add(f"opened, the hash of every file computed, {engine}", "s", [opened])
    run.report.add(
        f"balances of all partners, {engine}", "s", asked[run.scale.warm_ups :], at_most=at_most
    )


def _decide_again(run: Run, replay: ArchivedReplay, engine: str) -> None:
    with _seconds() as taken:
        found = replay.recomputed(processes=_PROCESSES)
    assert not found.differences
    rate = found.position / taken[0]
    run.report.add(f"decided again, {engine}, {_PROCESSES} processes", "events/s", [rate])


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
