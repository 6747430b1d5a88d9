"""A group's subscription to some topics: who reads which partition, and what the broker is told.

Who reads which partition is the group's to say; where it is read on is not, and it is not read here
(:mod:`ledger.ingest.kafka.log` does). So a partition that is given to us stands still for ever, and
the broker's own offsets are only ever written. kafka-python calls the listener on its I/O thread,
heartbeats included: it must not wait there for a database, so it only stops the partition and
leaves word.
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

from ledger.ingest.kafka.access import Access
from ledger.ingest.kafka.history import Found, Identity, Partition
from ledger.ingest.kafka.log import ASK_MS, PAUSE_SECONDS, connected, identity_of, wait_or_refuse

_LEAVE_MS = 5_000
_JOIN_MS = 250
_STEP_MS = 10
_PASSING = (
    # The group has put us out, or is about to take us in: the next poll joins it again.
    kafka_errors.CommitFailedError,
    kafka_errors.IllegalGenerationError,
    kafka_errors.RebalanceInProgressError,
    kafka_errors.UnknownMemberIdError,
    # Where a member stands that reads nothing is no matter.
    kafka_errors.NoOffsetForPartitionError,
    kafka_errors.OffsetOutOfRangeError,
)


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
        self._consumer = connected(
            access,
            group_id=group,
            partition_assignment_strategy=[CooperativeStickyAssignor],
            session_timeout_ms=session_timeout_ms,
            heartbeat_interval_ms=session_timeout_ms // 4,
            max_poll_interval_ms=max_poll_interval_ms,
        )
        self._consumer.subscribe(topics, listener=_Listener(self._consumer, self._words))

    def attend(self, wait_ms: int) -> None:
        """Take part in the group, for some time: what it changes is heard, and we count as alive.

        Longer while the group is shared anew: an answer to that which comes when nobody waits for
        it is lost to kafka-python, which then asks again.

        Raises BrokerRefused for what does not pass by itself.
        """
        # There is no public way to ask.
        if self._consumer._coordinator.need_rejoin():  # noqa: SLF001
            wait_ms = max(wait_ms, _JOIN_MS)
        try:
            self._consumer.poll(timeout_ms=wait_ms)
        except _PASSING:
            time.sleep(PAUSE_SECONDS)
        except kafka_errors.KafkaError as error:
            wait_or_refuse(error)

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
        return identity_of(self._consumer, topic)

    def missing_topics(self) -> list[str]:
        """The topics that the broker says it does not have, asked now; empty if none answers."""
        try:
            there: Collection[str] = self._consumer.topics()
        except kafka_errors.KafkaError:
            return []
        return [topic for topic in self.topics if topic not in there]

    def look(self, partitions: Iterable[Partition]) -> dict[Partition, Found] | None:
        """What the broker has of partitions now; None if it does not answer for all of them."""
        if not self._told_anew():
            return None
        wanted = [TopicPartition(*at) for at in partitions]
        try:
            first = self._consumer.beginning_offsets(wanted, timeout_ms=ASK_MS)
            last = self._consumer.end_offsets(wanted, timeout_ms=ASK_MS)
        except kafka_errors.KafkaError:
            return None
        found: dict[Partition, Found] = {}
        for at in wanted:
            identity = self.identity(at.topic)
            if identity is None or at not in first or at not in last:
                return None
            found[Partition(*at)] = Found(first[at], last[at], identity)
        return found

    def _told_anew(self) -> bool:
        """Whether the broker has answered what the topics are: an answer may be seconds old."""
        # There is no public way to ask for some topics only.
        asked = self._consumer._cluster.request_update()  # noqa: SLF001
        until = time.monotonic() + ASK_MS / 1000
        while not asked.is_done and time.monotonic() < until:
            self.attend(_STEP_MS)
        return bool(asked.succeeded())

    def has(self, at: Partition) -> bool:
        """Whether a partition is ours to read."""
        return TopicPartition(*at) in self._consumer.assignment()

    def is_at_end(self, places: Mapping[Partition, int]) -> bool:
        """Whether nothing is left to read from these offsets on, asked of the broker now."""
        wanted = {TopicPartition(*at): offset for at, offset in places.items()}
        try:
            last = self._consumer.end_offsets(list(wanted), timeout_ms=ASK_MS) if wanted else {}
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
    """Stops what is given, since it is read elsewhere, and leaves word; waits for nothing."""

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
