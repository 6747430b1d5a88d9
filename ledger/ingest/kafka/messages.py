"""A record of Kafka's as a message that came in; pure."""

from __future__ import annotations

import base64
from typing import Protocol

import orjson

from events.binary import Headers
from events.errors import Rejection
from ledger.dead_letters import Incoming, KafkaRecord
from ledger.ingest.decoding import Decoded


class Record(Protocol):
    """What is needed of a record of kafka-python's; raw bytes, nothing deserialized."""

    topic: str
    partition: int
    offset: int
    headers: Headers
    value: bytes | None


def incoming(record: Record, topic_id: str, decoded: Decoded) -> Incoming:
    """A record, decoded.

    Its origin names the topic's id too, for a topic made anew has the same offsets again.
    """
    at = KafkaRecord(record.topic, record.partition, record.offset, pack(record.headers))
    origin = f"kafka:{at.topic}/{at.partition}@{at.offset}#{topic_id[:8]}"
    payload = record.value or b""
    if isinstance(decoded, Rejection):
        return Incoming(origin, payload, rejection=decoded, kafka=at)
    return Incoming(origin, payload, message=decoded, kafka=at)


def pack(headers: Headers) -> bytes | None:
    """Headers as the dead letters keep them; None if there are none."""
    if not headers:
        return None
    return orjson.dumps(
        [
            [name, None if value is None else base64.b64encode(value).decode()]
            for name, value in headers
        ]
    )


def unpack(packed: bytes | None) -> Headers:
    """Headers as they came."""
    if packed is None:
        return ()
    return [
        (name, None if value is None else base64.b64decode(value))
        for name, value in orjson.loads(packed)
    ]
