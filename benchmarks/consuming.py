"""What the processes of the Kafka benchmark do: consume into a ledger, only poll, or send facts.

Those that take facts tell, a JSON line a batch, when it was durable (``at``, seconds of the
system's monotonic clock), its facts, and how long it was appended and held the head lock (seconds).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from time import monotonic, sleep
from typing import TypeAlias

import structlog
from kafka import KafkaConsumer, TopicPartition

from benchmarks import topics
from benchmarks.ledgers import Bench
from benchmarks.wire import RECEIVED, World
from interfaces import bootstrap
from interfaces.health import Health
from ledger.ingest.kafka.access import Access
from ledger.ingest.kafka.consumer import Limits, Worker
from ledger.ingest.kafka.fetching import Fetched, Fetching
from ledger.ingest.kafka.history import Partition
from ledger.ingest.kafka.log import FETCH_BYTES, PARTITION_BYTES
from ledger.ingest.kafka.observer import Taken
from ledger.ingest.kafka.offsets import Offsets
from ledger.ingest.kafka.subscription import Subscription
from ledger.recording import Recording

PARTNERS = 600

IDLE_SECONDS = 2.0
"""A poller or a consumer of a backlog ends when nothing came for so long."""

_BATCH_MESSAGES = 5_000
_POLL_MS = 250
_SEND_MS = 50
_MOST_FACTS = 3_000_000

Told: TypeAlias = dict[str, float]
Tell: TypeAlias = Callable[[Told], None]


class _Waiting(Subscription):
    """A subscription that has not seen the end before a file is there."""

    gate: Path | None = None

    def is_at_end(self, places: Mapping[Partition, int]) -> bool:
        """Never before the gate is open: a member without partitions still waits for them."""
        return _is_open(self.gate) and super().is_at_end(places)


class _Gated(Fetching):
    """Fetches nothing before a file is there."""

    gate: Path | None = None

    def answer(self) -> Fetched:
        """What was asked for; nothing, soon, as long as the gate is shut."""
        if _is_open(self.gate):
            return super().answer()
        sleep(0.02)
        return Fetched({}, 0, is_full=False, ends={}, positions={}, identities={})


def _is_open(gate: Path | None) -> bool:
    return gate is None or gate.exists()


class _Teller(Health):
    """Watches as the command's own observer does, and tells each batch."""

    def __init__(self, bench: Bench, tell: Tell) -> None:
        super().__init__()
        self._bench, self._tell, self._told = bench, tell, -1

    def recorded(self, taken: Taken, recording: Recording) -> None:
        """Tell a batch; raises ValueError if a fact was not good and new."""
        super().recorded(taken, recording)
        if recording.accepted != len(taken.messages):
            raise ValueError(f"{recording}: the facts of a benchmark are all good and new")
        held, append = sum(self._bench.clock.held), recording.append_seconds
        self._bench.clock.held.clear()
        facts = recording.accepted
        self._tell({"facts": facts, "at": monotonic(), "append": append, "held": held})

    def ready(self, partitions: int) -> None:
        """Tell how many partitions are claimed, when that changes."""
        super().ready(partitions)
        if partitions != self._told:
            self._told = partitions
            self._tell({"ready": partitions})


def consume(bench: Bench, tell: Tell, address: str, topic: str, group: str, gate: str) -> None:
    """Consume a topic when the file ``gate`` is there, until idle; without gate, until ended."""
    # Lines are made as the command makes them; standard output is for the figures.
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        structlog.configure(logger_factory=structlog.WriteLoggerFactory(nowhere))
        _consume(bench, tell, (address, topic, group), gate)


def _consume(bench: Bench, tell: Tell, where: tuple[str, str, str], gate: str) -> None:
    address, topic, group = where
    access = Access([address])
    subscription, fetching = _Waiting(access, [topic], group=group), _Gated(access)
    subscription.gate = fetching.gate = Path(gate) if gate else None
    offsets = Offsets(bench.ledger.transaction, bootstrap.LEDGER_NAMES, group=group, owner=group)
    limits = Limits(_BATCH_MESSAGES, until_idle=IDLE_SECONDS if gate else None)
    watched = _Teller(bench, tell)
    with fetching:
        worker = Worker(
            bench.ledger,
            offsets,
            subscription,
            fetching,
            watched,
            limits=limits,
            now=lambda: RECEIVED,
        )
        signal.signal(signal.SIGTERM, lambda *_: worker.stop())
        worker.run()


def poll(tell: Tell, address: str, topic: str, gate: str) -> None:
    """Poll a topic with the consumer's own settings, and do nothing with what comes."""
    consumer = KafkaConsumer(
        bootstrap_servers=[address],
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_bytes=FETCH_BYTES,
        max_partition_fetch_bytes=PARTITION_BYTES,
        metrics_enabled=False,
    )
    partitions = consumer.partitions_for_topic(topic) or set()
    consumer.assign([TopicPartition(topic, number) for number in partitions])
    tell({"ready": len(partitions)})
    while not Path(gate).exists():
        sleep(0.01)
    busy_at = monotonic()
    while monotonic() - busy_at < IDLE_SECONDS:
        polled = consumer.poll(timeout_ms=_POLL_MS, max_records=_BATCH_MESSAGES)
        if facts := sum(map(len, polled.values())):
            busy_at = monotonic()
            tell({"facts": facts, "at": busy_at})
    consumer.close()


def send(tell: Tell, address: str, topic: str, per_second: str) -> None:
    """Send the facts of the mix at a steady pace until told to leave; who is late makes up."""
    over = Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    world, pace, sent = World(PARTNERS), int(per_second), 0
    world.enrolments()
    lines = world.mix(_MOST_FACTS)
    with topics.producer(address, linger_ms=_SEND_MS) as own:
        began = monotonic()
        while not over.wait(_SEND_MS / 1000):
            due = int((monotonic() - began) * pace)
            for _ in range(due - sent):
                topics.send(own, topic, next(lines))
            sent = due
            tell({"sent": sent})
