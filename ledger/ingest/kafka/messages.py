"""A record of Kafka's as a message that came in; pure."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Protocol

import orjson

from events.binary import Headers, decode_record
from events.envelope import HORIZON_DAYS
from events.errors import Rejection
from ledger.dead_letters import Incoming, KafkaRecord


class Record(Protocol):
    """What is needed of a record of kafka-python's; raw bytes, nothing deserialized."""

    topic: str
    partition: int
    offset: int
    headers: Headers
    value: bytes | None


def incoming(
    record: Record, topic_id: str, received_at: datetime, horizon_days: int = HORIZON_DAYS
) -> Incoming:
    """Read a record that was received at an instant.

    Its origin names the topic's id too, for a topic made anew has the same offsets again.
    """
    at = KafkaRecord(record.topic, record.partition, record.offset, pack(record.headers))
    origin = f"kafka:{at.topic}/{at.partition}@{at.offset}#{topic_id[:8]}"
    payload = record.value or b""
    try:
        message = decode_record(
            record.headers, record.value, received_at, horizon_days=horizon_days
        )
    except Rejection as rejection:
        return Incoming(origin, payload, rejection=rejection, kafka=at)
    return Incoming(origin, payload, message=message, kafka=at)


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
