"""Memory of a process that ingests one long file."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from benchmarks.figures import note
from benchmarks.ledgers import database, open_bench
from benchmarks.scales import Run
from benchmarks.wire import World
from benchmarks.worker import worker

PARTNERS = 600

_LINES_AT_A_TIME = 10_000

Sample: TypeAlias = tuple[float, float]
"""Facts recorded so far, and MiB resident then."""


def measure(run: Run) -> None:
    """Sample the memory after each batch, and compare the last tenth with the half before."""
    facts = run.scale.memory_facts
    note(f"memory of ingest, {facts:,} facts")
    path = run.folder / "facts.jsonl"
    _write(path, facts)
    with database(run.server, "bench_memory") as url:
        with open_bench(url):
            pass
        with worker("ingest", url, str(path)) as watched:
            told = watched.lines()
            next(told)
            start = watched.memory_mib()
            samples = [(figures["facts"], watched.memory_mib()) for figures in told]
        peak = watched.peak_mib
    path.unlink()
    report = run.report
    report.under(f"Memory of ingest, {facts:,} facts")
    report.add("at the start", "MiB", [start])
    for share in (0.1, 0.25, 0.5, 0.75, 1.0):
        report.add(f"after {share:.0%} of the facts", "MiB", [after(samples, share * facts)])
    report.add("at most", "MiB", [peak])
    slope = [growth(samples)]
    report.add("growth in the second half, per 100,000 facts", "MiB", slope, at_most=2)


def _write(path: Path, facts: int) -> None:
    world = World(PARTNERS)
    with path.open("wb") as out:
        lines = iter([*world.enrolments()])
        out.writelines(line + b"\n" for line in lines)
        told = world.mix(facts - PARTNERS)
        while part := list(islice(told, _LINES_AT_A_TIME)):
            out.writelines(line + b"\n" for line in part)


def after(samples: Sequence[Sample], facts: float) -> float:
    """The memory of the sample that is nearest to a number of facts."""
    return min(samples, key=lambda sample: abs(sample[0] - facts))[1]


def growth(samples: list[Sample]) -> float:
    """The slope of the second half by least squares, in MiB per 100,000 facts."""
    half = samples[len(samples) // 2 :]
    if not half:
        return 0.0
    facts = sum(at for at, _ in half) / len(half)
    memory = sum(mib for _, mib in half) / len(half)
    spread = sum((at - facts) ** 2 for at, _ in half)
    if not spread:
        return 0.0
    return 100_000 * sum((at - facts) * (mib - memory) for at, mib in half) / spread
