"""One page of events, read and looked through by itself: the work that processes share."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from replay.course import Terms
from replay.findings import Discrepancy, StoredRow
from replay.integrity import Order, check_rows, gaps
from replay.links import Pending
from replay.meaning import Meaning, Totals


class Page(NamedTuple):
    """The positions in (after, through], and what the commands before them say."""

    after: int
    through: int
    terms: Terms


class Checked(NamedTuple):
    """What is wrong within a page, and what is needed to put it behind the pages before it."""

    page: Page
    found: list[Discrepancy]
    order: Order
    leaves: list[bytes]
    numbers: bytes
    pending: list[Pending]
    accounts: Counter[tuple[str, str]]
    balances: dict[tuple[str, str], Totals]


def checked(connection: Connection[Any], events: sql.Identifier, page: Page) -> Checked:
    """Read a page and look through it; ``connection`` is idle, in autocommit mode."""
    rows = _read(connection, events, page)
    found = list(gaps(rows, page.after))
    leaves: list[bytes] = []
    found += check_rows(rows, leaves)
    meaning = Meaning(page.after, page.through, page.terms)
    for row in rows:
        found += meaning.check(row)
    order = Order(
        len(rows), *((rows[0].recorded_at, rows[-1].recorded_at) if rows else (None,) * 2)
    )
    return Checked(
        page,
        found,
        order,
        leaves,
        bytes(meaning.links.numbers),
        meaning.links.pending,
        meaning.accounts,
        meaning.balances,
    )


def _read(connection: Connection[Any], events: sql.Identifier, page: Page) -> list[StoredRow]:
    query = sql.SQL(
        "SELECT {} FROM {} WHERE position > %s AND position <= %s ORDER BY position"
    ).format(sql.SQL(", ").join(map(sql.Identifier, StoredRow._fields)), events)
    with connection.transaction(), connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        cursor.execute(query, (page.after, page.through))
        return [StoredRow(*row) for row in cursor]
