"""Rebuild of all projections, beside a stock projection runner that does balances only."""

from __future__ import annotations

import psycopg

from benchmarks import stock
from benchmarks.figures import Clock, Cost, note
from benchmarks.ledgers import database
from benchmarks.scales import Run
from projections.projector import Projector
from projections.rebuild import rebuild

_SCHEMA = "stock"


def measure(run: Run) -> None:
    """Measure rebuilds of the ledger with a past, alternating with the stock runner."""
    history = run.history()
    lines = 3 * run.scale.stock_facts
    ours: list[Cost] = []
    theirs: list[Cost] = []
    with database(run.server, "bench_stock") as stock_url:
        with psycopg.connect(stock_url) as connection:
            connection.execute(f"CREATE SCHEMA {_SCHEMA}")
        last = _lines(history.url, stock_url, lines)
        note("rebuild")
        for _ in range(run.scale.turns):
            ours.append(_rebuild(history.url))
            theirs.append(_stock(stock_url, last))
    del ours[: run.scale.warm_ups], theirs[: run.scale.warm_ups]
    report = run.report
    report.under(f"Rebuild of all projections, {history.events:,} events")
    rates = [history.events / cost.wall for cost in ours]
    report.add("events", "1/s", rates, at_least=500_000)
    cpu = [1e6 * cost.server / history.events for cost in ours]
    report.add("CPU of PostgreSQL per event", "us", cpu)
    stock_rates = [lines / cost.wall for cost in theirs]
    report.add("stock ProjectionRunner, balances only", "1/s", stock_rates)
    pairs = list(zip(rates, stock_rates, strict=True))
    report.add("  ratio to it", "", [our / their for our, their in pairs], at_least=50)
    report.add(
        "  the same in CPU",
        "",
        [
            (their.cpu / lines) / (our.cpu / history.events)
            for our, their in zip(ours, theirs, strict=True)
        ],
    )


def _lines(history_url: str, stock_url: str, lines: int) -> int:
    """Record lines of the ledger as events of the stock way; the id of the last."""
    with psycopg.connect(history_url) as connection:
        found = connection.execute(
            "SELECT partner_id, currency, amount FROM ledger.events WHERE kind = 'commission'"
            " ORDER BY position LIMIT %s",
            (lines,),
        ).fetchall()
    with stock.runner(stock_url, _SCHEMA) as running:
        last: int = running.app.earn(found * (lines // len(found) + 1))
        stock.wait(running, last)
    return last


def _rebuild(url: str) -> Cost:
    clock = Clock(url)
    with psycopg.connect(url, autocommit=True) as connection:
        with clock() as cost:
            rebuilt = rebuild(connection, Projector())
        if any(rebuilt.repaired.values()):
            raise ValueError(f"the live projections differ from the events: {rebuilt}")
    return cost


def _stock(url: str, last: int) -> Cost:
    """Fold all from the first event, once the runner stands."""
    stock.start_over(url, _SCHEMA)
    clock = Clock(url)
    with clock() as cost, stock.runner(url, _SCHEMA) as running:
        stock.wait(running, last)
    return cost
