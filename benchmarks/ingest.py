"""Ingest of a JSON Lines file, end to end, beside raw COPY and the stock library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder
from psycopg import sql

from benchmarks import stock
from benchmarks.figures import Clock, Cost, Report, note
from benchmarks.ledgers import Bench, database, datastore, open_bench
from benchmarks.scales import Run
from benchmarks.wire import RECEIVED, World
from ledger.ingest.files import Source, batches

BATCHES = (1_000, 5_000)
STOCK_EVENTS_A_CALL = 100
PARTNERS = 600

_SCHEMA = "stock"


@dataclass(slots=True)
class _Rounds:
    """What each round cost: ours, its decoding alone, and the limits, in the same order."""

    facts: int
    rows: list[int] = field(default_factory=list)
    ours: list[Cost] = field(default_factory=list)
    decode: list[Cost] = field(default_factory=list)
    locked: list[float] = field(default_factory=list)
    inserts: list[Cost] = field(default_factory=list)
    copy: list[Cost] = field(default_factory=list)
    stock_way: list[Cost] = field(default_factory=list)


def measure(run: Run) -> None:
    """Measure ingest with each size of batch, each in a database of its own."""
    for batch in BATCHES:
        note(f"ingest, batches of {batch:,}")
        with database(run.server, f"bench_ingest_{batch}") as url, open_bench(url) as bench:
            rounds = _rounds(run, bench, batch)
            _figures(run, rounds, batch)
            _stages(run.report, bench, rounds, batch)


def _rounds(run: Run, bench: Bench, batch: int) -> _Rounds:
    """Do the rounds; the first warms up and is not kept."""
    scale, clock, world = run.scale, Clock(bench.url), World(PARTNERS)
    bench.ingest(world.enrolments())
    path = run.folder / "facts.jsonl"
    kept = _Rounds(scale.ingest_facts)
    with _Limits.of(bench.url) as limits:
        for number in range(scale.turns):
            if number == scale.warm_ups:
                bench.stages.clear()
                kept = _Rounds(scale.ingest_facts)
            path.write_bytes(b"\n".join(world.mix(scale.ingest_facts)) + b"\n")
            first = bench.position()
            bench.clock.held.clear()
            with clock() as ours, path.open("rb") as stream:
                bench.ingest_stream(stream, batch)
            kept.ours.append(ours)
            kept.locked.append(sum(bench.clock.held))
            last = bench.position()
            kept.rows.append(last - first)
            kept.inserts.append(limits.insert(clock, first, last))
            rows_a_batch = max(1, batch * (last - first) // scale.ingest_facts)
            kept.copy.append(limits.copy(clock, first, last, rows_a_batch))
            kept.stock_way.append(limits.tell(clock, list(world.mix(scale.stock_facts))))
            with clock() as decoding, path.open("rb") as stream:
                for _ in batches([Source("decode", stream)], now=lambda: RECEIVED):
                    pass
            kept.decode.append(decoding)
    path.unlink()
    return kept


@dataclass(frozen=True)
class _Limits:
    """What ours is held against, in the same database."""

    connection: psycopg.Connection[Any]
    recorder: PostgresApplicationRecorder
    running: Any

    @classmethod
    @contextmanager
    def of(cls, url: str) -> Iterator[_Limits]:
        """Make the limits' tables and open what they need."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA raw")
            # The same columns, checks and indexes.
            connection.execute("CREATE TABLE raw.events (LIKE ledger.events INCLUDING ALL)")
            connection.execute(f"CREATE SCHEMA {_SCHEMA}")
            with datastore(url, _SCHEMA) as store, stock.runner(url, _SCHEMA) as running:
                recorder = PostgresApplicationRecorder(store, events_table_name="plain_events")
                recorder.create_table()
                yield cls(connection, recorder, running)

    def insert(self, clock: Clock, first: int, last: int) -> Cost:
        """Give the library the same events as plain ones, 100 a call."""
        query = (
            "SELECT originator_id, originator_version, topic, state FROM ledger.events"
            " WHERE position > %s AND position <= %s ORDER BY position"
        )
        events = [StoredEvent(*row) for row in self.connection.execute(query, (first, last))]
        size = STOCK_EVENTS_A_CALL
        with clock() as cost:
            for start in range(0, len(events), size):
                self.recorder.insert_events(events[start : start + size])
        return cost

    def copy(self, clock: Clock, first: int, last: int, rows: int) -> Cost:
        """Copy the same rows, encoded already, in transactions as large as the batches were."""
        query = sql.SQL(
            "COPY (SELECT * FROM ledger.events WHERE position > {} AND position <= {}"
            " ORDER BY position) TO STDOUT (FORMAT binary)"
        )
        encoded: list[list[bytes]] = []
        with self.connection.cursor() as cursor:
            for start in range(first, last, rows):
                through = min(start + rows, last)
                with cursor.copy(query.format(start, through)) as out:
                    encoded.append([bytes(part) for part in out])
            with clock() as cost:
                for parts in encoded:
                    with cursor.copy("COPY raw.events FROM STDIN (FORMAT binary)") as into:
                        into.write(b"".join(parts))
        return cost

    def tell(self, clock: Clock, lines: list[bytes]) -> Cost:
        """Do the whole job in the stock way."""
        with clock() as cost:
            told = [self.running.app.tell(line) for line in lines]
            stock.wait(self.running, max(id_ or 0 for id_ in told))
        return cost


def _figures(run: Run, rounds: _Rounds, batch: int) -> None:
    report, facts = run.report, rounds.facts
    report.under(f"Ingest of {facts:,} facts a round, batches of {batch:,}")
    report.add("facts", "1/s", [facts / ours.wall for ours in rounds.ours], at_least=20_000)
    report.add(
        "rows (facts and decisions)",
        "1/s",
        [rows / ours.wall for rows, ours in zip(rounds.rows, rounds.ours, strict=True)],
    )
    report.add(
        "under the head lock, per 1,000 rows",
        "ms",
        [1e6 * held / rows for held, rows in zip(rounds.locked, rounds.rows, strict=True)],
    )
    report.add("CPU of Python per fact", "us", [1e6 * ours.client / facts for ours in rounds.ours])
    report.add(
        "  of it the garbage collector",
        "us",
        [1e6 * ours.collector / facts for ours in rounds.ours],
    )
    report.add(
        "CPU of PostgreSQL per fact", "us", [1e6 * ours.server / facts for ours in rounds.ours]
    )
    for name, costs, items, target in (
        ("stock insert_events, 100 events a call", rounds.inserts, rounds.rows, 0.6),
        ("raw binary COPY of the same rows", rounds.copy, rounds.rows, 0.25),
        ("the stock way", rounds.stock_way, [run.scale.stock_facts] * len(rounds.ours), 10.0),
    ):
        _against(report, rounds, name, costs, items, target)


def _against(
    report: Report,
    rounds: _Rounds,
    name: str,
    costs: list[Cost],
    items: list[int],
    target: float,
) -> None:
    """Add a limit and the ratio to it, round by round: of the rates, and of the CPU."""
    pairs = list(zip(rounds.ours, costs, items, rounds.rows, strict=True))
    report.add(name, "1/s", [n / cost.wall for _, cost, n, _ in pairs])
    # A row of raw COPY is held against a row of ours, an event or a fact against a fact.
    per_row = costs is rounds.copy
    ratios, cpu = [], []
    for ours, cost, limit_items, rows in pairs:
        items_of_ours = rows if per_row else rounds.facts
        ratios.append((items_of_ours / ours.wall) / (limit_items / cost.wall))
        cpu.append((cost.cpu / limit_items) / (ours.cpu / items_of_ours))
    what = "rows" if per_row else "facts"
    report.add(f"  ratio of our {what} to it", "", ratios, at_least=target)
    report.add("  the same in CPU", "", cpu)


def _stages(report: Report, bench: Bench, rounds: _Rounds, batch: int) -> None:
    """Add where the time of the rounds went, on average, per fact."""
    report.under(f"Where the time goes, batches of {batch:,}, per fact")
    facts = rounds.facts
    report.add(
        "decode alone, mostly in a process of its own (CPU)",
        "us",
        [1e6 * cost.client / facts for cost in rounds.decode],
    )
    told = facts * len(rounds.ours)
    for name, title in _TITLES.items():
        spent = bench.stages.spent.get(name)
        if spent is not None:
            report.add(f"{title}", "us", [1e6 * spent.wall / told])
            report.add("  of it CPU of Python", "us", [1e6 * spent.cpu / told])


_TITLES = {
    "recorded": "look up duplicates",
    "stage": "copy rows to the staging table",
    "versions": "look up versions",
    "head": "read and lock the head",
    "insert_staged": "hash leaves and insert, under the lock",
    "merge": "merge into the projections, under the lock",
}
