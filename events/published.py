"""What goes out: decisions as CloudEvents, and the names that readers rely on.

A published event is one CloudEvents 1.0 event in structured mode. Its ``id`` stays the same however
often it is sent, and no other event ever has it: the position alone would come again, with other
content, in a ledger that was restored from a backup; the leaf never does.
"""

from __future__ import annotations

from datetime import datetime

import orjson

from events.base import Event
from events.values import format_instant

SOURCE = "/commission-ledger"
"""The source of whatever the ledger publishes."""

STRUCTURED = "application/cloudevents+json; charset=UTF-8"
"""The header ``content-type`` of a whole event in the value of a record."""

SCHEMA_PREFIX = "urn:commission-ledger:events/"
"""What stands before a topic in a ``dataschema``."""

LEAF_DIGITS = 16
"""How many hexadecimal digits of its leaf stand in the id of an event."""


def schema_id(cls: type[Event]) -> str:
    """The ``$id`` of the JSON Schema of an event, which its ``dataschema`` names."""
    return f"{SCHEMA_PREFIX}{cls.topic()}"


def published_id(position: int, leaf: bytes) -> str:
    """The id of a published event: ``1042-9f86d081884c7d65``."""
    return f"{position}-{leaf.hex()[:LEAF_DIGITS]}"


def place_of(value: bytes | None) -> tuple[int, str] | None:
    """Position and digits of the leaf of a published event; None of whatever else a topic holds."""
    try:
        event = orjson.loads(value or b"")
        if event["source"] != SOURCE:
            return None
        position, _, leaf = event["id"].partition("-")
        return int(position), leaf
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def published(
    *, position: int, leaf: bytes, recorded_at: datetime, stream: str, topic: str, state: bytes
) -> bytes:
    """The CloudEvent of a recorded event, in JSON.

    ``topic`` and ``state`` are as they are stored, of whatever version: they are what was hashed.
    ``time`` is when the ledger recorded it; the day that it is for stands in its data.
    """
    type_ = topic.rpartition("/")[0]
    attributes = orjson.dumps(
        {
            "specversion": "1.0",
            "id": published_id(position, leaf),
            "source": SOURCE,
            "type": type_,
            "subject": stream,
            "time": format_instant(recorded_at),
            "datacontenttype": "application/json",
            "dataschema": f"{SCHEMA_PREFIX}{topic}",
        }
    )
    return attributes[:-1] + b',"data":' + state + b"}"
