"""Accrual runs over many active clients, full and daily ones, each size in a process of its own.

Nearly all clients began on one of the first ten days of a month, one of a hundred on the 20th. So
a run through the 19th finds nearly all due; the one through the 20th, with the plans of one of a
hundred changed that morning, is a daily run with 1 % due and 1 % changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import psycopg

from benchmarks.figures import Report, note
from benchmarks.ledgers import Bench, database, open_bench
from benchmarks.scales import Run
from benchmarks.wire import World
from benchmarks.worker import Told, worker

PARTNERS = 600

MANY = 1_000_000
"""Active clients of which a run is to be over in a minute, on two cores."""

_MONTHS = range(1, 13)


@dataclass(slots=True)
class _Size:
    """What the runs over one number of clients cost; the first full run apart."""

    clients: int
    first: Told = field(default_factory=dict)
    full: list[Told] = field(default_factory=list)
    daily: list[Told] = field(default_factory=list)
    start_mib: float = 0.0
    peak_mib: float = 0.0


def measure(run: Run) -> None:
    """Measure both sizes; the first month warms up."""
    sizes = [_size(run, clients) for clients in run.scale.accrual_clients]
    for size in sizes:
        _figures(run.report, size, is_target=size is sizes[-1])
    _flat(run.report, *sizes)


def _size(run: Run, clients: int) -> _Size:
    note(f"accrual, {clients:,} clients")
    size, world = _Size(clients), World(PARTNERS)
    with database(run.server, "bench_accrual") as url, open_bench(url) as bench:
        bench.ingest(world.enrolments())
        bench.ingest(world.activations(clients))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")
        for month in _MONTHS[: run.scale.rounds + 1]:
            _month(size, bench, world, month)
    return size


def _month(size: _Size, bench: Bench, world: World, month: int) -> None:
    """Do one month: a full run, changes, a daily run, in a fresh process each."""
    (full,) = _accrue(size, bench.url, date(2026, month, 19))
    bench.ingest(world.changes(date(2026, month, 20)))
    (daily,) = _accrue(size, bench.url, date(2026, month, 20))
    if month == 1:
        size.first = full
    else:
        size.full.append(full)
        size.daily.append(daily)


def _accrue(size: _Size, url: str, *days: date) -> list[Told]:
    with worker("accrue", url, *(day.isoformat() for day in days)) as watched:
        told = watched.lines()
        next(told)
        size.start_mib = max(size.start_mib, watched.memory_mib())
        done = list(told)
        size.peak_mib = max(size.peak_mib, watched.peak_mib)
    return done


def _figures(report: Report, size: _Size, *, is_target: bool) -> None:
    """Add the figures of a size; what they should be is said of the larger one."""
    rate, share = (25_000, 5) if is_target else (None, None)
    report.under(f"Accrual over {size.clients:,} active clients")
    minute = 60 if size.clients >= MANY else None
    walls = [told["wall"] for told in size.full]
    report.add("lines", "1/s", [_rate(told) for told in size.full], at_least=rate)
    report.add("a run", "s", walls, at_most=minute)
    report.add("the first run", "s", [size.first["wall"]], at_most=minute)
    first = [_rate(size.first)]
    report.add("lines of the first run (all clients new)", "1/s", first, at_least=rate)
    report.add("CPU per line", "us", [_cpu(told) for told in size.full])
    report.add("  of it Python", "us", [_cpu(told, "client") for told in size.full])
    collected = [_cpu(told, "collector") for told in size.full]
    report.add("  of Python's, the garbage collector", "us", collected)
    report.add("  of it PostgreSQL", "us", [_cpu(told, "server") for told in size.full])
    report.add("memory of a process that only opened the ledger", "MiB", [size.start_mib])
    report.add("memory of the process that runs, at most", "MiB", [size.peak_mib], at_most=500)
    pairs = list(zip(size.daily, size.full, strict=True))
    report.add("lines of a daily run", "", [daily["lines"] for daily in size.daily])
    report.add(
        "daily run (1 % due, 1 % changed), share of a full one",
        "%",
        [100 * daily["wall"] / full["wall"] for daily, full in pairs],
        at_most=share,
    )
    report.add(
        "  the same in CPU",
        "%",
        [100 * _total(daily) / _total(full) for daily, full in pairs],
        at_most=share,
    )


def _flat(report: Report, small: _Size, large: _Size) -> None:
    report.under("Accrual, the larger number of clients to the smaller")
    pairs = list(zip(large.full, small.full, strict=True))
    report.add("CPU per line, ratio", "", [_cpu(a) / _cpu(b) for a, b in pairs], at_most=1.2)
    report.add("time per line, ratio", "", [_rate(b) / _rate(a) for a, b in pairs], at_most=1.2)


def _rate(told: Told) -> float:
    return told["lines"] / told["wall"]


def _total(told: Told) -> float:
    return told["client"] + told["server"]


def _cpu(told: Told, side: str | None = None) -> float:
    return 1e6 * (_total(told) if side is None else told[side]) / told["lines"]
