"""The keys of a programme file: which there are, what a document says of each, what it may say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from ledger.policy.programme import Programme
from ledger.policy.shape import fields, parts, table_of

A_NUMBER = "a number"


@cache
def keys() -> Mapping[str, Any]:
    """Every key that a programme file can have, dotted, with the type of its value.

    The number of an entry in an array of tables is left out: ``tier.year_1`` is every tier's.
    """
    return dict(_leaves(Programme, ""))


def values(document: Mapping[str, JsonValue]) -> dict[str, tuple[str, ...]]:
    """What a document says of each of its keys, as JSON: one value for each table that has it."""
    found: dict[str, list[str]] = {}
    for key, value in _said(document, ""):
        found.setdefault(key, []).append(json.dumps(value, separators=(",", ":")))
    return {key: tuple(said) for key, said in found.items() if key in keys()}


def not_built(key: str) -> list[str]:
    """The values that the rules know for a key, but this release refuses."""
    type_ = keys()[key]
    adapter: TypeAdapter[object] = TypeAdapter(type_)
    refused = []
    for value in _samples(type_):
        try:
            adapter.validate_python(value)
        except ValidationError:
            refused.append(value if isinstance(value, str) else A_NUMBER)
    return refused


def _leaves(table: type[BaseModel], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, field in fields(table).items():
        inner = table_of(field)
        if inner is not None:
            yield from _leaves(inner, f"{prefix}{name}.")
        else:
            type_ = field.annotation
            yield (
                f"{prefix}{name}",
                Annotated[(type_, *field.metadata)] if field.metadata else type_,
            )


def _said(value: JsonValue | Mapping[str, JsonValue], key: str) -> Iterator[tuple[str, JsonValue]]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from _said(member, f"{key}.{name}" if key else name)
    elif isinstance(value, Sequence) and value and all(isinstance(one, Mapping) for one in value):
        for one in value:
            assert isinstance(one, Mapping)
            yield from _said(one, key)
    else:
        yield key, value


def _samples(type_: Any) -> Iterator[str | int]:
    """Each word of a choice, and a number where it may be one."""
    found = list(parts(type_))
    words = [word for part in found if get_origin(part) is Literal for word in get_args(part)]
    yield from words
    if words and int in found:
        yield 1
