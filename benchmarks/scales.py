"""How much is measured at each scale."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figures import Report
from benchmarks.history import History, build


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of a run. Each measurement is warmed up and then made ``rounds`` times."""

    warm_ups: int
    """Rounds before the first that counts; none where figures mean nothing."""
    rounds: int
    ingest_facts: int
    """Facts that are ingested in one round."""
    stock_facts: int
    """Facts of one round of the stock way, and lines of one round of its projection."""
    history_events: int
    """Events of the ledger that is rebuilt."""
    as_of_events: int
    """Events of the ledger whose repetitions are asked as of a position."""
    as_of_times: int
    as_of_queries: int
    """Partners drawn in one round."""
    archive_times: int
    """How often the archive of ``history_events`` is repeated."""
    spark_rounds: int
    """Rounds of questions to Spark; none at all where it would take longer than the rest."""
    accrual_clients: tuple[int, int]
    memory_facts: int
    kafka_facts: int
    """Facts of the backlog on the topic, and in the file beside it."""
    kafka_rounds: int
    kafka_latencies: int
    """Facts sent one at a time to an idle consumer."""
    outage_seconds: float
    """How long the database is away while facts arrive."""
    arrivals: int
    """Facts that arrive in a second before, in and after an outage."""

    @property
    def turns(self) -> int:
        """Rounds of a measurement with those that warm it up."""
        return self.warm_ups + self.rounds


SCALES = {
    # Only shows that everything works: its figures mean nothing.
    "tiny": Scale(0, 1, 200, 20, 1_500, 1_500, 2, 20, 2, 0, (100, 200), 600, 400, 1, 5, 0.5, 200),
    "small": Scale(
        1,
        3,
        15_000,
        300,
        100_000,
        100_000,
        10,
        300,
        100,
        3,
        (2_000, 20_000),
        50_000,
        100_000,
        3,
        100,
        5,
        5_000,
    ),
    "full": Scale(
        1,
        5,
        50_000,
        1_000,
        1_000_000,
        100_000,
        100,
        2_000,
        10,
        3,
        (20_000, 200_000),
        1_000_000,
        400_000,
        3,
        500,
        60,
        5_000,
    ),
}


@dataclass(slots=True)
class Run:
    """A run of the benchmarks: where, how much, what came out, and what it has built."""

    server: str
    folder: Path
    scale: Scale
    report: Report
    built: ExitStack
    _history: History | None = field(default=None)

    def history(self) -> History:
        """The ledger of ``history_events`` events, built when it is first asked for."""
        if self._history is None:
            ledger = build(self.server, self.scale.history_events)
            self._history = self.built.enter_context(ledger)
        return self._history
