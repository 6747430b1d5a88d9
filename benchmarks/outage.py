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
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import psycopg

from benchmarks.consuming import PARTNERS
from benchmarks.figures import Clock, Report, note
from benchmarks.ledgers import database, open_bench
from benchmarks.scales import Run
from benchmarks.topics import new_topic
from benchmarks.wire import World
from benchmarks.worker import Watched, cpu_seconds, worker
from tests.faults.proxy import Cut, Proxy, database_socket, proxied, through

STILL_SECONDS = 0.25
"""The lag is gone while fewer facts are missing than arrive in so long a time."""

A_MINUTE = 60
"""An outage for which the target of the recovery is stated."""

_LONGEST_SECONDS = 180
_EVERY_SECONDS = 0.05
_LAST_LINES = 12


@dataclass(slots=True)
class _Arrivals:
    """Facts that a process of its own sends at a steady pace; ``sent`` are those up to now."""

    watched: Watched
    sent: float = 0

    def listen(self) -> None:
        """Hear from that process until it ends."""
        for told in self.watched.lines():
            self.sent = told["sent"]


@contextmanager
def _arriving(address: str, topic: str, per_second: int) -> Iterator[_Arrivals]:
    """Have facts sent while the block runs."""
    with worker("send", "", address, topic, str(per_second)) as watched:
        arrivals = _Arrivals(watched)
        Thread(target=arrivals.listen, daemon=True).start()
        yield arrivals


@dataclass(slots=True)
class _Command:
    """The consumer's process, and the file that its log goes to."""

    process: subprocess.Popen[bytes]
    log: Path

    def last_lines(self) -> str:
        """What it said last."""
        return "\n".join(self.log.read_text("utf-8").splitlines()[-_LAST_LINES:])


@dataclass(slots=True)
class _Watch:
    """Sees how many facts wait to be recorded, past the proxy.

    The lag is gone while fewer facts than ``still`` are missing; ``seconds`` are the lags since a
    wait began, one a second.
    """

    connection: psycopg.Connection[tuple[int]]
    arrivals: _Arrivals
    command: _Command
    still: float
    seconds: list[float] = field(default_factory=list)

    def recorded(self) -> int:
        """Facts that are recorded."""
        query = "SELECT coalesce(sum(next_offset), 0)::bigint FROM ledger.ingest_offsets"
        row = self.connection.execute(query).fetchone()
        assert row is not None
        return row[0]

    def lag(self) -> float:
        """Facts that were sent and are not recorded."""
        return self.arrivals.sent - self.recorded()

    def is_beyond(self, recorded: int) -> bool:
        """Whether more facts are recorded than at some moment."""
        return self.recorded() > recorded

    def is_still(self) -> bool:
        """Whether facts are recorded as they arrive."""
        return self.lag() < self.still

    def wait(self, what: str, true: Callable[[], bool]) -> float:
        """Wait for something; the seconds that took.

        Raises RuntimeError when the consumer ended, or when it does not come: with what is known.
        """
        began = monotonic()
        self.seconds = []
        while not true():
            passed = monotonic() - began
            if passed >= len(self.seconds):
                self.seconds.append(self.lag())
            status = self.command.process.poll()
            if status is not None:
                said = self.command.last_lines()
                raise RuntimeError(
                    f"the consumer ended with status {status}; it said last:\n{said}"
                )
            if passed > _LONGEST_SECONDS:
                lags = " ".join(f"{lag:.0f}" for lag in self.seconds)
                raise RuntimeError(
                    f"the consumer runs, but {what} did not come in {passed:.0f} s; facts that"
                    f" waited, second by second: {lags}; it said last:\n{self.command.last_lines()}"
                )
            sleep(_EVERY_SECONDS)
        return monotonic() - began

    def _problem(self, what: str, passed: float, status: int | None) -> str:
        """Why a wait is over: the consumer ended, or it is too slow."""
        said = f"it said last:\n{self.command.last_lines()}"
        if status is not None:
            return f"the consumer ended with status {status}; {said}"
        lags = " ".join(f"{lag:.0f}" for lag in self.seconds)
        return (
            f"the consumer runs, but {what} did not come in {passed:.0f} s; facts that waited,"
            f" second by second: {lags}; {said}"
        )


@dataclass(frozen=True, slots=True)
class _Used:
    """Facts sent and recorded, and seconds of CPU used, up to a moment."""

    sent: float
    recorded: int
    consumer: float
    sender: float
    server: float


@dataclass(slots=True)
class _Outages:
    """What each outage came to, in the same order."""

    waiting: list[float] = field(default_factory=list)
    noticed: list[float] = field(default_factory=list)
    gone: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    consumer: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)
    sender: list[float] = field(default_factory=list)

    def add(self, waiting: float, noticed: float, gone: float, used: tuple[_Used, _Used]) -> None:
        """Take in one: facts that waited, seconds until it was noticed and made up for."""
        before, after = used
        facts = after.recorded - before.recorded
        self.waiting.append(waiting)
        self.noticed.append(noticed)
        self.gone.append(gone)
        self.rate.append(facts / (gone - noticed) if gone > noticed else 0.0)
        self.consumer.append(1e6 * (after.consumer - before.consumer) / max(1, facts))
        self.server.append(1e6 * (after.server - before.server) / max(1, facts))
        self.sender.append(1e6 * (after.sender - before.sender) / max(1, after.sent - before.sent))


def measure(run: Run, address: str) -> None:
    """Let the database go away some times, each time until the lag of the last is gone."""
    seconds, per_second = run.scale.outage_seconds, run.scale.arrivals
    note(f"kafka, outages of the database of {seconds:g} s while {per_second:,} facts/s arrive")
    topic, outages = new_topic(address), _Outages()
    with (
        database(run.server, "bench_outage") as url,
        proxied(lambda: database_socket(url)) as proxy,
        psycopg.connect(_prepared(url), autocommit=True) as connection,
        _command(through(url, proxy), address, topic, run.folder / "outage.log") as command,
        _arriving(address, topic, per_second) as arrivals,
    ):
        watch = _Watch(connection, arrivals, command, STILL_SECONDS * per_second)
        clock = Clock(url)
        watch.wait("a first fact", lambda: arrivals.sent > watch.lag())
        for _ in range(run.scale.kafka_rounds):
            watch.wait("a lag that is gone", watch.is_still)
            sleep(seconds / 2)
            with _away(proxy):
                sleep(seconds)
                waiting, used = watch.lag(), _used(watch, clock)
            noticed = watch.wait("a fact after the outage", partial(watch.is_beyond, used.recorded))
            gone = noticed + watch.wait("a lag that is gone", watch.is_still)
            outages.add(waiting, noticed, gone, (used, _used(watch, clock)))
    _figures(run.report, outages, seconds, per_second)


def _figures(report: Report, outages: _Outages, seconds: float, per_second: int) -> None:
    report.under(f"Kafka, an outage of the database while {per_second:,} facts/s arrive")
    report.add("outage", "s", [seconds])
    report.add("facts that wait at its end", "", outages.waiting)
    report.add("from its end until facts are recorded again", "s", outages.noticed, at_most=2)
    most = 30 if seconds >= A_MINUTE else None
    report.add("from its end until the lag is gone", "s", outages.gone, at_most=most)
    report.add("  ratio to the outage", "", [each / seconds for each in outages.gone])
    report.add("facts recorded meanwhile", "1/s", outages.rate)
    report.add("CPU of the consumer per fact", "us", outages.consumer)
    report.add("CPU of PostgreSQL per fact", "us", outages.server)
    report.add("CPU of who sends, per fact", "us", outages.sender)


def _used(watch: _Watch, clock: Clock) -> _Used:
    sent, recorded = watch.arrivals.sent, watch.recorded()
    consumer, sender = (
        cpu_seconds(each.process.pid) for each in (watch.command, watch.arrivals.watched)
    )
    return _Used(sent, recorded, consumer, sender, clock.server())


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
def _command(url: str, address: str, topic: str, log: Path) -> Iterator[_Command]:
    """Run ``commissions consume`` while the block runs."""
    command = (sys.executable, "-m", "interfaces.cli.main", "consume", "--topic", topic)
    told = {"COMMISSIONS_DATABASE_URL": url, "COMMISSIONS_LOG_LEVEL": "warning"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--bootstrap-servers", address],
            env={**os.environ, **told},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _Command(process, log)
    finally:
        process.terminate()
        process.wait()
