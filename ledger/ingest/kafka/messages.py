"""Records of Kafka's as messages that came in; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from events.binary import Headers
from events.errors import Rejection
from ledger.dead_letters import Incoming, KafkaRecord
from ledger.ingest.decoding import Decoded
from ledger.ingest.kafka.history import Partition


class Record(Protocol):
    """What is needed of a record; raw bytes, nothing deserialized."""

    @property
    def offset(self) -> int:
        """Where it stands in its partition."""

    @property
    def headers(self) -> Headers:
        """Its headers in their order."""

    @property
    def value(self) -> bytes | None:
        """Its value, None for a tombstone."""


def incoming(
    at: Partition, topic_id: str, records: Sequence[Record], decoded: Iterator[Decoded]
) -> Iterator[Incoming]:
    """The records of a partition, decoded; takes as many of ``decoded`` as there are records.

    An origin names the topic's id too, for a topic made anew has the same offsets again.
    """
    topic, partition = at
    before, after = f"kafka:{topic}/{partition}@", f"#{topic_id[:8]}"
    # The records first: of what is decoded none may be taken for the end of them.
    for record, each in zip(records, decoded, strict=False):
        offset = record.offset
        kafka = KafkaRecord(topic, partition, offset, record.headers)
        origin, payload = f"{before}{offset}{after}", record.value or b""
        if isinstance(each, Rejection):
            yield Incoming(origin, payload, None, each, kafka)
        else:
            yield Incoming(origin, payload, each, None, kafka)
