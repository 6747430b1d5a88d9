"""Records of Kafka's as messages that came in; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from events.binary import Headers
from events.errors import Rejection
from ledger.dead_letters import Incoming, KafkaRecord
from ledger.ingest.decoding import Decoded
from ledger.ingest.kafka.history import Partition, Place


class Record(Protocol):
    """What is needed of a record; raw bytes, nothing deserialized."""

    @property
    def offset(self) -> int:
        """Where it stands in its partition."""

    @property
    def leader_epoch(self) -> int:
        """The epoch of the leader that wrote it, -1 if it is not known."""

    @property
    def headers(self) -> Headers:
        """Its headers in their order."""

    @property
    def value(self) -> bytes | None:
        """Its value, None for a tombstone."""


class Told(NamedTuple):
    """What was read of a partition, in its order, each list with an item a record.

    ``following`` is behind the last, since markers of transactions leave gaps.
    """

    following: Place
    offsets: Sequence[int]
    headers: Sequence[Headers]
    values: Sequence[bytes | None]
    decoded: Sequence[Decoded]

    def records(self) -> Iterator[tuple[int, Headers, bytes | None, Decoded]]:
        """Of each record its offset, its headers, its value, and what that was decoded to."""
        return zip(self.offsets, self.headers, self.values, self.decoded, strict=True)


def told_of(records: Sequence[Record], decoded: Sequence[Decoded]) -> Told:
    """Records, decoded, as they are passed on.

    Headers that are those of the record before, as those of one producer mostly are, are the same
    object: it goes from one process to another once.
    """
    headers: list[Headers] = []
    last: Headers = ()
    for record in records:
        if record.headers != last:
            last = record.headers
        headers.append(last)
    following = Place(records[-1].offset + 1, records[-1].leader_epoch)
    offsets = [record.offset for record in records]
    return Told(following, offsets, headers, [record.value for record in records], decoded)


def incoming(at: Partition, topic_id: str, told: Told) -> Iterator[Incoming]:
    """What was read of a partition as messages that came in.

    An origin names the topic's id too, for a topic made anew has the same offsets again.
    """
    topic, partition = at
    before, after = f"kafka:{topic}/{partition}@", f"#{topic_id[:8]}"
    for offset, headers, value, each in told.records():
        kafka = KafkaRecord(topic, partition, offset, headers)
        origin, payload = f"{before}{offset}{after}", value or b""
        if isinstance(each, Rejection):
            yield Incoming(origin, payload, None, each, kafka)
        else:
            yield Incoming(origin, payload, each, None, kafka)
