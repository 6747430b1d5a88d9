"""A ledger with a past: clients activated, ten months accrued, engagement told, one giant partner.

Two thirds of it are money lines. The giant apart, no partner has more than about a fiftieth of
them: below 20,000 in a ledger of a million events.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import psycopg

from benchmarks.figures import note
from benchmarks.ledgers import database, open_bench
from benchmarks.wire import World

PARTNERS = 600
GIANT = 0.05
"""Share of the giant partner in the clients."""

THROUGH = date(2026, 11, 4)
"""Ten monthly periods of most clients start by then."""

_ROWS_PER_CLIENT = 13
"""Rows that a client leads to: its facts, how it stands, ten lines."""


@dataclass(frozen=True, slots=True)
class History:
    """A ledger that is only read: its address, its last position, its partners."""

    url: str
    events: int
    partners: list[str]
    giant: str


@contextmanager
def build(server: str, events: int, name: str = "bench_history") -> Iterator[History]:
    """Build a ledger of about ``events`` events in a database of its own, dropped at the end."""
    note(f"building a ledger of {events:,} events")
    clients = events * 9 // 10 // _ROWS_PER_CLIENT
    with database(server, name) as url:
        world = World(PARTNERS, giant=GIANT)
        with open_bench(url) as bench:
            bench.ingest(world.enrolments())
            bench.ingest(world.activations(clients))
            bench.ledger.accrue(THROUGH)
            left = events - bench.position()
            if left > 0:
                bench.ingest(world.mix(left * 10 // 13))
            last = bench.position()
        with psycopg.connect(url, autocommit=True) as connection:
            # What autovacuum does within minutes of such a load.
            connection.execute("VACUUM (ANALYZE)")
        yield History(url, last, world.partners, world.giant)
