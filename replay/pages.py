"""One page of events, read and looked through by itself: the work that processes share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from psycopg import Connection, sql

from replay.course import Terms, rows_where
from replay.findings import Discrepancy, StoredRow
from replay.integrity import Integrity, Order, check_rows, gaps
from replay.links import Links, Pending
from replay.meaning import Meaning, Totals, plus
from replay.transparency.checking import Signed


class Page(NamedTuple):
    """The positions in (after, through], and what the commands before them say."""

    after: int
    through: int
    terms: Terms


class Checked(NamedTuple):
    """What is wrong within a page, and what is needed to put it behind the pages before it.

    ``terms`` is what holds after it.
    """

    page: Page
    found: list[Discrepancy]
    order: Order
    leaves: list[bytes]
    numbers: bytes
    pending: list[Pending]
    accounts: Counter[tuple[str, str]]
    balances: dict[tuple[str, str], Totals]
    terms: Terms


def checked(connection: Connection[Any], events: sql.Identifier, page: Page) -> Checked:
    """Read a page and look through it; ``connection`` is idle, in autocommit mode."""
    span = sql.SQL("position > {} AND position <= {}").format(page.after, page.through)
    return looked_through(rows_where(connection, events, span), page)


def looked_through(rows: Sequence[StoredRow], page: Page) -> Checked:
    """Look through the rows of a page, in order of position."""
    found = list(gaps(rows, page.after))
    leaves: list[bytes] = []
    found += check_rows(rows, leaves)
    meaning = Meaning(page.after, page.through, page.terms)
    for row in rows:
        found += meaning.check(row)
    first, last = (rows[0].recorded_at, rows[-1].recorded_at) if rows else (None, None)
    return Checked(
        page=page,
        found=found,
        order=Order(len(rows), first, last),
        leaves=leaves,
        numbers=bytes(meaning.links.numbers),
        pending=meaning.links.pending,
        accounts=meaning.accounts,
        balances=meaning.balances,
        terms=meaning.terms,
    )


class Together:
    """Puts pages behind each other, in order; sums what their events move by their own words."""

    def __init__(self, signed: Signed) -> None:
        self.accounts: Counter[tuple[str, str]] = Counter()
        self.balances: dict[tuple[str, str], Totals] = {}
        self.integrity = Integrity(signed)
        self._links = Links()

    def take(self, done: Checked) -> Iterator[Discrepancy]:
        """Yield what is wrong within the next page, and between it and those before it."""
        yield from done.found
        yield from self.integrity.take(done.page.after, done.order, done.leaves)
        yield from self._links.take(done.numbers, done.pending)
        self.accounts.update(done.accounts)
        for key, change in done.balances.items():
            known = self.balances.get(key)
            self.balances[key] = change if known is None else plus(known, change)
