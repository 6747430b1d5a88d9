"""Between events and the bytes that the ledger stores: canonical JSON, and the hash over it.

Canonical is RFC 8785: sorted members, no white space; and no nulls. ``orjson`` writes it, which
equals RFC 8785 for what events hold (ASCII names, strings, integers and booleans, never a float):
the tests hold it against ``rfc8785`` for every type.
"""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from hashlib import sha256
from typing import Any, get_args

import orjson
from pydantic import BaseModel, ValidationError

from events.base import Event, Value
from events.errors import UnreadableState
from events.upcasting import VOCABULARY, Vocabulary
from events.values import format_instant, instant_json

CONTENT = b'{"data":%b,"effective_at":%b,"id":%b,"source":%b,"topic":%b}'
"""What a content hash is over, each part as JSON."""


def encode(event: Event) -> bytes:
    """The state of an event as the ledger stores it, after defaults."""
    try:
        return orjson.dumps(_members(event), default=_plain, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        # A total may be wider than the 64 bits of orjson; the bytes are the same otherwise.
        members = event.model_dump(mode="json", exclude_none=True, by_alias=True)
        text = json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode()


def decode_state(topic: str, state: bytes, vocabulary: Vocabulary = VOCABULARY) -> Event:
    """The event of a topic and its stored state, validated, as the newest version of its type.

    Raises UnknownTopic, or UnreadableState if the bytes do not fit the type.
    """
    cls = vocabulary.by_topic(topic)
    newest = vocabulary.newest(cls.type)
    try:
        event: Event
        if cls is newest:
            event = cls.__pydantic_validator__.validate_json(state)
        else:
            # Validated as what it is first, so that a step is never given anything else.
            told = encode(cls.__pydantic_validator__.validate_json(state))
            members = vocabulary.upcast(cls.type, cls.version, orjson.loads(told))
            event = newest.__pydantic_validator__.validate_json(orjson.dumps(members))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UnreadableState(topic, f"{place}: {first['msg']}") from error
    return event


def content_hash(
    topic: str, state: bytes, effective_at: datetime | None, source: str | None, id_: str | None
) -> bytes:
    """The 32 bytes of SHA-256 over RFC 8785 of {data, effective_at, id, source, topic}.

    ``state`` is canonical already and stands as ``data``; what is None is a null: ``source`` and
    ``id_`` of whatever was not told by a message.
    """
    return sha256(
        CONTENT
        % (
            state,
            b"null" if effective_at is None else instant_json(effective_at),
            b"null" if id_ is None else orjson.dumps(id_),
            _name_json(source),
            _name_json(topic),
        )
    ).digest()


@lru_cache(maxsize=8192)
def _name_json(name: str | None) -> bytes:
    """A source or topic as JSON; there are few."""
    return orjson.dumps(name)


def _members(model: BaseModel) -> dict[str, object]:
    """What is not null, by the names of the wire, with instants written out.

    Days, strings, integers, booleans and tuples are orjson's own; the rest goes to :func:`_plain`.
    """
    members = {name: value for name, value in model.__dict__.items() if value is not None}
    for name, alias, is_instant in _rewritten(type(model)):
        value = members.pop(name, None)
        if value is not None:
            members[alias] = format_instant(value) if is_instant else value
    return members


@cache
def _rewritten(cls: type[BaseModel]) -> tuple[tuple[str, str, bool], ...]:
    """The members of a class that have another name in JSON or are instants."""
    found = (
        (name, field.serialization_alias or name, _is_instant(field.annotation))
        for name, field in cls.model_fields.items()
    )
    return tuple(member for member in found if member[0] != member[1] or member[2])


def _is_instant(annotation: object) -> bool:
    return annotation is datetime or any(_is_instant(part) for part in get_args(annotation))


def _plain(value: Any) -> object:
    cls: type = type(value)
    if cls is Decimal:
        return str(value)
    if _is_value(cls):
        return _members(value)
    raise TypeError(f"an event cannot hold a {cls.__name__}")


@cache
def _is_value(cls: type) -> bool:
    # Asking pydantic's classes each time costs as much as writing a small value.
    return issubclass(cls, Value)
