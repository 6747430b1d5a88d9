"""Verifies a whole ledger: hashes, columns, the invariants of D18, projections, closed months.

Events are read in pages of positions, each in a transaction of its own, so that a long
verification holds nobody up; it tells each discrepancy with its check and its place. A page is
looked through by itself, then put behind the pages before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from psycopg import Connection, Cursor, sql
from psycopg.rows import tuple_row

from ledger.errors import NotReady
from projections import Projector
from projections.rebuild import Progress
from replay import invariants
from replay.approvals import FourEyes
from replay.as_of import AsOf, Replay
from replay.course import Course, commands_of
from replay.findings import Discrepancy
from replay.guards import guards
from replay.integrity import StoredHead
from replay.invariants import DAMAGE, Folded, computed, uncomputed
from replay.letters import letters
from replay.meanwhile import answers
from replay.pages import Page, Together, searched
from replay.periods import Periods, shared
from replay.rankings import Rankings
from replay.sealed import Sealing, Seals
from replay.sharing import Helpers, all_checked, helpers
from replay.transparency.checking import Signed
from replay.views import views

PAGE_EVENTS = 8_192
"""Events of a page, which one process has in memory at a time."""

_LAST = 4
"""As many pages at the end are divided, each by as many."""


class Paging(NamedTuple):
    """How many events are looked through at a time, who helps, and who is told."""

    size: int
    helping: Helpers | None
    progress: Progress | None


class Whole(NamedTuple):
    """What the events of all pages come to."""

    together: Together
    periods: Periods


def verify(
    connection: Connection[Any],
    projector: Projector | None = None,
    progress: Progress | None = None,
    page: int = PAGE_EVENTS,
    processes: int | None = None,
) -> Iterator[Discrepancy]:
    """Yield all that is wrong up to its present head; nothing if all is well.

    ``connection`` must be idle; it needs to read the ledger and make temporary tables. Checks are
    named by the rule (``D18.3``) or by what they look at (``leaf``). A long log is read by several
    ``processes``, by default one a core, each with a connection of its own like this one.
    """
    projector = projector or Projector()
    with _autocommit(connection), ExitStack() as stack:
        with connection.cursor(row_factory=tuple_row) as cursor:
            head = _head(cursor, projector)
        pages = -(-head.position // page)
        helping = stack.enter_context(helpers(connection, pages, processes))
        events, through = projector.names.events, head.position
        sealed = invariants.seals(connection, events, through)
        signed = Signed(connection, projector.names, [seal.close for _, seal in sealed])
        yield from _outside(connection, projector)
        together, paging = Together(signed, Seals(sealed)), Paging(page, helping, progress)
        questions, beside = _questions(projector, through), helping is not None
        answered = stack.enter_context(answers(connection, questions, beside=beside))
        periods = Periods(connection, events)
        yield from _events(connection, events, head, Whole(together, periods), paging)
        for answer in answered():
            yield from answer.found
            if answer.shared is not None:
                yield from computed("D18.3", periods.finish(answer.shared))
            if answer.books is not None:
                postings = invariants.postings(answer.books, together.accounts)
                balances = invariants.balances(answer.books, together.balances)
                yield from computed("D18.4", postings)
                yield from computed("D18.6", balances)
        left = together.unproven(sealed)
        findings = invariants.sealed_statements(connection, projector, left, signed.roots)
        yield from computed("D18.9", findings)


class Answer(NamedTuple):
    """What is wrong, and what is to be held against the events' own words: accounts, lines."""

    found: list[Discrepancy]
    books: invariants.Books | None = None
    shared: Sequence[int] | None = None


def _questions(projector: Projector, through: int) -> list[Callable[[Connection[Any]], Answer]]:
    """What the database answers without anything that is seen of single events."""
    names = projector.names
    events, at = names.events, AsOf(through, None, None, final=True)

    def streams(connection: Connection[Any]) -> Answer:
        found = computed("versions", invariants.chains(connection, events))
        return Answer([*found])

    def lines(connection: Connection[Any]) -> Answer:
        try:
            return Answer([], shared=shared(connection, events, through))
        except DAMAGE as error:
            return Answer([uncomputed("D18.3", error)])

    def facts(connection: Connection[Any]) -> Answer:
        named = computed("D18.5", invariants.retractions(connection, events, through))
        keys = computed("D18.7", invariants.duplicates(connection, events, through))
        kept = computed("letters", letters(connection, names, through))
        guarded = computed("guards", guards(connection, names))
        read = computed("views", views(connection, names))
        return Answer([*named, *keys, *kept, *guarded, *read])

    def projections(connection: Connection[Any]) -> Answer:
        rankings, folded = Rankings(connection, names, through), Folded(names, through)
        stops = folded.stops(rankings.stops())
        compared = computed("D18.6", invariants.projections(connection, projector, None, stops))
        found = [*compared, *computed("D12", rankings.findings())]
        try:
            return Answer(found, invariants.books(Replay(connection, names), at, folded))
        except DAMAGE as error:
            return Answer([*found, uncomputed("D18.4", error)])

    return [streams, lines, facts, projections]


@contextmanager
def _autocommit(connection: Connection[Any]) -> Iterator[None]:
    """Let each query be its own transaction, whatever the caller's connection does."""
    before = connection.autocommit
    connection.autocommit = True
    try:
        yield
    finally:
        if not connection.closed:
            connection.autocommit = before


def _events(
    connection: Connection[Any],
    events: sql.Identifier,
    head: StoredHead,
    whole: Whole,
    paging: Paging,
) -> Iterator[Discrepancy]:
    """Yield what is wrong with single events, and with the tree over all of them."""
    together, periods = whole
    commands = commands_of(connection, events, head.position)
    course, four_eyes = Course(commands), FourEyes()
    for row, event in commands:
        yield from four_eyes.check(row, event)
    through = _last(connection, events, head)
    pages = _pages(through, course, together.seals.sealing, paging)
    for done in all_checked(connection, events, pages, paging.helping):
        if together.lack(done):
            done = searched(connection, events, done.page)  # noqa: PLW2901 - now in full
        yield from together.take(done)
        yield from computed("D18.3", periods.add(done.periods))
        if paging.progress is not None:
            paging.progress(done.page.through, head.position)
    yield from together.integrity.finish(head)


def _last(connection: Connection[Any], events: sql.Identifier, head: StoredHead) -> int:
    """The last position that there is, up to the head's, which may tell of any number of events."""
    query = sql.SQL("SELECT MAX(position) FROM {} WHERE position <= %s").format(events)
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(query, (head.position,)).fetchone()
    return int(row[0] or 0) if row else 0


def _pages(last: int, course: Course, sealing: Sealing, paging: Paging) -> Iterator[Page]:
    """All pages; the last are small where several look, so that none waits long for another."""
    after = 0
    while after < last:
        is_late = paging.helping is not None and last - after <= _LAST * paging.size
        size = max(paging.size // _LAST, 1) if is_late else paging.size
        through = min(after + size, last)
        yield Page(after, through, course.at(after), course.within(after, through), sealing)
        after = through


def _head(cursor: Cursor[Any], projector: Projector) -> StoredHead:
    # An instant of no calendar is none; that it is not the last event's is told in the end.
    query = sql.SQL(
        "SELECT position, CASE WHEN isfinite(recorded_at) THEN recorded_at END, frontier FROM {}"
    ).format(projector.names.head)
    row = cursor.execute(query, binary=True).fetchone()
    if row is None:
        raise NotReady("the ledger has no head row; run the migrations again")
    return StoredHead(*row)


def _outside(connection: Connection[Any], projector: Projector) -> Iterator[Discrepancy]:
    """Yield the events before the first and behind the head, as one snapshot has both."""
    query = sql.SQL(
        "SELECT position, partner_id FROM {} WHERE position < 1 OR position > {} ORDER BY 1"
    )
    with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        # As a number, so that the planner knows how few events can be behind it.
        head = sql.Literal(_head(cursor, projector).position)
        found = cursor.execute(query.format(projector.names.events, head)).fetchall()
    for position, partner_id in found:
        what = "there is an event, though the ledger's positions are from 1 to its head's"
        yield Discrepancy("positions", what, position, partner_id)
