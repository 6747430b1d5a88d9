"""Records of Kafka's as messages that came in; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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


def payloads_of(records: Iterable[Record]) -> Iterator[tuple[Headers, bytes | None]]:
    """What is to be decoded of records.

    Headers that are those of the record before, as those of one producer mostly are, are the same
    object: it goes to the process that decodes once.
    """
    headers: Headers = ()
    for record in records:
        if record.headers != headers:
            headers = record.headers
        yield headers, record.value


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
