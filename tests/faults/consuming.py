"""Workers that consume, facts that they are told, and what must be true in the end."""

from __future__ import annotations

import json
import multiprocessing
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import psycopg
import pytest

from tests.conftest import create_database, drop_database, url_of
from tests.faults import consumer_process
from tests.interfaces.commands import Commands
from tests.kafka.conftest import consume
from tests.kafka.producing import Event, Producer, activation, fact
from tests.kafka.topics import Topics
from tests.rules.looking import looking

START = datetime(2026, 1, 2, 9, tzinfo=UTC)
PARTNERS = 4
THROUGH = "2026-04-30"


def story(clients: int, *, prefix: str = "c") -> list[Event]:
    """Facts with known ids whose outcome does not depend on the order in which they are told."""
    events = [
        fact("partner.enrolled", START, f"{prefix}-p{n}", partner_id=f"p-{n}", kind="referral")
        for n in range(PARTNERS)
        if prefix == "c"
    ]
    for n in range(clients):
        name, at = f"{prefix}-{n}", START + timedelta(hours=n % 500, minutes=n % 60)
        events.append(activation(name, at, partner_id=f"p-{n % PARTNERS}", price=5_000 + n))
        if n % 3 == 0:
            later = at + timedelta(days=40)
            terms = {"client_id": name, "plan": "max", "price": 9_000 + n}
            events.append(fact("client.plan_changed", later, f"{name}-changed", **terms))
        if n % 5 == 0:
            gone = at + timedelta(days=70)
            events.append(fact("client.churned", gone, f"{name}-churned", client_id=name))
    return events


def produce(topics: Topics, topic: str, events: Sequence[Event], partitions: int = 4) -> None:
    """Tell events, each client to its partition, all partners to the first."""
    with Producer(topics.address) as producer:
        for n, event in enumerate(events):
            producer.structured(topic, event, partition=n % partitions)


class Worker(NamedTuple):
    """One process of the group."""

    process: BaseProcess
    log: Path

    @property
    def said(self) -> str:
        """Its log so far."""
        return consumer_process.log_lines(self.log)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Its log lines of one kind."""
        rows = [json.loads(line) for line in self.said.splitlines() if line.startswith("{")]
        return [row for row in rows if row["event"] == event]

    def has_recorded(self) -> bool:
        """Whether it has recorded a batch."""
        return bool(self.lines("batch"))

    @property
    def is_frozen(self) -> bool:
        """Whether it is stopped."""
        return psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED

    def wake(self) -> None:
        """Let it go on."""
        psutil.Process(self.process.pid).resume()

    def go_on(self) -> None:
        """Let a slow one end what it is slow at."""
        psutil.Process(self.process.pid).send_signal(signal.SIGUSR1)

    def leave(self, *also: int) -> None:
        """SIGTERM; it must end by itself, with status 0 or one of those that the caller allows."""
        self.process.terminate()
        self.ended(0, *also)

    def ended(self, *statuses: int) -> None:
        """Wait until it has ended with one of some statuses, by default 0."""
        self.process.join(60)
        assert self.process.exitcode in (statuses or (0,)), (
            self.process.exitcode,
            self.said[-3000:],
        )


class Group:
    """Starts workers on one topic; none of them survives the test."""

    def __init__(self, url: str, topics: Topics, topic: str, folder: Path) -> None:
        self.url, self.topics, self.topic, self._folder = url, topics, topic, folder
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.faults.consumer_process"])
        self.workers: list[Worker] = []

    def start(
        self,
        hook: str = "",
        *,
        url: str | None = None,
        topic: str | None = None,
        group: str | None = None,
        settings: dict[str, object] | None = None,
        options: Sequence[str] = (),
    ) -> Worker:
        """Start one worker; settings are told by the names of the environment, in lower case."""
        arguments = [
            *("--database", url or self.url, "consume", "--topic", topic or self.topic),
            *("--bootstrap-servers", self.topics.address),
            *("--group", group or self.topics.group),
            *options,
        ]
        told = {f"COMMISSIONS_{name.upper()}": str(it) for name, it in (settings or {}).items()}
        log = self._folder / f"worker-{len(self.workers)}.log"
        process = self._context.Process(
            target=consumer_process.run, args=(arguments, str(log), hook, told)
        )
        process.start()
        worker = Worker(process, log)
        self.workers.append(worker)
        return worker

    def end(self) -> None:
        """Kill whoever is left."""
        for worker in self.workers:
            if worker.process.is_alive():
                worker.process.kill()
            worker.process.join()
            worker.process.close()

    def facts(self) -> int:
        """How many facts are recorded."""
        return self._count("ledger.events WHERE source = '/billing'")

    def letters(self) -> int:
        """How many dead letters there are."""
        return self._count("ledger.dead_letters")

    def _count(self, rows: str) -> int:
        # Asked again and again: a connection each time would cost more than what is watched.
        with looking(self.url) as connection:
            [(count,)] = connection.execute(f"SELECT COUNT(*) FROM {rows}").fetchall()
        return int(count)


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that has to come."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


@contextmanager
def other_ledger(server_url: str, template: str) -> Iterator[str]:
    """A second ledger, to which nothing ever happens."""
    name = f"test_unharmed_{time.time_ns()}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        create_database(admin, name, template=template)
    try:
        yield url_of(server_url, name)
    finally:
        with psycopg.connect(server_url, autocommit=True) as admin:
            drop_database(admin, name)


class Oracle:
    """Says whether a ledger holds what was told, each once, as if nothing had happened."""

    def __init__(self, unharmed: str, capture: pytest.CaptureFixture[str], folder: Path) -> None:
        self._unharmed, self._capture, self._folder = unharmed, capture, folder

    def assert_exact(self, group: Group, events: Sequence[Event]) -> None:
        """Take in what is left, then compare ids, checks and balances."""
        harmed = Commands(group.url, self._capture)
        consume(harmed, group.topics, group.topic)
        self.assert_same(harmed, events)

    def assert_same(self, harmed: Commands, events: Sequence[Event]) -> None:
        """Compare ids, checks and balances."""
        expected = sorted({(event["source"], event["id"]) for event in events})
        with psycopg.connect(harmed.url) as connection:
            found = connection.execute(
                "SELECT source, event_id FROM ledger.events WHERE event_id IS NOT NULL"
                " ORDER BY source, event_id"
            ).fetchall()
        assert found == expected
        verified = harmed("verify", "--format", "json")
        assert verified.status == 0, verified.out
        file = self._folder / "told.jsonl"
        file.write_text("".join(f"{json.dumps(event)}\n" for event in events), "utf-8")
        unharmed = Commands(self._unharmed, self._capture)
        unharmed.done("programme", "adopt", "izyinbox")
        unharmed.done("ingest", file)
        balances = []
        for ledger in (harmed, unharmed):
            ledger.done("accrue", "--through", THROUGH, "--ahead")
            balances.append(ledger.done("balances", "--format", "json").rows)
        assert balances[0] == balances[1]
        assert balances[0]


def lots(seed: int | None = None) -> random.Random:
    """Lots from a seed that is printed, so that what they did can be done again."""
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    print(f"seed {seed}")  # noqa: T201 - shown by pytest when the test fails
    return random.Random(seed)  # noqa: S311 - when to kill, not a secret
