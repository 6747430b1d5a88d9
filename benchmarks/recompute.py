"""A log decided again part by part, each way in a process of its own; nothing is written."""

from __future__ import annotations

from benchmarks.figures import note
from benchmarks.scales import Run
from benchmarks.worker import Told, worker

PROCESSES = (1, 2)


def measure(run: Run) -> None:
    """Decide a ledger with a past again, by one process and by two."""
    history = run.history()
    note(f"recompute over {history.events:,} events")
    report = run.report
    report.under(f"Recompute over {history.events:,} events")
    for processes in PROCESSES:
        told: list[Told] = []
        for _ in range(run.scale.turns):
            with worker("recompute", history.url, str(processes)) as watched:
                told += list(watched.lines())[1:]
                peak = watched.peak_mib
        told = told[run.scale.warm_ups :]
        wall = [history.events / each["wall"] for each in told]
        if processes == 1:
            report.add("events, one process", "1/s", wall)
            by_cpu = [history.events / each["client"] for each in told]
            report.add("events, by CPU of Python", "1/s", by_cpu, at_least=30_000)
            report.add("memory of the one process, at most", "MiB", [peak])
        else:
            report.add("events, two processes", "1/s", wall)
