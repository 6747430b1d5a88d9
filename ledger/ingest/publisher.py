"""Publishes to Kafka: records go out in their order, and are reported once the brokers have them.

The producer is idempotent and waits for all replicas: within one session nothing is lost, doubled
or out of order in its partition. After an error the caller sends its page again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.structs import TopicPartition

from events.published import place_of
from ledger.errors import NotReady
from ledger.ingest.kafka.access import Access

DELIVERY_MS = 10_000
"""How long a record may wait for the brokers before its page is given up and sent again."""

_FURTHER = 100
"""How many times further before its end a log is read where its last entries are no records."""

_CONNECT_MS = 5_000
_CLOSE_S = 5.0
_LINGER_MS = 5
_BATCH_BYTES = 2**17
_REQUEST_BYTES = 2**20 + 2**16
"""A message of 1 MiB, and room for its headers."""


class Unreachable(NotReady):
    """No broker answers at the address, or it does not take what it is sent."""


class Outgoing(NamedTuple):
    """One record; ``headers`` in their order."""

    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]]


class Place(NamedTuple):
    """Which topic of which cluster: a topic made anew has another id under the old name."""

    cluster_id: str
    topic: str
    topic_id: str


class Tail(NamedTuple):
    """What a partition holds: its bounds, and the last that a ledger published from an offset on.

    ``last`` is the position and the digits of the leaf of that; None where there is nothing from
    that offset on, or nothing any more. ``before`` is the same of the record before that offset.
    """

    partition: int
    begin: int
    end: int
    last: tuple[int, str] | None
    before: tuple[int, str] | None


class Stored(NamedTuple):
    """Where records of a page stand in a partition: the offset of the first, and behind the last.

    ``last`` is the number of the last in its page, from 0.
    """

    first: int
    end: int
    last: int


class Publisher:
    """A connection to a cluster's brokers.

    Every method raises :class:`Unreachable` when the brokers do not answer in time.
    """

    def __init__(self, access: Access) -> None:
        self._settings: dict[str, Any] = {"client_id": "commissions-relay", **access.arguments()}
        self._producer: KafkaProducer | None = None

    def __enter__(self) -> Self:
        try:
            self._producer = KafkaProducer(
                **self._settings,
                acks="all",
                enable_idempotence=True,
                allow_auto_create_topics=False,
                delivery_timeout_ms=DELIVERY_MS,
                request_timeout_ms=DELIVERY_MS // 2,
                bootstrap_timeout_ms=_CONNECT_MS,
                max_block_ms=_CONNECT_MS,
                linger_ms=_LINGER_MS,
                batch_size=_BATCH_BYTES,
                max_request_size=_REQUEST_BYTES,
            )
        except KafkaError as error:
            raise _unreachable(error) from error
        return self

    def __exit__(self, *exc: object) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            # What was sent was waited for; what is left is a page that goes out again.
            with contextlib.suppress(KafkaError):
                producer.close(_CLOSE_S)

    def create(self, topic: str, partitions: int) -> None:
        """Make a topic that is not there, from which nothing is ever deleted; leave one that is."""
        try:
            admin = KafkaAdminClient(**self._settings, bootstrap_timeout_ms=_CONNECT_MS)
            try:
                if topic not in admin.list_topics():
                    kept = {"retention.ms": "-1"}
                    admin.create_topics([NewTopic(topic, partitions, -1, topic_configs=kept)])
                    admin.wait_for_topics([topic])
            finally:
                admin.close()
        except KafkaError as error:
            raise _unreachable(error) from error

    def place(self, topic: str) -> Place:
        """The identity of a topic; NotReady if the brokers do not have it."""
        try:
            admin = KafkaAdminClient(**self._settings, bootstrap_timeout_ms=_CONNECT_MS)
            try:
                cluster = admin.describe_cluster()["cluster_id"]
                (found,) = admin.describe_topics([topic])
            finally:
                admin.close()
        except KafkaError as error:
            raise _unreachable(error) from error
        if not found["topic_id"] or not found["partitions"]:
            raise NotReady(
                f"the brokers have no topic {topic!r}; create it first, with as many partitions as"
                " its readers need and no deletion if they are to rebuild from it"
            )
        return Place(str(cluster), topic, str(found["topic_id"]))

    def tails(self, topic: str, since: Sequence[int]) -> list[Tail]:
        """What each partition of a topic holds from an offset on, by its number.

        ``since`` has the offsets of partitions 0, 1, ...; those beyond it are looked at from 0.
        """
        try:
            consumer = KafkaConsumer(
                **self._settings,
                group_id=None,
                auto_offset_reset="none",
                allow_auto_create_topics=False,
                bootstrap_timeout_ms=_CONNECT_MS,
            )
            with contextlib.closing(consumer):
                return _tails(consumer, topic, since)
        except KafkaError as error:
            raise _unreachable(error) from error

    def publish(self, topic: str, records: Sequence[Outgoing]) -> dict[int, Stored]:
        """Send records and wait until the brokers have all of them.

        Gives where they stand in each partition that got one. After an error some may be there:
        send all of them again, under their old ids.
        """
        producer = self._producer
        if producer is None:
            raise ValueError("the publisher is not open; use it in a with statement")
        try:
            sent = [
                producer.send(topic, record.value, key=record.key, headers=list(record.headers))
                for record in records
            ]
            # Ends by itself: what was not taken within DELIVERY_MS has failed by then.
            producer.flush()
            stored = [future.get(0) for future in sent]
        except KafkaError as error:
            raise _unreachable(error) from error
        found: dict[int, Stored] = {}
        for number, place in enumerate(stored):
            # A broker that had it already may not tell where.
            if place.offset >= 0:
                first = found[place.partition].first if place.partition in found else place.offset
                found[place.partition] = Stored(first, place.offset + 1, number)
        return found


def _tails(consumer: KafkaConsumer, topic: str, since: Sequence[int]) -> list[Tail]:
    numbers = sorted(consumer.partitions_for_topic(topic) or ())
    partitions = [TopicPartition(topic, number) for number in numbers]
    begins = consumer.beginning_offsets(partitions, timeout_ms=DELIVERY_MS)
    ends = consumer.end_offsets(partitions, timeout_ms=DELIVERY_MS)
    lows = {
        at: max(begins[at], since[at.partition] if at.partition < len(since) else 0)
        for at in partitions
    }
    last = _last_records(consumer, lows, ends)
    reached = {at: low for at, low in lows.items() if begins[at] < low <= ends[at]}
    before = _read(consumer, {at: low - 1 for at, low in reached.items()}, reached)
    return [
        Tail(at.partition, begins[at], ends[at], last.get(at), before.get(at)) for at in partitions
    ]


def _last_records(
    consumer: KafkaConsumer, lows: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> dict[TopicPartition, tuple[int, str]]:
    """The last record of a ledger in each partition that has one from its low on.

    The end of a log may hold markers, of which a consumer tells nothing, and what others sent: what
    is read begins further and further before it.
    """
    found: dict[TopicPartition, tuple[int, str]] = {}
    step = 1
    while left := [at for at in lows if at not in found and ends[at] - step // _FURTHER > lows[at]]:
        found |= _read(consumer, {at: max(lows[at], ends[at] - step) for at in left}, ends)
        step *= _FURTHER
    return found


def _read(
    consumer: KafkaConsumer,
    starts: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> dict[TopicPartition, tuple[int, str]]:
    """Read partitions from their starts to their ends; the last record of a ledger in each."""
    consumer.assign(list(starts))
    for at, start in starts.items():
        consumer.seek(at, start)
    found: dict[TopicPartition, tuple[int, str]] = {}
    left, until = list(starts), time.monotonic() + DELIVERY_MS / 1000
    while left:
        if time.monotonic() > until:
            raise KafkaTimeoutError(f"the end of {left[0].topic} cannot be read")
        for at, records in consumer.poll(timeout_ms=500).items():
            within = [record.value for record in records if record.offset < ends[at]]
            last = next(filter(None, map(place_of, reversed(within))), None)
            if last is not None:
                found[at] = last
            until = time.monotonic() + DELIVERY_MS / 1000
        left = [at for at in left if (consumer.position(at) or 0) < ends[at]]
    return found


def _unreachable(error: KafkaError) -> Unreachable:
    reason = " ".join(str(error).split()) or type(error).__name__
    return Unreachable(
        f"Kafka does not take what is published ({reason}); start the brokers, or correct"
        " --bootstrap-servers and the topics' names"
    )
