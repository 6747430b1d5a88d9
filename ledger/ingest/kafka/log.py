"""The broker's log, read from where it is told: a consumer of kafka-python's that is in no group.

Who reads which partition is the group's to say, and :mod:`ledger.ingest.kafka.subscription` hears
it; here it is only read, so that it can be done in another process as well.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from kafka import KafkaConsumer
from kafka import errors as kafka_errors
from kafka.structs import OffsetAndMetadata, TopicPartition

from ledger.errors import LedgerError
from ledger.ingest.kafka.access import Access
from ledger.ingest.kafka.history import Identity, Partition, Place
from ledger.ingest.kafka.messages import Record

FETCH_BYTES = 4 * 2**20
PARTITION_BYTES = 2**20
"""What one answer holds at most, but for a larger message. kafka-python takes it apart in one step,
and some answers are in memory at a time."""

ASK_MS = 10_000
"""How long a broker is asked for an answer."""

PAUSE_SECONDS = 0.1
"""How long is waited after what passes by itself."""


class BrokerRefused(LedgerError):
    """The broker does not let us read, or what it has cannot be read."""


class LostPlace(Exception):
    """The broker does not have the place that was asked for.

    ``parted`` are the partitions whose log is another than the one that was read, from an offset on
    if the broker knows from where.
    """

    def __init__(self, parted: Mapping[Partition, int | None] | None = None) -> None:
        super().__init__(parted)
        self.parted = parted or {}


class Log:
    """Partitions, each read on from a place. Not thread-safe, as kafka-python is not.

    Raises BrokerRefused when no broker answers, or none that lets us in.
    """

    def __init__(self, access: Access) -> None:
        self._consumer = connected(
            access, fetch_max_bytes=FETCH_BYTES, max_partition_fetch_bytes=PARTITION_BYTES
        )

    def read_on(self, places: Mapping[Partition, Place], moved: Mapping[Partition, Place]) -> None:
        """Read these partitions and no others; those that are ``moved`` from there, not on."""
        self._consumer.assign([TopicPartition(*at) for at in sorted(places)])
        for at, place in moved.items():
            # There is no public way to say under which leader what is before it was written; with
            # it kafka-python asks the broker whether its log holds that.
            self._state(at).seek(OffsetAndMetadata(place.offset, "", place.leader_epoch))

    def poll(self, wait_ms: int, most: int) -> dict[Partition, list[Record]]:
        """Records in offset order by partition; comes back early, and empty, when told nothing.

        Raises LostPlace, and BrokerRefused for what does not pass by itself.
        """
        try:
            polled = self._consumer.poll(timeout_ms=wait_ms, max_records=most)
        except (kafka_errors.OffsetOutOfRangeError, kafka_errors.NoOffsetForPartitionError) as lost:
            raise LostPlace from lost
        except kafka_errors.LogTruncationError as lost:
            parted = {
                Partition(*at): since.offset if since is not None else None
                for at, since in lost.divergent_offsets.items()
            }
            raise LostPlace(parted) from lost
        except kafka_errors.KafkaError as error:
            wait_or_refuse(error)
            return {}
        return {Partition(*at): records for at, records in polled.items()}

    def end(self, at: Partition) -> int | None:
        """The offset behind the last that may be read, as far as the last fetch knew."""
        end: int | None = self._consumer.highwater(TopicPartition(*at))
        return end

    def position(self, at: Partition) -> Place | None:
        """The place that is read next; None if it is not known."""
        # Not by position(), which may raise, and then forgets, that the log is another.
        position = self._state(at).position
        return None if position is None else Place(position.offset, position.leader_epoch)

    def identity(self, topic: str) -> Identity | None:
        """What the topic is by the newest word of the broker; it is what is read."""
        return identity_of(self._consumer, topic)

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close(autocommit=False)

    def _state(self, at: Partition) -> Any:
        return self._consumer._subscription.assignment[TopicPartition(*at)]  # noqa: SLF001


def connected(access: Access, **more: Any) -> KafkaConsumer:
    """A consumer that reads what is committed, and never from where nobody told it.

    Raises BrokerRefused when no broker answers, or none that lets us in.
    """
    try:
        return KafkaConsumer(
            **access.arguments(),
            client_id="commissions",
            # The ledger's own table says where to go on: no default may stand in for it.
            enable_auto_commit=False,
            auto_offset_reset="none",
            allow_auto_create_topics=False,
            isolation_level="read_committed",
            # A topic that was made anew, or has more partitions, is noticed in seconds.
            metadata_max_age_ms=5_000,
            metrics_enabled=False,
            bootstrap_timeout_ms=ASK_MS,
            **more,
        )
    except kafka_errors.KafkaError as error:
        raise BrokerRefused(
            f"no broker at {', '.join(access.servers)} lets us in ({type(error).__name__});"
            " start it, or correct --bootstrap-servers and the settings COMMISSIONS_KAFKA_…"
        ) from None


def wait_or_refuse(error: kafka_errors.KafkaError) -> None:
    """Wait a moment after what passes by itself; raises BrokerRefused for the rest."""
    if not error.retriable:
        raise BrokerRefused(
            f"the broker does not let us read on ({type(error).__name__}); put it right there,"
            " then start again: nothing is lost"
        ) from error
    time.sleep(PAUSE_SECONDS)


def identity_of(consumer: KafkaConsumer, topic: str) -> Identity | None:
    """What a topic is by the newest word that a consumer had of its cluster; None if not there."""
    # The consumer's own view: it is what its fetches go by.
    cluster = consumer._cluster  # noqa: SLF001
    partitions = cluster.partitions_for_topic(topic)
    topic_id = cluster.topic_id(topic)
    if not partitions or topic_id is None or cluster.cluster_id is None:
        return None
    return Identity(cluster.cluster_id, str(topic_id), len(partitions))
