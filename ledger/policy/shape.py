"""The shape of a programme document, read off its models: tables, keys, and what a key may hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

_WORDS: dict[object, str] = {
    bool: "true or false",
    int: "a whole number without quotes, such as 10",
    str: "text in quotes",
    date: "a day without quotes, such as 2026-01-31",
    Decimal: 'a rate in quotes from "0" to "1", such as "0.20"',
}


def is_table(type_: object) -> TypeGuard[type[BaseModel]]:
    """Whether a type is that of a table in the file."""
    return isinstance(type_, type) and issubclass(type_, BaseModel)


def parts(type_: Any) -> Iterator[Any]:
    """The alternatives and members that a type is made of: ``tuple[A, ...] | None`` gives A."""
    if get_origin(type_) in {Union, UnionType, tuple, Annotated}:
        for part in get_args(type_):
            yield from parts(part)
    else:
        yield type_


def is_list(type_: Any) -> bool:
    """Whether a type is that of a list, or of an array of tables."""
    if get_origin(type_) in {Union, UnionType, Annotated}:
        return any(map(is_list, get_args(type_)))
    return get_origin(type_) is tuple


def fields(table: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys of a table, as a file writes them."""
    return {field.alias or name: field for name, field in table.model_fields.items()}


def table_of(field: FieldInfo) -> type[BaseModel] | None:
    """The table that a key holds, one or several times; None for a plain value."""
    return next(filter(is_table, parts(field.annotation)), None)


def locate(
    root: type[BaseModel], place: Sequence[str | int]
) -> tuple[tuple[str | int, ...], type[BaseModel], FieldInfo | None]:
    """Follow a place such as ``("tier", 1, "later")`` from a table down.

    Gives the part of it that a file can name, the innermost table on it, and the last key's field:
    None for a key that the table does not have.
    """
    table, field = root, None
    for at, part in enumerate(place):
        if isinstance(part, int):
            continue
        if field is not None:
            inner = table_of(field)
            if inner is None:
                return tuple(place[:at]), table, field
            table = inner
        field = fields(table).get(part)
        if field is None:
            return tuple(place[: at + 1]), table, None
    return tuple(place), table, field


def words(name: str, type_: Any, *, item: bool = False) -> str:
    """What may be written for a key, or for an ``item`` of its list, in words that tell how."""
    found = [part for part in parts(type_) if part not in {type(None), Ellipsis}]
    table = next(filter(is_table, found), None)
    if table is not None:
        return f"a table [[{name}]] for each" if is_list(type_) else f"a table [{name}]"
    said = [
        *(repr(word) for part in found if get_origin(part) is Literal for word in get_args(part)),
        *(_WORDS[part] for part in found if part in _WORDS),
    ]
    one = " or ".join(said)
    return f"a list [...] of {one}" if is_list(type_) and not item else one
