"""Messages with headers: the same event in both content modes is the same message."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from events.binary import decode_record, time_said
from events.envelope import decode
from events.errors import Rejection

AT = datetime(2026, 1, 5, 10, tzinfo=UTC)
DATA = b'{"client_id": "c-1", "reason": "price"}'
ATTRIBUTES = {
    "specversion": "1.0",
    "id": "m-1",
    "source": "/billing",
    "type": "client.churned",
    "time": "2026-01-05T10:00:00Z",
    "subject": "of no matter",
}
BINARY = [(f"ce_{name}", value.encode()) for name, value in ATTRIBUTES.items()]
WHOLE = (
    b"{"
    + b",".join(
        b'"%s":"%s"' % (name.encode(), value.encode()) for name, value in ATTRIBUTES.items()
    )
    + b',"data":'
    + DATA
    + b"}"
)


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ([], WHOLE),
        ([("content-type", b"application/cloudevents+json; charset=UTF-8")], WHOLE),
        ([("Content-Type", b"application/cloudevents+json"), ("ce_id", b"ignored")], WHOLE),
        ([("trace", b"\xff"), ("other", None), ("content-type-id", b"7")], WHOLE),
        (BINARY, DATA),
        ([*BINARY, ("content-type", b"application/json")], DATA),
        ([("CE_ID", b"an earlier one"), *BINARY, ("trace", b"\xff")], DATA),
    ],
)
def test_each_mode_says_the_same(headers: list[tuple[str, bytes | None]], value: bytes) -> None:
    """Content and key are those of a line in a file."""
    assert decode_record(headers, value, AT) == decode(WHOLE, AT)


@pytest.mark.parametrize(
    ("headers", "value", "code"),
    [
        ([], None, "empty"),
        (BINARY, b"", "empty"),
        (BINARY, b"x" * (2**20 + 1), "too_large"),
        ([*BINARY, ("ce_subject", b"x" * 2**20)], DATA, "too_large"),
        (BINARY, DATA + b',"id":"m-2"', "not_json"),
        (BINARY, DATA[:-1], "not_json"),
        (BINARY, b"7", "wrong_data"),
        (BINARY[1:], DATA, "not_cloudevent"),
        ([("ce_", b"x")], DATA, "not_cloudevent"),
        ([("ce_data", b"x")], DATA, "not_cloudevent"),
        ([*BINARY, ("ce_id", b"m\x00")], DATA, "not_json"),
        ([*BINARY, ("ce_id", b"")], DATA, "not_cloudevent"),
        ([*BINARY, ("ce_id", None)], DATA, "not_cloudevent"),
        ([*BINARY, ("content-type", b"text/plain")], DATA, "not_cloudevent"),
        ([("content-type", b"application/cloudevents+avro")], WHOLE, "not_cloudevent"),
    ],
)
def test_what_is_no_event_is_rejected(
    headers: list[tuple[str, bytes | None]], value: bytes | None, code: str
) -> None:
    """By the class of its error, and by no other exception."""
    with pytest.raises(Rejection) as raised:
        decode_record(headers, value, AT)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("headers", "value", "said"),
    [
        ([], WHOLE, ATTRIBUTES["time"]),
        ([("trace", b"\xff")], b'{"time": 7, "data": {', None),
        ([("content-type", b"application/cloudevents+json")], b'{"time": 7}', 7),
        ([], b"[]", None),
        ([], b"", None),
        (BINARY, DATA, ATTRIBUTES["time"]),
        (BINARY, b"no JSON", ATTRIBUTES["time"]),
        ([("ce_id", b"m-1")], b'{"time": "2030-01-01T00:00:00Z"}', None),
        ([*BINARY, ("ce_subject", b"\xff")], DATA, None),
    ],
)
def test_what_a_message_says_of_its_time(
    headers: list[tuple[str, bytes | None]], value: bytes, said: object
) -> None:
    """In the place that its mode has for it, though the rest of it cannot be read."""
    assert time_said(headers, value) == said
