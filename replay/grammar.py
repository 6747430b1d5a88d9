"""Reads canonical states by the expression of their class, and says what each member is.

Bytes that :class:`Grammar` reads are those that ``encode`` writes of the event that
``decode_state`` makes of them; of bytes that it does not read nothing is said. It serves who looks
through millions of events for the one that is not as it must be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from pydantic import BaseModel

from events.base import Event, Value
from events.upcasting import VOCABULARY
from replay.expressions import MAX_KNOWN, Expression, Unspoken

Told: TypeAlias = tuple[bytes | None, ...]
"""The text of each member, as it is written in JSON without quotes; None where there is none."""


class Read(NamedTuple):
    """What several texts say: a column for each name, of those that were read.

    ``inside`` is what the values in the arrays of each say, where what is empty may be absent; it
    is empty if there are no such arrays. ``unread`` are the places of the other texts.
    """

    columns: tuple[Told, ...]
    inside: list[list[Told]]
    unread: list[int]


class Grammar:
    """What the members of a class may be, in the order of the bytes.

    ``names`` are the members of a :data:`Told`: those that ``wanted`` names, by default all, and
    those whose text alone does not say whether it is a value. Members of a value inside are
    ``outer.inner``. The text of an array is what stands between its brackets; that of an instant is
    its day. ``values`` are the grammars of what stands in arrays, at any depth.
    """

    def __init__(
        self, cls: type[BaseModel], wanted: Container[str] | None = None, *, inside: bool = False
    ) -> None:
        """Raises Unspoken for a class that has none; ``inside``: it stands in another's array."""
        writing = Expression(wanted, inside=inside)
        written = writing.members(cls, "")
        compiled = re.compile(written)
        self.names = tuple(writing.names)
        self.values: Mapping[type[Value], Grammar] = {
            each: Grammar(each, wanted, inside=True) for each in writing.inside
        }
        self._judged = writing.judged
        self._texts = _several(self._judged)
        self._right: set[Told] = {()}
        self._inside = tuple(
            (at, values) for at in writing.arrays for values in self.values.values() if values.names
        )
        self._match, self._each = compiled.fullmatch, compiled.finditer
        # Texts in lines are read by one call, which tells what is empty and what is absent alike.
        self._absent = tuple(writing.absent)
        told_apart = not writing.absent & writing.empty
        in_lines = self.names and not inside and told_apart
        self._lines = re.compile(b"(?m)^" + written + b"$").findall if in_lines else None
        self._all = compiled.findall if len(self.names) > 1 and inside and told_apart else None

    def read(self, text: bytes, inside: list[Told] | None = None) -> Told | None:
        """What a text says, None if it is not canonical or no value of the class.

        What the values of its arrays say is added to ``inside``.
        """
        found = self._match(text)
        if found is None:
            return None
        told = found.groups()
        texts = self._texts(told)
        if texts not in self._right and not self._is_right(texts):
            return None
        for at, values in self._inside:
            # An empty array, and one that is not there, say nothing.
            if (array := told[at]) and not values.are_right(array, inside):
                return None
        return told

    def read_all(self, texts: Sequence[bytes]) -> Read:
        """What several texts say, one at least; those that :meth:`read` does not read are told.

        All at once if it can be: what is read of each text alone is read of its line.
        """
        columns = self._in_lines(texts)
        if columns is not None and self._judge(columns):
            inside: list[list[Told]] = [[] for _ in texts] if self._inside else []
            if self._look_inside(columns, inside):
                return Read(columns, inside, [])
        read: list[tuple[Told, list[Told]]] = []
        unread = []
        for place, text in enumerate(texts):
            values: list[Told] = []
            told = self.read(text, values)
            if told is None:
                unread.append(place)
            else:
                read.append((told, values))
        columns = tuple(zip(*(told for told, _ in read), strict=True))
        return Read(columns, [values for _, values in read], unread)

    def _in_lines(self, texts: Sequence[bytes]) -> tuple[Told, ...] | None:
        """The columns of texts that are all canonical; None if they are not, or may not be."""
        if self._lines is None:
            return None
        block = b"\n".join(texts)
        # No text has a line of its own inside, so each line that is found is one of them.
        if block.count(b"\n") != len(texts) - 1:
            return None
        found = self._lines(block)
        if len(found) != len(texts):
            return None
        columns = [*zip(*found, strict=True)] if len(self.names) > 1 else [tuple(found)]
        for place in self._absent:
            if not any(columns[place]):
                columns[place] = (None,) * len(texts)
            elif not all(columns[place]):
                columns[place] = tuple([text or None for text in columns[place]])
        return tuple(columns)

    def _judge(self, columns: Sequence[Told]) -> bool:
        """Whether the texts that are to be judged are values; an absent one need not be."""
        for at, known in self._judged.items():
            texts = {*columns[at]}
            if at in self._absent:
                texts.discard(b"")
            if not all(map(known.__getitem__, texts)):
                return False
        return True

    def _look_inside(self, columns: Sequence[Told], inside: Sequence[list[Told]]) -> bool:
        """Whether all values in arrays are right; what they say is added to ``inside``."""
        return all(values.are_all_right(columns[at], inside) for at, values in self._inside)

    def are_all_right(self, arrays: Told, inside: Sequence[list[Told]]) -> bool:
        """The same as :meth:`are_right` of the texts of several arrays, each added to its own."""
        if self._all is None:
            pairs = zip(arrays, inside, strict=True)
            return all(not array or self.are_right(array, told) for array, told in pairs)
        found = [self._all(array) if array else [] for array in arrays]
        columns = [*zip(*chain.from_iterable(found), strict=True)]
        for told, values in zip(inside, found, strict=True):
            told.extend(values)
        return not columns or self._judge(columns)

    def are_right(self, array: bytes, inside: list[Told] | None) -> bool:
        """Whether all values of the class in the text of an array are such; added to ``inside``."""
        for found in self._each(array):
            told = found.groups()
            texts = self._texts(told)
            if texts not in self._right and not self._is_right(texts):
                return False
            if inside is not None:
                inside.append(told)
        return True

    def _is_right(self, texts: Told) -> bool:
        """Judge the texts that are to be judged; the same stand beside each other often."""
        right = all(known[text] for text, known in zip(texts, self._judged.values(), strict=False))
        if right and len(self._right) < MAX_KNOWN:
            self._right.add(texts)
        return right


def _several(places: Iterable[int]) -> Callable[[Told], Told]:
    """What picks some texts, as a tuple though it be of one or none."""
    match [*places]:
        case []:
            return lambda _: ()
        case [one]:
            return lambda told: (told[one],)
        case several:
            return itemgetter(*several)


def grammar_of(cls: type[Event], wanted: Container[str] | None = None) -> Grammar | None:
    """The grammar of a class; None if it has none, or is not the newest of its type."""
    if VOCABULARY.newest(cls.type) is not cls:
        return None
    try:
        return Grammar(cls, wanted)
    except Unspoken:
        return None
