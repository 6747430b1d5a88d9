"""A whole ledger verified, without closed months and with ten; beside it, its rows read and hashed.

The limit hashes each row as it comes from the database and does nothing else: it decodes nothing,
compares nothing and asks no query of any invariant.
"""

from __future__ import annotations

from hashlib import sha256

import psycopg
from psycopg import sql

from benchmarks.figures import Clock, Cost, Report, note
from benchmarks.history import build
from benchmarks.ledgers import open_bench
from benchmarks.scales import Run
from benchmarks.worker import Told, watched_run
from replay.findings import StoredRow

MONTHS = tuple(f"2026-{month:02d}" for month in range(1, 11))
"""Those that the ledger with a past has accrued whole."""

_ROWS = sql.SQL("COPY (SELECT {} FROM ledger.events) TO STDOUT (FORMAT binary)").format(
    sql.SQL(", ").join(map(sql.Identifier, StoredRow._fields))
)


def measure(run: Run) -> None:
    """Verify a ledger with a past, then the same with its months closed, by the limit in turn."""
    with build(run.server, run.scale.history_events, "bench_verify") as history:
        note(f"verify {history.events:,} events")
        _measure(run, history.url, history.events, "no month closed", target=True)
        note(f"closing {len(MONTHS)} months")
        with open_bench(history.url, fresh=False) as bench:
            for month in MONTHS:
                bench.ledger.close(month)
            last = bench.position()
        with psycopg.connect(history.url, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")
        _measure(run, history.url, last, f"{len(MONTHS)} months closed", target=False)


def _measure(run: Run, url: str, events: int, closed: str, *, target: bool) -> None:
    ours: list[Told] = []
    limits: list[Cost] = []
    peaks: list[float] = []
    for _ in range(run.scale.turns):
        limits.append(_hashed(url))
        with watched_run(url, "benchmarks.verifying") as watched:
            ours.append(list(watched.lines())[-1])
            peaks.append(watched.peak_mib)
    run.report.under(f"Verification of {events:,} events, {closed}")
    for kept in (ours, limits, peaks):
        del kept[: run.scale.warm_ups]
    _tell(run.report, events, ours, limits, target=target)
    run.report.add("memory of the main process, at most", "MiB", peaks)


def _tell(
    report: Report, events: int, ours: list[Told], limits: list[Cost], *, target: bool
) -> None:
    def each(seconds: list[float]) -> list[float]:
        return [1e6 * spent / events for spent in seconds]

    cpu = each([told["client"] + told["server"] for told in ours])
    rates = [events / told["wall"] for told in ours]
    report.add("events verified", "1/s", rates, at_least=200_000 if target else None)
    report.add("CPU per event verified", "us", cpu)
    report.add("  of it Python", "us", each([told["client"] for told in ours]))
    report.add("  of it PostgreSQL", "us", each([told["server"] for told in ours]))
    limit = each([cost.cpu for cost in limits])
    report.add("rows read and hashed, nothing else, CPU per event", "us", limit)
    pairs = zip(limit, cpu, strict=True)
    report.add("  ratio of verification to it, in CPU", "", [one / other for one, other in pairs])


def _hashed(url: str) -> Cost:
    clock = Clock(url)
    with psycopg.connect(url) as connection, clock() as cost:
        cursor = connection.cursor()
        with cursor.copy(_ROWS) as copy:
            for row in copy:
                sha256(row).digest()
    return cost
