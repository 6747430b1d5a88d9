"""Rows of events as the database sends them: bytes and numbers, nothing made of them.

Making instants, days, decimals and strings of every column of every row costs more than looking at
what they say. Texts stay UTF-8, instants are microseconds and days are days since 2000, as
PostgreSQL has them; money is a numeric as it sends it, and side by side the text of its digits.
"""

from __future__ import annotations

import re
from binascii import hexlify
from collections.abc import Container, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple, TypeAlias

import orjson
from psycopg import Connection, adapters, sql
from psycopg.abc import Loader
from psycopg.rows import tuple_row
from psycopg.types.numeric import Int4BinaryLoader, Int8BinaryLoader, NumericBinaryLoader
from psycopg.types.string import ByteaBinaryLoader

from events.catalogue import TOPICS
from events.codec import CONTENT
from ledger.store.rows import LEAF
from replay.findings import StoredRow

PlainRow: TypeAlias = tuple[Any, ...]
"""The columns of a :class:`~replay.findings.StoredRow`, in its order."""

Texts: TypeAlias = tuple[bytes | None, ...]

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Where instants count from, in microseconds."""

FIRST_DAY = date(2000, 1, 1).toordinal()
"""The ordinal of day 0."""

_DAY_MICROSECONDS = 86_400_000_000
_NUMERIC = NumericBinaryLoader(adapters.types["numeric"].oid)
_LOADERS: dict[str, type[Loader]] = {
    "text": ByteaBinaryLoader,
    "numeric": ByteaBinaryLoader,
    "timestamptz": Int8BinaryLoader,
    "date": Int4BinaryLoader,
}
PORTION = 512
"""Rows that are given at a time."""

_MOST_INSTANTS = 65_536
_DATA, _END = CONTENT.split(b"%b", 1)
_CONTENT = sha256(_DATA)
"""The hash of any content, begun."""

_LEAF = b"\x00" + LEAF
"""What :func:`ledger.store.merkle.leaf_hash` hashes, made and hashed in one go."""

_LEAF_OF_PLAIN = _LEAF.replace(b":%b,", b':"%b",')
"""The same, of a stream that is written as it is."""

# Written in JSON as it is: no quote, no escape, nothing beyond ASCII.
_PLAIN = re.compile(rb"[ !#-\[\]-~]*+").fullmatch


def plain_rows(
    connection: Connection[Any], events: sql.Identifier, after: int, through: int
) -> Iterator[list[PlainRow]]:
    """Yield the rows of positions in (after, through], in order, some at a time.

    ``connection`` is idle, in autocommit mode.
    """
    columns = [
        sql.SQL("CAST({} AS text)" if name == "tax" else "{}").format(sql.Identifier(name))
        for name in StoredRow._fields
    ]
    query = sql.SQL(
        "SELECT {} FROM {} WHERE position > {} AND position <= {} ORDER BY position"
    ).format(sql.SQL(", ").join(columns), events, after, through)
    with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        for name, loader in _LOADERS.items():
            cursor.adapters.register_loader(name, loader)
        cursor.execute(query)
        # All of them are here by now; what is made of them is best looked at at once.
        while rows := cursor.fetchmany(PORTION):
            yield rows


class Columns(NamedTuple):
    """Rows side by side, a tuple for each column: what is asked of all rows is asked at once."""

    position: tuple[int, ...]
    recorded_at: tuple[int, ...]
    originator_id: tuple[bytes, ...]
    originator_version: tuple[int, ...]
    topic: tuple[bytes, ...]
    state: tuple[bytes, ...]
    effective_at: tuple[int | None, ...]
    day: tuple[int | None, ...]
    source: Texts
    event_id: Texts
    partner_id: Texts
    client_id: Texts
    kind: Texts
    currency: Texts
    amount: Texts
    in_flight: Texts
    tax: Texts
    posting_day: tuple[int | None, ...]
    content: tuple[bytes, ...]
    leaf: tuple[bytes, ...]

    @classmethod
    def of(cls, rows: Iterable[PlainRow]) -> Columns:
        """The columns of rows; there must be one at least."""
        columns = cls._make(zip(*rows, strict=True))
        money = (columns.amount, columns.in_flight)
        amount, in_flight = (tuple(map(_DIGITS.__getitem__, each)) for each in money)
        return columns._replace(amount=amount, in_flight=in_flight)

    def without(self, places: Container[int]) -> Columns:
        """The columns of the other rows, of which there may be none."""
        left = [place for place in range(len(self.position)) if place not in places]
        return Columns._make(tuple(map(column.__getitem__, left)) for column in self)


def differing(one: tuple[object, ...], other: tuple[object, ...]) -> list[int]:
    """The places at which two columns differ; mostly there is none, which is told at once."""
    if one == other:
        return []
    return [at for at, (here, there) in enumerate(zip(one, other, strict=True)) if here != there]


def not_as_hashed(rows: Columns) -> set[int]:
    """The places of the events whose content or leaf is not what its row hashes to.

    All are of one topic of the catalogue. Raises OverflowError or ValueError if an instant is none
    of the calendar.
    """
    contents = tuple(map(_content, rows.state, _ends(rows)))
    leaves = tuple([sha256(head).digest() for head in _heads(rows)])
    return {*differing(contents, rows.content), *differing(leaves, rows.leaf)}


def _content(state: bytes, end: bytes) -> bytes:
    """The hash of an event's content; what is long is not copied for it."""
    hashing = _CONTENT.copy()
    hashing.update(state)
    hashing.update(end)
    return hashing.digest()


def _heads(rows: Columns) -> Iterable[bytes]:
    """What is hashed of each row as its leaf."""
    is_plain = _PLAIN(b"".join(rows.originator_id)) is not None
    parts = zip(
        map(hexlify, rows.content),
        rows.position,
        map(_INSTANTS.__getitem__, rows.recorded_at),
        rows.originator_id if is_plain else _texts(rows.originator_id),
        rows.originator_version,
        strict=True,
    )
    return map((_LEAF_OF_PLAIN if is_plain else _LEAF).__mod__, parts)


def _ends(rows: Columns) -> Iterable[bytes]:
    """What is hashed of each event behind its data."""
    if rows.source.count(None) == rows.event_id.count(None) == len(rows.source):
        # No message told them.
        return map(_ends_of(rows.topic[0]).__getitem__, rows.effective_at)
    parts = zip(
        map(_MOMENTS.__getitem__, rows.effective_at),
        _texts(rows.event_id),
        map(_NAMES.__getitem__, rows.source),
        map(_NAMES.__getitem__, rows.topic),
        strict=True,
    )
    return map(_END.__mod__, parts)


def _texts(texts: Texts) -> Iterable[bytes]:
    """Texts as JSON; mostly none of a column needs more than its quotes."""
    if not any(texts):
        return map(_NAMES.__getitem__, texts)
    if _PLAIN(b"".join(filter(None, texts))) is None:
        return [b"null" if text is None else orjson.dumps(text.decode()) for text in texts]
    return [b"null" if text is None else b'"%b"' % text for text in texts]


def instant_of(microseconds: int) -> datetime:
    """An instant in UTC; raises OverflowError for one that no calendar has."""
    return EPOCH + timedelta(microseconds=microseconds)


def is_instant(microseconds: int) -> bool:
    """Whether a calendar has an instant."""
    try:
        instant_of(microseconds)
    except OverflowError:
        return False
    return True


class _Instants(dict[int, bytes]):
    """Instants as hashes have them: an append has one, and decisions the starts of few days."""

    def __missing__(self, microseconds: int) -> bytes:
        days, rest = divmod(microseconds, _DAY_MICROSECONDS)
        seconds, micro = divmod(rest, 1_000_000)
        text = b"%bT%b.%06dZ" % (_day(days), _clock(seconds), micro)
        if len(self) < _MOST_INSTANTS:
            self[microseconds] = text
        return text


_INSTANTS = _Instants()


class _Moments(dict[int | None, bytes]):
    """The same as JSON, and none at all."""

    def __missing__(self, microseconds: int | None) -> bytes:
        text = b"null" if microseconds is None else b'"%b"' % _INSTANTS[microseconds]
        if len(self) < _MOST_INSTANTS:
            self[microseconds] = text
        return text


_MOMENTS = _Moments()


class _Digits(dict[bytes | None, bytes | None]):
    """Money as the database sends it, and the text of its digits; prices are few."""

    def __missing__(self, sent: bytes | None) -> bytes | None:
        digits = None if sent is None else f"{_NUMERIC.load(sent):f}".encode()
        if len(self) < _MOST_INSTANTS:
            self[sent] = digits
        return digits


_DIGITS = _Digits()


class _Ends(dict[int | None, bytes]):
    """What is hashed behind the data of the events of a topic that no message told, by instant."""

    def __init__(self, topic: bytes) -> None:
        super().__init__()
        self._topic = _NAMES[topic]

    def __missing__(self, effective_at: int | None) -> bytes:
        end = _END % (_MOMENTS[effective_at], b"null", b"null", self._topic)
        if len(self) < _MOST_INSTANTS:
            self[effective_at] = end
        return end


_ends_of = lru_cache(maxsize=2 * len(TOPICS))(_Ends)


class _Names(dict[bytes | None, bytes]):
    """Sources and topics as JSON; there are few."""

    def __missing__(self, name: bytes | None) -> bytes:
        text = b"null" if name is None else orjson.dumps(name.decode())
        if len(self) < _MOST_INSTANTS:
            self[name] = text
        return text


_NAMES = _Names()


@lru_cache(maxsize=8192)
def _day(days: int) -> bytes:
    return date.fromordinal(FIRST_DAY + days).isoformat().encode()


@lru_cache(maxsize=100_000)
def _clock(seconds: int) -> bytes:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return b"%02d:%02d:%02d" % (hours, minutes, seconds)
