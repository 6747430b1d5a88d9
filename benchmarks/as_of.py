"""Balances as of a position and a day, from the events alone, of one partner and of all."""

from __future__ import annotations

from datetime import date
from random import Random
from time import perf_counter

import psycopg

from benchmarks.figures import Clock, Cost, note, quantile
from benchmarks.history import History
from benchmarks.repeated import build_repeated
from benchmarks.scales import Run
from replay.as_of import Replay

_SHARES = {"p50": 0.5, "p99": 0.99}
_LIMIT_MS = {"p50": None, "p99": 5.0}
_DAY = date(2026, 6, 30)
"""About half of the lines are of a day up to it."""


def measure(run: Run) -> None:
    """Ask for balances as of the last position; beside it the stored balance, one row by key."""
    scale = run.scale
    with build_repeated(run.server, scale.as_of_events, scale.as_of_times) as history:
        _measure(run, history)


def _measure(run: Run, history: History) -> None:
    note("as of a position")
    draw = Random(2)  # noqa: S311 - lots, not secrets
    with psycopg.connect(history.url, autocommit=True) as connection:
        replay = Replay(connection)
        stored: list[list[float]] = []
        drawn: list[list[float]] = []
        largest: list[list[float]] = []
        everybody: list[Cost] = []
        of_a_day: list[Cost] = []
        clock = Clock(history.url)
        for _ in range(run.scale.turns):
            partners = draw.choices(history.partners, k=run.scale.as_of_queries)
            stored.append([_stored(connection, partner) for partner in partners])
            drawn.append([_one(replay, history, partner) for partner in partners])
            largest.append([_one(replay, history, history.giant) for _ in range(10)])
            with clock() as cost:
                list(replay.balances(replay.resolve(position=history.events)))
            everybody.append(cost)
            with clock() as cost:
                at = replay.resolve(position=history.events, effective_at=_DAY)
                list(replay.balances(at))
            of_a_day.append(cost)
        lines = _lines(connection)
    for kept in (stored, drawn, largest, everybody, of_a_day):
        del kept[: run.scale.warm_ups]
    report = run.report
    report.under(f"Balances as of a position, {history.events:,} events")
    for name, share in _SHARES.items():
        report.add(
            f"one partner, drawn evenly, {name}",
            "ms",
            [quantile(times, share) for times in drawn],
            at_most=_LIMIT_MS[name],
        )
    giant = lines.pop(history.giant, 0)
    report.add("  lines of the largest of these", "", [max(lines.values())])
    for name, share in _SHARES.items():
        report.add(
            f"the stored balance (one row by its key), {name}",
            "ms",
            [quantile(times, share) for times in stored],
        )
    report.add(f"the largest partner ({giant:,} lines)", "ms", [max(t) for t in largest])
    report.add("all partners", "s", [cost.wall for cost in everybody], at_most=2.0)
    report.add("all partners, CPU of PostgreSQL", "s", [cost.server for cost in everybody])
    report.add("all partners, on both axes", "s", [cost.wall for cost in of_a_day])


def _lines(connection: psycopg.Connection[tuple[str, int]]) -> dict[str, int]:
    """Money events of each partner."""
    found = connection.execute(
        "SELECT partner_id, COUNT(*) FROM ledger.events WHERE kind IS NOT NULL GROUP BY partner_id"
    )
    return dict(found)


def _one(replay: Replay, history: History, partner_id: str) -> float:
    """Milliseconds of one answer, its place on the axes found too."""
    began = perf_counter()
    list(replay.balances(replay.resolve(position=history.events), partner_id))
    return 1000 * (perf_counter() - began)


def _stored(connection: psycopg.Connection[tuple[object, ...]], partner_id: str) -> float:
    began = perf_counter()
    query = "SELECT * FROM projections.balances WHERE partner_id = %s"
    connection.execute(query, (partner_id,)).fetchall()
    return 1000 * (perf_counter() - began)
