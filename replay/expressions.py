"""The canonical bytes of a class of events as a regular expression, made of the class itself.

A canonical state has its members in one order and one way of writing each value, so what a class
can say is a regular language. Classes that say more than an expression can, such as documents and
members that depend on each other, have none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from datetime import date, datetime
from decimal import Decimal
from functools import cache, partial
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import annotated_types
import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic.types import StringConstraints

from events.base import Value
from events.billing import own_subscription

MAX_KNOWN = 65_536
"""Values of one kind that are remembered; a log names few days, currencies and rates."""

# What may be absent is written ``(?:x|)``: an alternative is told by its first byte, which costs
# less than the count of repetitions that ``(?:x)?`` keeps.

# Written in JSON as it is: no quote, no escape, nothing beyond ASCII.
_PLAIN = rb"[ !#-\[\]-~]*+"
_SOME = re.compile(rb"[ !#-\[\]-~]++").fullmatch
# Whether they are some, and written as such, their texts are asked: where they end is enough.
_JUDGED = rb'[^"]++'
_DAY = rb".{10}"
_MANY = b"(?:%b(?:(?:,%b)+|)|)"
_TIME = rb"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
POSITION = rb"[1-9][0-9]{0,17}+"
"""A position, as it is written."""

_WIDEST = 18
"""Digits that every integer of 64 bits may have."""

_SAME_IN_BYTES = re.compile(
    r"\^((?:[A-Za-z0-9/_]|\\[.\-]|\[(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9_.]|\\-)+\]"
    r"|\{[0-9]+(?:,[0-9]+)?\}|[?()])*)\$"
)
"""Patterns of strings that mean the same of the bytes in JSON: of plain characters, all named."""


class Unspoken(TypeError):
    """A class, or a member, that no expression can tell."""


class Known(dict[bytes | None, int]):
    """What texts are worth, judged once each: 0 if one is no value. What is absent is right."""

    def __init__(self, judge: Callable[[bytes], int]) -> None:
        super().__init__({None: 1})
        self._judge = judge

    def __missing__(self, text: bytes) -> int:
        """Judge a text that is not known."""
        worth = self._judge(text)
        if len(self) < MAX_KNOWN:
            self[text] = worth
        return worth


def _ordinal(text: bytes) -> int:
    try:
        day = date.fromisoformat(text.decode())
    except ValueError:
        return 0
    # Its instants have a day in every time zone.
    is_day = date.min.year < day.year < date.max.year and day.isoformat() == text.decode()
    return day.toordinal() if is_day else 0


DAYS = Known(_ordinal)
"""The ordinal of a day as it is written, such as that ``date.toordinal`` gives; 0 for none."""


class Expression:
    """Writes the expression of one class; ``names`` are of its groups so far.

    ``wanted`` names the members that have a group; what is judged by its text always has one.
    ``inside``: the class stands in an array of another one.
    """

    def __init__(self, wanted: Container[str] | None, *, inside: bool) -> None:
        """Nothing is written yet."""
        self.names: list[str] = []
        self.inside: list[type[Value]] = []
        self.arrays: list[int] = []
        self._wanted = wanted
        # The whole text of an array is searched for values: those of inner arrays are found, too.
        self._keeps_arrays = not inside
        self.judged: dict[int, Known] = {}
        """What judges the texts of some groups."""
        self.absent: set[int] = set()
        """Groups that may be absent."""
        self.empty: set[int] = set()
        """Groups that may say nothing though they are there."""

    def members(self, cls: type[BaseModel], outer: str) -> bytes:
        """An object: its members by name, those that may be absent with their commas."""
        decorators = cls.__pydantic_decorators__
        if decorators.model_validators or decorators.field_validators or decorators.validators:
            raise Unspoken(f"{cls.__name__} has members that depend on each other")
        hints = get_type_hints(cls, include_extras=True)
        fields = {
            field.serialization_alias or name: hints[name]
            for name, field in cls.model_fields.items()
        }
        written, certain = b"", False
        for alias in sorted(fields):
            annotation, optional = _without_none(fields[alias])
            if certain:
                comma = b","
            elif written:
                # All before it may be absent.
                comma = rb"(?:(?<=\{)|(?<!\{),)"
            else:
                comma = b""
            before = len(self.names)
            value = self._value(annotation, f"{outer}{alias}")
            if optional:
                self.absent.update(range(before, len(self.names)))
            member = b'%b"%b":%b' % (comma, alias.encode(), value)
            written += b"(?:%b|)" % member if optional else member
            certain = certain or not optional
        return rb"\{" + written + rb"\}"

    def _value(self, annotation: Any, name: str) -> bytes:
        base, limits = _base_of(annotation)
        if get_origin(base) is Literal:
            values = [orjson.dumps(value) for value in get_args(base)]
            if all(value.startswith(b'"') for value in values):
                return b'"%b"' % self._group(name, b"|".join(re.escape(v[1:-1]) for v in values))
            return self._group(name, b"|".join(map(re.escape, values)))
        if get_origin(base) is tuple:
            return self._array(get_args(base), name)
        if isinstance(base, type) and issubclass(base, Value):
            return self.members(base, f"{name}.")
        if base is bool:
            return self._group(name, b"true|false")
        if base is int:
            return self._group(name, _integer(limits))
        if base is datetime:
            return b'"%b%b"' % (self._group(name, _DAY, DAYS), _TIME)
        return b'"%b"' % self._text(annotation, name)

    def _text(self, annotation: Any, name: str) -> bytes:
        base, limits = _base_of(annotation)
        if base is date:
            return self._group(name, _DAY, DAYS)
        if base not in (str, Decimal):
            raise Unspoken(name)
        judges = [each for each in limits if isinstance(each, BeforeValidator | AfterValidator)]
        if all(each.func is own_subscription for each in judges):
            return self._group(name, _string(limits))
        return self._group(name, _JUDGED, _known(annotation))

    def _array(self, items: tuple[Any, ...], name: str) -> bytes:
        """Items of one kind: positions, or values with a grammar of their own."""
        if len(items) != 2 or items[1] is not Ellipsis:  # noqa: PLR2004 - tuple[X, ...]
            raise Unspoken(name)
        base, limits = _base_of(items[0])
        if base is int and _integer(limits) == POSITION:
            item = POSITION
        elif isinstance(base, type) and issubclass(base, Value):
            writing = Expression((), inside=True)
            item = re.sub(rb"(?<!\\)\((?!\?)", b"(?:", writing.members(base, ""))
            self.inside += [each for each in (base, *writing.inside) if each not in self.inside]
            if not self._keeps_arrays:
                return rb"\[" + _MANY % (item, item) + rb"\]"
            self.arrays.append(len(self.names))
        else:
            raise Unspoken(name)
        self.empty.add(len(self.names))
        self.names.append(name)
        return rb"\[(" + _MANY % (item, item) + rb")\]"

    def _group(self, name: str, pattern: bytes, known: Known | None = None) -> bytes:
        if known is not None:
            self.judged[len(self.names)] = known
        elif self._wanted is not None and name not in self._wanted:
            return b"(?:%b)" % pattern
        if re.fullmatch(pattern, b"") is not None:
            self.empty.add(len(self.names))
        self.names.append(name)
        return b"(%b)" % pattern


_STRICT = ConfigDict(strict=True)


@cache
def _known(annotation: Any) -> Known:
    """What knows the strings of an annotation, one for all that have it."""
    return Known(partial(_judge, TypeAdapter(annotation, config=_STRICT)))


def _judge(adapter: TypeAdapter[Any], text: bytes) -> int:
    """Whether a plain string is read as a value that is written as it was."""
    if _SOME(text) is None:
        return 0
    try:
        value = adapter.validate_json(b'"%b"' % text)
    except ValueError:
        return 0
    return int(orjson.dumps(value, default=str) == b'"%b"' % text)


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """What an annotation is besides None, and whether that is an alternative."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    others = [each for each in get_args(annotation) if each is not NoneType]
    if len(others) != 1 or len(others) == len(get_args(annotation)):
        raise Unspoken(str(annotation))
    return others[0], True


def _base_of(annotation: Any) -> tuple[Any, list[Any]]:
    """The type under ``Annotated``, and all that is said of it."""
    if get_origin(annotation) is not Annotated:
        return annotation, []
    base, *said = get_args(annotation)
    limits = [
        limit
        for each in said
        for limit in (each.metadata if isinstance(each, FieldInfo) else [each])
    ]
    inner, more = _base_of(base)
    return inner, [*more, *limits]


def _integer(limits: list[Any]) -> bytes:
    """Integers without a leading zero; of wide limits those that have fewer digits than these."""
    least: int | None = None
    digits = _WIDEST
    for limit in limits:
        match limit:
            case annotated_types.Ge(ge=int(ge)):
                least = ge
            case annotated_types.Gt(gt=int(gt)):
                least = gt + 1
            case annotated_types.Le(le=int(le)):
                digits = min(digits, len(str(le)) - 1)
            case annotated_types.Lt() | annotated_types.MultipleOf():
                raise Unspoken("an integer of other limits")
            case _:
                pass
    positive = b"[1-9][0-9]{0,%d}+" % (digits - 1) if digits else b"(?!)"
    if least == 1:
        return positive
    if least == 0:
        return b"0|" + positive
    if least is None or least <= -(10**digits):
        return b"0|-?" + positive
    raise Unspoken("an integer from another number on")


def _string(limits: list[Any]) -> bytes:
    patterns = []
    for limit in limits:
        if isinstance(limit, StringConstraints):
            if limit.pattern is None or limit.min_length or limit.max_length:
                raise Unspoken("a string of limited length")
            patterns.append(str(limit.pattern))
        elif (pattern := getattr(limit, "pattern", None)) is not None:
            patterns.append(str(pattern))
        elif getattr(limit, "min_length", None) or getattr(limit, "max_length", None):
            raise Unspoken("a string of limited length")
    if not patterns:
        return _PLAIN
    found = _SAME_IN_BYTES.fullmatch(patterns[0])
    if found is None or len(patterns) > 1:
        raise Unspoken(f"a string of the pattern {patterns}")
    # Of characters of one class as many as there are: nothing of that class can follow.
    one = "+" if re.fullmatch(r"\[[^\]]+\]\{[0-9,]+\}", found[1]) else ""
    return (found[1].replace("(", "(?:") + one).encode()
