"""Rows as the database sends them, made of rows as they are read."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import psycopg
from psycopg.types.numeric import DecimalBinaryDumper

from replay.findings import StoredRow
from replay.integrity import content_of, leaf_of
from replay.plain import EPOCH, FIRST_DAY, PlainRow


def plain(row: StoredRow) -> PlainRow:
    """The same row: texts as bytes, money as it is sent, instants and days as numbers."""
    as_plain = tuple(map(_plain, row[:-4]))
    tax = None if row.tax is None else str(row.tax).encode()
    return (*as_plain, tax, *map(_plain, row[-3:]))


def microseconds(instant: datetime) -> int:
    """An instant as the database has it."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def _plain(value: object) -> object:
    match value:
        case datetime():
            return microseconds(value)
        case date():
            return value.toordinal() - FIRST_DAY
        case str():
            return value.encode()
        case Decimal():
            return bytes(DecimalBinaryDumper(Decimal).dump(value) or b"")
        case _:
            return value


def put(owner: psycopg.Connection, row: StoredRow) -> None:
    """Put the state and the hashes of a row in the place of those that are recorded."""
    owner.execute(
        "UPDATE ledger.events SET state = %s, content = %s, leaf = %s WHERE position = %s",
        (row.state, row.content, row.leaf, row.position),
    )


def hashed(row: StoredRow) -> StoredRow:
    """The row with the hashes that it should have, as whoever has the code can make them."""
    row = row._replace(content=content_of(row))
    return row._replace(leaf=leaf_of(row))
