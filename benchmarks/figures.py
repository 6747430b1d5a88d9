"""Figures of a run: clocks of wall and CPU time, runs summed up as median and spread, printing."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter, process_time, thread_time

import psutil
import psycopg

_LARGE = 100


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity: its value in each run, and what it should be, if that is said."""

    name: str
    unit: str
    runs: tuple[float, ...]
    at_least: float | None = None
    at_most: float | None = None

    @property
    def median(self) -> float:
        """The middle run."""
        return median(self.runs)

    @property
    def target(self) -> str:
        """What the median should be, empty if nothing is said."""
        if self.at_least is not None:
            return f">= {text(self.at_least)}"
        return "" if self.at_most is None else f"<= {text(self.at_most)}"

    @property
    def met(self) -> bool | None:
        """Whether the median is what it should be, None if nothing is said."""
        if self.at_least is not None:
            return self.median >= self.at_least
        return None if self.at_most is None else self.median <= self.at_most

    def line(self) -> str:
        """The figure as one line of the table that is printed."""
        spread = f"{text(min(self.runs))} - {text(max(self.runs))}"
        verdict = {None: "", True: "met", False: "missed"}[self.met]
        return (
            f"  {self.name:<58}{text(self.median):>10} {self.unit:<9}{spread:>23}"
            f"  {self.target:<12}{verdict}"
        ).rstrip()

    def record(self) -> dict[str, object]:
        """The figure as JSON."""
        return {
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "min": min(self.runs),
            "max": max(self.runs),
            "runs": list(self.runs),
            "target": self.target or None,
            "met": self.met,
        }


@dataclass(slots=True)
class Cost:
    """What a stretch of work took, in seconds: on the wall, in this process, in PostgreSQL.

    ``server`` covers every process of the server, its background ones too; 0 if it is elsewhere.
    ``collector`` is the part of ``client`` that went into Python's cyclic garbage collector.
    """

    wall: float = 0.0
    client: float = 0.0
    server: float = 0.0
    collector: float = 0.0

    @property
    def cpu(self) -> float:
        """Seconds of CPU, of both sides."""
        return self.client + self.server


class Clock:
    """Takes the cost of a stretch of work, with the server's share when it runs on this machine."""

    def __init__(self, url: str) -> None:
        self._postmaster = _postmaster(url)

    @contextmanager
    def __call__(self) -> Iterator[Cost]:
        """Fill the cost that is given when the block ends."""
        cost = Cost()
        gc.collect()
        server, client, wall = self.server(), _own(), perf_counter()
        with _collecting(cost):
            yield cost
        cost.wall = perf_counter() - wall
        cost.client = _own() - client
        cost.server = self.server() - server

    def server(self) -> float:
        """Seconds of CPU that the server has used so far; those of ended processes count too."""
        if self._postmaster is None:
            return 0.0
        times = self._postmaster.cpu_times()
        # What ended is in the children's times of the postmaster, except where a system has none.
        used = sum(getattr(times, name, 0.0) for name in ("children_user", "children_system"))
        for process in (self._postmaster, *self._postmaster.children()):
            try:
                own = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            used += own.user + own.system
        return float(used)


def _own() -> float:
    """Seconds of CPU of this process, and of those that it started and that have ended."""
    times = os.times()
    return process_time() + times.children_user + times.children_system


@dataclass(slots=True)
class Report:
    """The figures of a measurement as they come, printed at once."""

    figures: list[tuple[str, Figure]] = field(default_factory=list)
    heading: str = ""

    def under(self, heading: str) -> None:
        """Begin a group of figures."""
        self.heading = heading
        print(f"\n{heading}", flush=True)

    def add(
        self,
        name: str,
        unit: str,
        runs: Sequence[float],
        *,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        """Add a figure of one or more runs to the group and print it."""
        figure = Figure(name, unit, tuple(runs), at_least, at_most)
        self.figures.append((self.heading, figure))
        print(figure.line(), flush=True)

    def records(self) -> list[dict[str, object]]:
        """All figures as JSON."""
        return [{"group": heading, **figure.record()} for heading, figure in self.figures]


def note(text: str) -> None:
    """Tell on standard error what is going on."""
    print(f"# {text}", file=sys.stderr, flush=True)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which a share of the values lies, the nearest one that was measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def text(value: float) -> str:
    """A value with three digits that say something, or all of its whole ones."""
    if abs(value) >= _LARGE or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


@contextmanager
def _collecting(cost: Cost) -> Iterator[None]:
    """Add up the time of the garbage collector, on whichever thread it runs."""
    began = [0.0]

    def count(phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            began[0] = thread_time()
        else:
            cost.collector += thread_time() - began[0]

    gc.callbacks.append(count)
    try:
        yield
    finally:
        gc.callbacks.remove(count)


def _postmaster(url: str) -> psutil.Process | None:
    """The server's first process, if it is one of this machine."""
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            backend = psutil.Process(connection.info.backend_pid)
            parent = backend.parent()
        except psutil.Error:
            return None
        if parent is None or "postgres" not in parent.name():
            return None
        return parent
