"""The keys of a programme file: which there are, and what a document says of each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from pydantic import BaseModel, JsonValue

from ledger.policy.programme import Programme
from ledger.policy.shape import fields, table_of


@cache
def keys() -> tuple[str, ...]:
    """Every key that a programme file can have, dotted, in the document's order.

    The number of an entry in an array of tables is left out: ``tier.year_1`` is every tier's.
    """
    return tuple(_leaves(Programme, ""))


def values(document: Mapping[str, JsonValue]) -> dict[str, tuple[str, ...]]:
    """What a document says of each of its keys, as JSON: one value for each table that has it."""
    found: dict[str, list[str]] = {}
    for key, value in _said(document, ""):
        found.setdefault(key, []).append(json.dumps(value, separators=(",", ":")))
    return {key: tuple(said) for key, said in found.items() if key in keys()}


def _leaves(table: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in fields(table).items():
        inner = table_of(field)
        if inner is not None:
            yield from _leaves(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


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
