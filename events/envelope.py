"""The door: one CloudEvents 1.0 message (JSON, structured mode) becomes a fact or a rejection."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import NamedTuple, TypeGuard

import orjson
from pydantic import JsonValue, ValidationError

from events.advice import first_problem
from events.base import Event, Fact
from events.codec import content_hash, encode
from events.errors import Rejection
from events.upcasting import VOCABULARY, Vocabulary
from events.values import MAX_ID_LENGTH, MAX_SOURCE_LENGTH, parse_instant

MAX_BYTES = 2**20
"""The largest message, 1 MiB."""

HORIZON_DAYS = 400
"""How many days after its receipt an instant may lie: a later one is a mistyped year."""

_KNOWN = frozenset(
    {"specversion", "id", "source", "type", "dataschema", "datacontenttype", "time", "data"}
)
# What tracing systems and others add to most messages; the names are valid.
_PASSED_ON = frozenset({"subject", "traceparent", "tracestate", "partitionkey", "sequence"})
_ATTRIBUTE = re.compile(r"[a-z0-9]+")
_JSON = re.compile(r"application/([a-z0-9!#$&^_.+\-]+\+)?json\s*(;.*)?", re.IGNORECASE | re.DOTALL)
_SCHEMA = re.compile(r"(?:.*/)?(?P<type>[^/]+)/(?P<version>[1-9][0-9]{0,5})", re.DOTALL)


class Message(NamedTuple):
    """A fact as it was told, with its idempotency key and its hash.

    ``effective_at`` is in UTC, to the microsecond. ``topic`` and ``state`` are of the version told,
    ``state`` being the canonical bytes of its data after defaults; ``data`` is the fact as the
    newest version of its type. ``content`` is the SHA-256 that two messages share if they say the
    same.
    """

    source: str
    id: str
    topic: str
    effective_at: datetime
    data: Fact
    state: bytes
    content: bytes


def decode(
    payload: bytes,
    received_at: datetime,
    *,
    horizon_days: int = HORIZON_DAYS,
    vocabulary: Vocabulary = VOCABULARY,
) -> Message:
    """Read one message that was received at an instant (with an offset).

    Raises Rejection, and nothing else, for whatever is no fact of the wire.
    """
    envelope = _read(payload)
    _check_attributes(envelope)
    source = _text(envelope, "source", MAX_SOURCE_LENGTH)
    id_ = _text(envelope, "id", MAX_ID_LENGTH)
    cls = _fact_class(envelope, vocabulary)
    effective_at = _instant(envelope.get("time"), received_at, horizon_days)
    told = _fact(cls, envelope.get("data"))
    state = encode(told)
    topic = cls.topic()
    newest = vocabulary.newest(cls.type)
    if newest is not cls and _is_fact(newest):
        told = _fact(newest, vocabulary.upcast(cls.type, cls.version, orjson.loads(state)))
    content = content_hash(topic, state, effective_at, source, id_)
    return Message(source, id_, topic, effective_at, told, state, content)


def _read(payload: bytes) -> dict[str, JsonValue]:
    if len(payload) > MAX_BYTES:
        raise Rejection("too_large", "", "a message has at most 1 MiB; split what it carries")
    try:
        envelope = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise Rejection("not_json", "", f"a message is one JSON object in UTF-8: {error}") from None
    if not isinstance(envelope, dict):
        raise Rejection(
            "not_cloudevent", "", "a message is one JSON object; send events one by one"
        )
    # PostgreSQL stores no NUL. It can only be there if it is written as an escape.
    if b"\\u0000" in payload and _holds_nul(envelope):
        raise Rejection("not_json", "", "a string holds a NUL character (\\u0000); remove it")
    return envelope


def _holds_nul(document: JsonValue) -> bool:
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if "\x00" in value:
                return True
        elif isinstance(value, dict):
            waiting += value.keys()
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False


def _check_attributes(envelope: dict[str, JsonValue]) -> None:
    """Check what every CloudEvent has; attributes of others pass if their names are valid."""
    if envelope.get("specversion") != "1.0":
        raise Rejection("not_cloudevent", "specversion", 'the attribute specversion is "1.0"')
    for name, value in envelope.items():
        if name in _KNOWN or name in _PASSED_ON:
            continue
        if name == "data_base64":
            # CloudEvents reads a null as an attribute that is not there.
            if value is not None:
                raise Rejection("not_cloudevent", name, "data comes as JSON in the member data")
        elif not _ATTRIBUTE.fullmatch(name):
            raise Rejection(
                "not_cloudevent",
                _printable(name),
                "the name of an attribute is lower-case letters and digits; rename it",
            )
    content_type = envelope.get("datacontenttype")
    if content_type not in (None, "application/json") and not (
        isinstance(content_type, str) and _JSON.fullmatch(content_type)
    ):
        raise Rejection("not_cloudevent", "datacontenttype", "data is JSON: application/json")


def _text(envelope: dict[str, JsonValue], name: str, longest: int) -> str:
    value = envelope.get(name)
    if isinstance(value, str) and 1 <= len(value) <= longest:
        return value
    raise Rejection("not_cloudevent", name, f"{name} is a string of 1 to {longest} characters")


def _fact_class(envelope: dict[str, JsonValue], vocabulary: Vocabulary) -> type[Fact]:
    """The class of the type and of the version that ``dataschema`` names, 1 if it names none."""
    type_ = envelope.get("type")
    if not isinstance(type_, str) or not type_:
        raise Rejection("not_cloudevent", "type", "type is a string, such as client.activated")
    if not vocabulary.knows(type_):
        raise Rejection("unknown_type", "type", "no such type of event; see the schemas")
    schema = envelope.get("dataschema")
    version: int | None = 1
    if schema is not None:
        match = _SCHEMA.fullmatch(schema) if isinstance(schema, str) else None
        version = int(match["version"]) if match and match["type"] == type_ else None
    cls = vocabulary.find(type_, version) if version is not None else None
    if cls is None:
        raise Rejection(
            "unknown_version",
            "dataschema",
            f"dataschema ends in the type and a known version, such as /{type_}/1",
        )
    if not _is_fact(cls):
        raise Rejection(
            "not_a_fact",
            "type",
            f"{type_} is the ledger's own; it comes by command, not by message",
        )
    return cls


def _is_fact(cls: type[Event]) -> TypeGuard[type[Fact]]:
    return issubclass(cls, Fact)


def _instant(time: JsonValue, received_at: datetime, horizon_days: int) -> datetime:
    if not isinstance(time, str):
        raise Rejection(
            "wrong_time", "time", "time is a string such as 2026-01-31T09:30:00+01:00; add it"
        )
    try:
        instant = parse_instant(time)
    except ValueError as error:
        raise Rejection("wrong_time", "time", str(error)) from None
    if instant - received_at > timedelta(days=horizon_days):
        raise Rejection(
            "wrong_time",
            "time",
            f"the instant is more than {horizon_days} days after its receipt; check the year",
        )
    return instant


def _fact(cls: type[Fact], data: JsonValue) -> Fact:
    if not isinstance(data, dict):
        raise Rejection("wrong_data", "data", "data is an object; see the schema of the type")
    try:
        fact: Fact = cls.__pydantic_validator__.validate_python(data)
    except ValidationError as error:
        raise _wrong_data(error) from None
    return fact


def _wrong_data(error: ValidationError) -> Rejection:
    location, message = first_problem(error)
    place = ".".join(["data", *(_printable(str(part)) for part in location)])
    return Rejection("wrong_data", place, message)


def _printable(name: str) -> str:
    """A name out of a message, short and without control characters, fit for a log or a header."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name[:64])
