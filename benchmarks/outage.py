"""The database goes away while facts arrive: how long until a consumer has made up for it.

The consumer is the command itself, with its own timeouts and waits. It reaches the database by way
of a proxy, which drops its connections, and each new one, for as long as the outage lasts.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from time import monotonic, sleep

import psycopg

from benchmarks.consuming import PARTNERS
from benchmarks.figures import note
from benchmarks.ledgers import database, open_bench
from benchmarks.scales import Run
from benchmarks.topics import new_topic
from benchmarks.wire import World
from benchmarks.worker import Watched, worker
from tests.faults.proxy import Cut, Proxy, database_socket, proxied, through

STILL_SECONDS = 0.25
"""The lag is gone while fewer facts are missing than arrive in so long a time."""

_LONGEST_SECONDS = 300
_EVERY_SECONDS = 0.02


@dataclass(slots=True)
class _Arrivals:
    """Facts that a process of its own sends at a steady pace; ``sent`` are those up to now."""

    sent: float = 0

    def listen(self, watched: Watched) -> None:
        """Hear from that process until it ends."""
        for told in watched.lines():
            self.sent = told["sent"]


@contextmanager
def _arriving(address: str, topic: str, per_second: int) -> Iterator[_Arrivals]:
    """Have facts sent while the block runs."""
    arrivals = _Arrivals()
    with worker("send", "", address, topic, str(per_second)) as watched:
        Thread(target=arrivals.listen, args=(watched,), daemon=True).start()
        yield arrivals


@dataclass(frozen=True, slots=True)
class _Watch:
    """Sees how many facts wait to be recorded, past the proxy."""

    connection: psycopg.Connection[tuple[int]]
    arrivals: _Arrivals
    command: subprocess.Popen[bytes]
    still: float
    """The lag is gone while fewer facts are missing than this."""

    def lag(self) -> float:
        """Facts that were sent and are not recorded."""
        query = "SELECT coalesce(sum(next_offset), 0)::bigint FROM ledger.ingest_offsets"
        row = self.connection.execute(query).fetchone()
        assert row is not None
        return self.arrivals.sent - row[0]

    def is_still(self) -> bool:
        """Whether facts are recorded as they arrive."""
        return self.lag() < self.still

    def wait(self, true: Callable[[], bool]) -> float:
        """Wait for something; the seconds that took. Raises RuntimeError if it does not come."""
        began = monotonic()
        while not true():
            if self.command.poll() is not None or monotonic() - began > _LONGEST_SECONDS:
                raise RuntimeError("the consumer ended, or does not make up for an outage")
            sleep(_EVERY_SECONDS)
        return monotonic() - began


def measure(run: Run, address: str) -> None:
    """Let the database go away some times, each time until the lag of the last is gone."""
    seconds, per_second = run.scale.outage_seconds, run.scale.arrivals
    note(f"kafka, outages of the database of {seconds:g} s while {per_second:,} facts/s arrive")
    topic = new_topic(address)
    took, most = list[float](), list[float]()
    with (
        database(run.server, "bench_outage") as url,
        proxied(lambda: database_socket(url)) as proxy,
        psycopg.connect(_prepared(url), autocommit=True) as connection,
        _command(through(url, proxy), address, topic) as command,
        _arriving(address, topic, per_second) as arrivals,
    ):
        watch = _Watch(connection, arrivals, command, STILL_SECONDS * per_second)
        watch.wait(lambda: arrivals.sent > watch.lag())
        for _ in range(run.scale.kafka_rounds):
            watch.wait(watch.is_still)
            sleep(seconds / 2)
            with _away(proxy):
                sleep(seconds)
                most.append(watch.lag())
            took.append(watch.wait(watch.is_still))
    report = run.report
    report.under(f"Kafka, an outage of the database while {per_second:,} facts/s arrive")
    report.add("outage", "s", [seconds])
    report.add("facts that wait at its end", "", most)
    report.add("from its end until the lag is gone", "s", took)
    report.add("  ratio to the outage", "", [each / seconds for each in took])


def _prepared(url: str) -> str:
    with open_bench(url) as bench:
        bench.ingest(World(PARTNERS).enrolments())
    return url


@contextmanager
def _away(proxy: Proxy) -> Iterator[None]:
    """Drop what is open, and what is opened as soon as it speaks."""

    def refuse(_: bytes) -> Cut:
        return "before"

    passed, proxy.judge = proxy.judge, refuse
    proxy.drop()
    try:
        yield
    finally:
        proxy.judge = passed


@contextmanager
def _command(url: str, address: str, topic: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``commissions consume`` while the block runs."""
    command = (sys.executable, "-m", "interfaces.cli.main", "consume", "--topic", topic)
    told = {"COMMISSIONS_DATABASE_URL": url, "COMMISSIONS_LOG_LEVEL": "error"}
    process = subprocess.Popen(
        [*command, "--bootstrap-servers", address],
        env={**os.environ, **told},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
