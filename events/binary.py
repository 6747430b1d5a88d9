"""The second door: a message with headers (CloudEvents' Kafka binding), in either content mode.

*Structured*: the value is the whole event. *Binary*: the headers ``ce_…`` are its attributes and
the value is its ``data``. What is neither, a value without headers, is read as structured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import orjson
from pydantic import JsonValue

from events.envelope import HORIZON_DAYS, MAX_BYTES, Message, decode
from events.errors import Rejection

Headers = Sequence[tuple[str, bytes | None]]
"""Names and values in their order; of a name that stands twice, the last counts."""

_PREFIX = "ce_"
_STRUCTURED = "application/cloudevents"
_CONTENT_TYPE = "content-type"


def decode_record(
    headers: Headers,
    value: bytes | None,
    received_at: datetime,
    *,
    horizon_days: int = HORIZON_DAYS,
) -> Message:
    """Read one message that was received at an instant (with an offset).

    Raises Rejection, and nothing else, for whatever is no fact of the wire.
    """
    if not value:
        what = "a message without a value (a tombstone)" if value is None else "an empty value"
        raise Rejection("empty", "", f"{what} tells nothing; send the event itself")
    if len(value) > MAX_BYTES:
        raise Rejection("too_large", "", "a message has at most 1 MiB; split what it carries")
    if headers:
        attributes = _attributes(headers)
        if attributes is not None:
            value = _whole(attributes, value)
    return decode(value, received_at, horizon_days=horizon_days)


def time_said(headers: Headers, value: bytes) -> JsonValue:
    """What a message, taken or not, says of its time; None where nothing of it can be read."""
    try:
        attributes = _attributes(headers)
        if attributes is not None:
            return attributes.get("time")
        event = orjson.loads(value)
    except (Rejection, orjson.JSONDecodeError):
        return None
    return event.get("time") if isinstance(event, dict) else None


def _attributes(headers: Headers) -> dict[str, str] | None:
    """The attributes that the headers hold; None for a message in structured mode."""
    found = dict(_told(headers))
    content_type = found.pop(_CONTENT_TYPE, None)
    if content_type is not None:
        media_type = content_type.partition(";")[0].strip().lower()
        if media_type == f"{_STRUCTURED}+json":
            return None
        if media_type.startswith(_STRUCTURED):
            raise Rejection(
                "not_cloudevent",
                "",
                "events come one by one, in JSON: application/cloudevents+json",
            )
        if found:
            found["datacontenttype"] = content_type
    return found or None


def _told(headers: Headers) -> Iterator[tuple[str, str]]:
    """The headers that are an event's, as attributes, and the type of their content."""
    for name, raw in headers:
        lower = name.lower()
        # The data are the value; no header may say otherwise.
        if lower == f"{_PREFIX}data" or not (lower.startswith(_PREFIX) or lower == _CONTENT_TYPE):
            continue
        try:
            yield lower.removeprefix(_PREFIX), (raw or b"").decode()
        except UnicodeDecodeError:
            raise Rejection("not_cloudevent", "", "the headers of an event are UTF-8") from None


def _whole(attributes: dict[str, str], value: bytes) -> bytes:
    """The event in structured mode; the value is proved to be one JSON text before it is put in."""
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Rejection(
            "not_json", "data", f"the value is the data, one JSON object in UTF-8: {error}"
        ) from None
    return orjson.dumps(attributes)[:-1] + b',"data":' + value + b"}"
