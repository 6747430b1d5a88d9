"""The typed columns of a class of events, learnt from the class by signs in its members' place.

A column that is a member, or a member behind a word, or always the same word, is found by asking
one event whose members are signs: they can be passed on and written, and nothing else. A class that
asks more of a member, or whether it is there, has to be asked anew for each event.
"""

from __future__ import annotations

from itertools import chain, combinations
from typing import NamedTuple, NoReturn, TypeAlias, get_args

from events.base import Event
from replay.expressions import Unspoken
from replay.meaning import columns_of

_MOST_OPTIONAL = 8
"""Members that may be absent; the columns are learnt for each way to be without some of them."""


class Member(NamedTuple):
    """A column that is a member, behind a word."""

    before: bytes
    name: str


Column: TypeAlias = Member | bytes | None
"""What a column holds: a member, always the same word, or nothing."""


class _Sign:
    """Stands for the value of a member: it can be passed on and written, not asked anything."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __format__(self, _: str) -> str:
        return f"\0{self.name}"

    def _asked(self, *_: object) -> NoReturn:
        raise Unspoken(self.name)

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _asked
    __neg__ = __add__ = __radd__ = __mul__ = __rmul__ = __sub__ = __len__ = __iter__ = _asked


def typed_columns(cls: type[Event]) -> tuple[Column, ...]:
    """Each typed column of a class, in the order of :func:`replay.meaning.columns_of`.

    Raises Unspoken if a column depends on what a member says, or on whether another one is there.
    """
    optional = [
        name for name, field in cls.model_fields.items() if type(None) in get_args(field.annotation)
    ]
    if len(optional) > _MOST_OPTIONAL:
        raise Unspoken(cls.__name__)
    whole = _told_by_signs(cls, ())
    for absent in chain.from_iterable(
        combinations(optional, count) for count in range(1, len(optional) + 1)
    ):
        expected = tuple(
            None if each == Member(b"", name) else each
            for each in whole
            for name in [each.name if isinstance(each, Member) and each.name in absent else ""]
        )
        if _told_by_signs(cls, absent) != expected:
            raise Unspoken(cls.__name__)
    return whole


def _told_by_signs(cls: type[Event], absent: tuple[str, ...]) -> tuple[Column, ...]:
    signs = {name: None if name in absent else _Sign(name) for name in cls.model_fields}
    return tuple(map(_column, columns_of(cls.holding(signs))))


def _column(value: object) -> Column:
    if isinstance(value, _Sign):
        return Member(b"", value.name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Unspoken(repr(value))
    before, sign, name = value.partition("\0")
    return Member(before.encode(), name) if sign else before.encode()
