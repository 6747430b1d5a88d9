"""Rows of events as the database sends them: bytes and numbers, nothing made of them.

Making instants, days, decimals and strings of every column of every row costs more than looking at
what they say. Texts stay UTF-8, instants are microseconds and days are days since 2000, as
PostgreSQL has them; money is the text of its digits.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, TypeAlias

import orjson
from psycopg import Connection, sql
from psycopg.abc import Loader
from psycopg.rows import tuple_row
from psycopg.types.numeric import Int4BinaryLoader, Int8BinaryLoader
from psycopg.types.string import ByteaBinaryLoader

from events.codec import CONTENT
from ledger.store import merkle
from ledger.store.rows import LEAF
from replay.findings import StoredRow

PlainRow: TypeAlias = tuple[Any, ...]
"""The columns of a :class:`~replay.findings.StoredRow`, in its order."""

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Where instants count from, in microseconds."""

FIRST_DAY = date(2000, 1, 1).toordinal()
"""The ordinal of day 0."""

_DAY_MICROSECONDS = 86_400_000_000
_NUMBERS = frozenset({"amount", "in_flight", "tax"})
_LOADERS: dict[str, type[Loader]] = {
    "text": ByteaBinaryLoader,
    "timestamptz": Int8BinaryLoader,
    "date": Int4BinaryLoader,
}
_MOST_INSTANTS = 65_536


def plain_rows(
    connection: Connection[Any], events: sql.Identifier, after: int, through: int
) -> list[PlainRow]:
    """Read the rows of positions in (after, through], in order, in a transaction of their own."""
    columns = [
        sql.SQL("CAST({} AS text)" if name in _NUMBERS else "{}").format(sql.Identifier(name))
        for name in StoredRow._fields
    ]
    query = sql.SQL(
        "SELECT {} FROM {} WHERE position > {} AND position <= {} ORDER BY position"
    ).format(sql.SQL(", ").join(columns), events, after, through)
    with connection.transaction(), connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        for name, loader in _LOADERS.items():
            cursor.adapters.register_loader(name, loader)
        return cursor.execute(query).fetchall()


def is_as_hashed(row: PlainRow) -> bool:
    """Whether the content and the leaf of an event of the catalogue are what its row hashes to.

    Raises OverflowError or ValueError if an instant is none of the calendar.
    """
    (position, recorded_at, stream, version, topic, state, effective_at, _, source, id_) = row[:10]
    content, leaf = row[18:20]
    head = CONTENT % (
        state,
        b"null" if effective_at is None else b'"%b"' % _INSTANTS[effective_at],
        b"null" if id_ is None else orjson.dumps(id_.decode()),
        _NAMES[source],
        _NAMES[topic],
    )
    if sha256(head).digest() != content:
        return False
    instant, name = _INSTANTS[recorded_at], orjson.dumps(stream.decode())
    head = LEAF % (content.hex().encode(), position, instant, name, version)
    return bool(merkle.leaf_hash(head) == leaf)


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
