"""One page of events, read and looked through by itself: the work that processes share.

Most events are seen to be right as the database sends them (:mod:`replay.shapes`); the others, and
all of a page in which anything is not as it must be, are looked through in the general way, which
tells what is wrong. So nothing is told that the general way would not tell, and nothing less.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import Connection, sql

from events.codec import decode_state
from events.course import StatementsSealed
from events.errors import EventError
from replay.course import Readable, Terms, readable_where
from replay.findings import Discrepancy, StoredRow
from replay.integrity import Integrity, Order, check_rows, gaps
from replay.links import Links, Named, PageLinks, Pending
from replay.meaning import Meaning, Totals, balance_of, payable, plus
from replay.plain import PlainRow, instant_of, plain_rows
from replay.sealed import Months, Packed, Sealing, Seals, packed, post
from replay.seeing import Seeing

if TYPE_CHECKING:
    # Who helps to look through pages is there the sooner without all that signatures need.
    from replay.transparency.checking import Signed


class Page(NamedTuple):
    """The positions in (after, through], and what the commands before them say.

    ``changes`` are the positions in it after which other terms hold; ``sealing`` says which months
    were sealed later.
    """

    after: int
    through: int
    terms: Terms
    changes: Sequence[tuple[int, Terms]] = ()
    sealing: Sealing = Sealing()


class Checked(NamedTuple):
    """What is wrong within a page, and what is needed to put it behind the pages before it.

    ``named`` and ``pending`` are positions before the page; ``periods`` are those in it whose lines
    say more of their period than the columns (D18.3); ``posted`` is to months up to the last sealed
    one, nothing of a page that was searched; ``terms`` is what holds after it.
    """

    page: Page
    found: list[Discrepancy]
    order: Order
    leaves: list[bytes]
    numbers: bytes
    named: Named
    pending: list[Pending]
    periods: Sequence[int]
    posted: Mapping[str, Packed]
    accounts: Counter[tuple[str, str]]
    balances: dict[tuple[str, str], Totals]
    terms: Terms


def checked(connection: Connection[Any], events: sql.Identifier, page: Page) -> Checked:
    """Read a page and look through it; ``connection`` is idle, in autocommit mode."""

    def stored(positions: Sequence[int]) -> Readable:
        some = sql.SQL("position = ANY({})").format(sql.Literal(list(positions)))
        return readable_where(connection, events, some)

    portions = plain_rows(connection, events, page.after, page.through)
    return seen(portions, page, stored) or searched(connection, events, page)


def searched(connection: Connection[Any], events: sql.Identifier, page: Page) -> Checked:
    """The same in the general way throughout, for a page in which something is wrong."""
    span = sql.SQL("position > {} AND position <= {}").format(page.after, page.through)
    rows, found = readable_where(connection, events, span)
    done = looked_through(rows, page)
    done.found.extend(found)
    return done


def looked_through(rows: Sequence[StoredRow], page: Page) -> Checked:
    """Look through the rows of a page, in order of position."""
    found = list(gaps(rows, page.after))
    leaves: list[bytes] = []
    found += check_rows(rows, leaves)
    meaning = Meaning(PageLinks(page.after, page.through), page.terms)
    for row in rows:
        found += meaning.check(row)
    first, last = (rows[0].recorded_at, rows[-1].recorded_at) if rows else (None, None)
    return Checked(
        page,
        found,
        Order(len(rows), first, last),
        leaves,
        bytes(meaning.links.numbers),
        named={},
        pending=meaning.links.pending,
        periods=range(page.after + 1, page.through + 1),
        posted={},
        accounts=meaning.accounts,
        balances=meaning.balances,
        terms=meaning.terms,
    )


def seen(
    portions: Iterable[Sequence[PlainRow]],
    page: Page,
    stored: Callable[[Sequence[int]], Readable],
) -> Checked | None:
    """Look through a page as it came; None if the general way has to tell what is wrong with it.

    ``portions`` are its rows, in order, some at a time; ``stored`` gives the rows of positions of
    which more has to be known.
    """
    after, through = page.after, page.through
    seeing = Seeing(after, page.terms, page.changes, page.sealing)
    if not all(map(seeing.add, portions)) or len(seeing.leaves) != through - after:
        return None
    if not seeing.finish():
        return None
    links = PageLinks(after, through, bytes(seeing.numbers))
    accepted, others = seeing.accepted, seeing.others
    named: dict[tuple[str, str], array[int]] = {}
    for key, positions in accepted.named.items():
        named[key] = array("q", [one for one in positions if one <= after])
        if links.lacks(key, [one for one in positions if one > after]):
            return None
    leaves, instants = seeing.leaves, seeing.instants
    meaning = Meaning(links, page.terms)
    for line in accepted.lines():
        meaning.move(line)
    found: list[Discrepancy] = []
    if others:
        of_others, found = stored(others)
        computed: list[bytes] = []
        found += check_rows(of_others, computed)
        for row, leaf in zip(of_others, computed, strict=True):
            leaves[row.position - after - 1] = leaf
            found += meaning.check(row)
        _post(of_others, page.sealing, accepted.months)
    order = Order(len(leaves), instant_of(instants[0]), instant_of(instants[-1]))
    return Checked(
        page,
        found,
        order,
        leaves,
        bytes(meaning.links.numbers),
        named,
        meaning.links.pending,
        periods=array("q", [*accepted.periods, *others]),
        posted=packed(accepted.months, page.sealing),
        accounts=meaning.accounts,
        balances=meaning.balances,
        terms=meaning.terms,
    )


def _post(rows: Iterable[StoredRow], sealing: Sealing, months: Months) -> None:
    """Add what was looked through in the general way to its months, as its columns have it."""
    for row in rows:
        # What cannot be read, or is no number, was told.
        with suppress(EventError, ArithmeticError, ValueError):
            totals = balance_of(decode_state(row.topic, row.state))
            post(row, 0 if totals is None else payable(totals[1]), sealing, months)


class Together:
    """Puts pages behind each other, in order; sums what their events move by their own words."""

    def __init__(self, signed: Signed, seals: Seals | None = None) -> None:
        self.seals = seals or Seals()
        self._is_sound = True
        self._signed = signed
        self.accounts: Counter[tuple[str, str]] = Counter()
        self.balances: dict[tuple[str, str], Totals] = {}
        self.integrity = Integrity(signed)
        self._links = Links()

    def lack(self, done: Checked) -> bool:
        """Whether the next page names what is not there before it: it has to be searched."""
        return self._links.lack(done.named)

    def unproven(
        self, sealed: Sequence[tuple[int, StatementsSealed]]
    ) -> list[tuple[int, StatementsSealed]]:
        """The seals of which the statements must be produced again; all, if anything is wrong."""
        proven = self.seals.proven if self._is_sound else frozenset()
        return [one for one in sealed if one[0] not in proven]

    def take(self, done: Checked) -> Iterator[Discrepancy]:
        """Yield what is wrong within the next page, and between it and those before it."""
        for found in self._between(done):
            self._is_sound = False
            yield found
        # Of what is wrong not even an id need be one, and no seal is proven by it.
        if self._is_sound:
            self.seals.add(done.posted, done.page.through, self._signed.roots)
        self.accounts.update(done.accounts)
        for key, change in done.balances.items():
            known = self.balances.get(key)
            self.balances[key] = change if known is None else plus(known, change)

    def _between(self, done: Checked) -> Iterator[Discrepancy]:
        yield from done.found
        yield from self.integrity.take(done.page.after, done.order, done.leaves)
        yield from self._links.take(done.numbers, done.pending)
