"""What a writer knows of an event before the head is locked, and the hash of its content."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

import orjson

from events.codec import content_hash

LEAF = b'{"content":"%b","position":%d,"recorded_at":"%b","stream":%b,"version":%d}'
"""What a leaf is the hash of: its content in hex, its instant and, as JSON, its stream."""


class Row(NamedTuple):
    """One event to append, in the order of the columns that COPY writes.

    Position, instant, version and leaf are assigned under the head lock. Money is in minor units;
    every column but the first three and the last is None where it does not apply.
    """

    stream: str
    topic: str
    state: bytes
    effective_at: datetime | None
    day: date | None
    source: str | None
    event_id: str | None
    partner_id: str | None
    client_id: str | None
    kind: str | None
    currency: str | None
    amount: int | None
    in_flight: int | None
    tax: int | None
    posting_day: date | None
    content: bytes


def plain_row(stream: str, topic: str, state: bytes) -> Row:
    """The row of an event that is none of ours: eventsourcing's own, without typed columns."""
    nothing = (None,) * 12
    return Row(stream, topic, state, *nothing, plain_content_hash(topic, state))


def plain_content_hash(topic: str, state: bytes) -> bytes:
    """The content hash of a plain event: ``data`` is the hex of its state, whatever that holds."""
    return content_hash(topic, b'"%b"' % state.hex().encode(), None, None, None)


def leaf_bytes(position: int, recorded_at: str, stream: str, version: int, content: bytes) -> bytes:
    """What a Merkle leaf is the hash of: RFC 8785 of the short head of one recorded event.

    The members are position, recorded_at (as ``format_instant`` writes it), stream, version, and
    content in hex.
    """
    return LEAF % (
        content.hex().encode(),
        position,
        recorded_at.encode(),
        orjson.dumps(stream),
        version,
    )
