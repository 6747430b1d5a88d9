"""A group's subscription to some topics: the one place that touches kafka-python's consumer.

Who reads which partition is the group's to say; where it is read on is not. So a partition that is
given to us stands still until :meth:`Subscription.go_on` says where, and the broker's own offsets
are only ever written. kafka-python calls the listener on its I/O thread, heartbeats included: it
must not wait there for a database, so it only stops the partition and leaves word.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer
from kafka import errors as kafka_errors
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.structs import OffsetAndMetadata, TopicPartition

from ledger.errors import LedgerError
from ledger.ingest.kafka.access import Access
from ledger.ingest.kafka.history import Found, Identity, Partition
from ledger.ingest.kafka.messages import Record

FETCH_BYTES = 4 * 2**20
PARTITION_BYTES = 2**20
"""What one answer holds at most, but for a larger message. kafka-python takes it apart in one step,
in the thread in which the heart beats, too; and some answers are in memory at a time."""

_ASK_MS = 10_000
_LEAVE_MS = 5_000
_PAUSE_SECONDS = 0.1
_PASSING = (
    # The group has put us out, or is about to take us in: the next poll joins it again.
    kafka_errors.CommitFailedError,
    kafka_errors.IllegalGenerationError,
    kafka_errors.RebalanceInProgressError,
    kafka_errors.UnknownMemberIdError,
)


class BrokerRefused(LedgerError):
    """The broker does not let us read, or what it has cannot be read."""


class LostPlace(Exception):
    """The broker does not have the offset that was asked for."""


@dataclass(slots=True)
class Changes:
    """Which partitions were given to us and taken from us, since it was last asked."""

    given: set[Partition] = field(default_factory=set)
    taken: set[Partition] = field(default_factory=set)


class Subscription:
    """A member of a consumer group. Not thread-safe, as kafka-python's consumer is not.

    Raises BrokerRefused when no broker answers, or none that lets us in.
    """

    def __init__(
        self,
        access: Access,
        topics: Sequence[str],
        *,
        group: str,
        session_timeout_ms: int = 10_000,
        max_poll_interval_ms: int = 300_000,
    ) -> None:
        self.topics = tuple(topics)
        self._words: SimpleQueue[tuple[bool, set[Partition]]] = SimpleQueue()
        try:
            self._consumer = KafkaConsumer(
                **access.arguments(),
                client_id="commissions",
                group_id=group,
                # The ledger's own table says where to go on: no default may stand in for it.
                enable_auto_commit=False,
                auto_offset_reset="none",
                allow_auto_create_topics=False,
                isolation_level="read_committed",
                partition_assignment_strategy=[CooperativeStickyAssignor],
                session_timeout_ms=session_timeout_ms,
                heartbeat_interval_ms=session_timeout_ms // 4,
                max_poll_interval_ms=max_poll_interval_ms,
                fetch_max_bytes=FETCH_BYTES,
                max_partition_fetch_bytes=PARTITION_BYTES,
                # A topic that was made anew, or has more partitions, is noticed in seconds.
                metadata_max_age_ms=5_000,
                metrics_enabled=False,
                bootstrap_timeout_ms=_ASK_MS,
            )
        except kafka_errors.KafkaError as error:
            raise BrokerRefused(
                f"no broker at {', '.join(access.servers)} lets us in ({type(error).__name__});"
                " start it, or correct --bootstrap-servers and the settings COMMISSIONS_KAFKA_…"
            ) from None
        self._consumer.subscribe(topics, listener=_Listener(self._consumer, self._words))

    def poll(self, wait_ms: int, most: int) -> dict[Partition, list[Record]]:
        """Records in offset order by partition; comes back early, and empty, when told nothing.

        Raises LostPlace, and BrokerRefused for what does not pass by itself.
        """
        try:
            polled = self._consumer.poll(timeout_ms=wait_ms, max_records=most)
        except (kafka_errors.OffsetOutOfRangeError, kafka_errors.NoOffsetForPartitionError) as lost:
            raise LostPlace from lost
        except kafka_errors.KafkaError as error:
            if error.retriable or isinstance(error, _PASSING):
                time.sleep(_PAUSE_SECONDS)
                return {}
            raise BrokerRefused(
                f"the broker does not let us read on ({type(error).__name__}); put it right there,"
                " then start again: nothing is lost"
            ) from error
        return {Partition(*at): records for at, records in polled.items()}

    def changes(self) -> Changes:
        """What the group has changed since it was last asked."""
        changes = Changes()
        with contextlib.suppress(Empty):
            while True:
                given, partitions = self._words.get_nowait()
                (changes.given if given else changes.taken).update(partitions)
                (changes.taken if given else changes.given).difference_update(partitions)
        return changes

    def identity(self, topic: str) -> Identity | None:
        """What the topic is by the newest word of the broker, None if it is not there."""
        # The consumer's own view of the cluster: it is what its fetches go by.
        cluster = self._consumer._cluster  # noqa: SLF001
        partitions = cluster.partitions_for_topic(topic)
        topic_id = cluster.topic_id(topic)
        if not partitions or topic_id is None or cluster.cluster_id is None:
            return None
        return Identity(cluster.cluster_id, str(topic_id), len(partitions))

    def missing_topics(self) -> list[str]:
        """The topics that the broker says it does not have, asked now; empty if none answers."""
        try:
            there: Collection[str] = self._consumer.topics()
        except kafka_errors.KafkaError:
            return []
        return [topic for topic in self.topics if topic not in there]

    def look(self, partitions: Iterable[Partition]) -> dict[Partition, Found] | None:
        """What the broker has of partitions; None if it does not answer for all of them."""
        wanted = [TopicPartition(*at) for at in partitions]
        try:
            first = self._consumer.beginning_offsets(wanted, timeout_ms=_ASK_MS)
            last = self._consumer.end_offsets(wanted, timeout_ms=_ASK_MS)
        except kafka_errors.KafkaError:
            return None
        found: dict[Partition, Found] = {}
        for at in wanted:
            identity = self.identity(at.topic)
            if identity is None or at not in first or at not in last:
                return None
            found[Partition(*at)] = Found(first[at], last[at], identity)
        return found

    def go_on(self, at: Partition, offset: int) -> bool:
        """Read a partition on from an offset; False if it is not ours any more."""
        there = TopicPartition(*at)
        try:
            self._consumer.seek(there, offset)
            self._consumer.resume(there)
        except (AssertionError, KeyError, ValueError, kafka_errors.IllegalStateError):
            return False
        return True

    def stand_still(self, partitions: Iterable[Partition]) -> None:
        """Read nothing of some partitions until they are told to go on."""
        for at in partitions:
            with contextlib.suppress(KeyError, kafka_errors.IllegalStateError):
                self._consumer.pause(TopicPartition(*at))

    def lag(self, at: Partition, next_offset: int) -> int | None:
        """How many offsets are still to be read, as far as the last fetch knew."""
        there = TopicPartition(*at)
        if there not in self._consumer.assignment():
            return None
        high = self._consumer.highwater(there)
        return None if high is None else max(0, high - next_offset)

    def position(self, at: Partition) -> int | None:
        """The offset that is read next; None if it is not known, or not ours to read."""
        try:
            position: int | None = self._consumer.position(TopicPartition(*at), timeout_ms=0)
        except (kafka_errors.KafkaError, AssertionError, KeyError):
            return None
        return position

    def is_at_end(self, places: Mapping[Partition, int]) -> bool:
        """Whether nothing is left to read from these offsets on, asked of the broker now."""
        wanted = {TopicPartition(*at): offset for at, offset in places.items()}
        try:
            last = self._consumer.end_offsets(list(wanted), timeout_ms=_ASK_MS) if wanted else {}
            return all(offset >= last[at] for at, offset in wanted.items())
        except (kafka_errors.KafkaError, KeyError):
            return False

    @property
    def joined(self) -> bool:
        """Whether the group has taken us in."""
        metadata: Any = self._consumer.group_metadata()
        return bool(metadata.generation_id >= 0)

    def follow(self, offsets: Mapping[Partition, int]) -> None:
        """Tell the broker how far we are, for those who watch; whether it hears is no matter."""
        with contextlib.suppress(kafka_errors.KafkaError):
            self._consumer.commit_async(_broker_offsets(offsets), callback=_no_matter)

    def is_member(self, offsets: Mapping[Partition, int]) -> bool:
        """Whether the broker still takes our word: that of a member put out is refused."""
        if not offsets:
            return True
        try:
            self._consumer.commit(_broker_offsets(offsets), timeout_ms=_LEAVE_MS)
        except kafka_errors.KafkaError:
            return False
        return True

    def close(self, offsets: Mapping[Partition, int]) -> None:
        """Leave the group, so that others take over at once."""
        with contextlib.suppress(kafka_errors.KafkaError):
            if offsets:
                self._consumer.commit(_broker_offsets(offsets), timeout_ms=_LEAVE_MS)
        with contextlib.suppress(kafka_errors.KafkaError):
            self._consumer.close(autocommit=False, timeout_ms=_LEAVE_MS)


def _broker_offsets(offsets: Mapping[Partition, int]) -> dict[TopicPartition, OffsetAndMetadata]:
    return {TopicPartition(*at): OffsetAndMetadata(next_, "", -1) for at, next_ in offsets.items()}


def _no_matter(offsets: object, answer: object) -> None:
    """Take the answer to an offset told to the broker: the ledger's own is the one that counts."""


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Stops what is given until the foreground has claimed it; waits for nothing."""

    def __init__(
        self, consumer: KafkaConsumer, words: SimpleQueue[tuple[bool, set[Partition]]]
    ) -> None:
        self._consumer, self._words = consumer, words

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        for there in assigned:
            # A place it must have, or kafka-python asks the broker's offset for one.
            self._consumer.seek(there, 0)
            self._consumer.pause(there)
        self._words.put((True, {Partition(*at) for at in assigned}))

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._words.put((False, {Partition(*at) for at in revoked}))

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        self._words.put((False, {Partition(*at) for at in lost}))
