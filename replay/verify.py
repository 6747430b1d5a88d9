"""Verifies a whole ledger: hashes, columns, the invariants of D18, projections, closed months.

Events are read in pages of positions, each in a transaction of its own, so that a long
verification holds nobody up; it tells each discrepancy with its check and its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from ledger.errors import NotReady
from projections import Projector
from projections.rebuild import Progress
from replay import invariants
from replay.as_of import AsOf, Replay
from replay.findings import Discrepancy, StoredRow
from replay.integrity import Integrity, StoredHead, gaps
from replay.meaning import Meaning
from replay.rankings import Rankings
from replay.transparency.checking import Signed

PAGE_EVENTS = 20_000
"""Events in memory at a time."""


def verify(
    connection: Connection[Any],
    projector: Projector | None = None,
    progress: Progress | None = None,
    page: int = PAGE_EVENTS,
) -> Iterator[Discrepancy]:
    """Yield all that is wrong up to its present head; nothing if all is well.

    ``connection`` must be idle; it needs to read the ledger and make temporary tables. Checks are
    named by the rule (``D18.3``) or by what they look at (``leaf``).
    """
    projector = projector or Projector()
    with _autocommit(connection):
        head = _head(connection, projector)
        yield from _outside(connection, projector)
        meaning = Meaning()
        yield from _events(connection, projector, head, meaning, _Pages(page, progress))
        replay = Replay(connection, projector.names)
        at = AsOf(head.position, None, None, final=True)
        events, through = projector.names.events, head.position
        rankings = Rankings(connection, projector.names, through)
        for check, findings in (
            ("versions", invariants.chains(connection, events, through)),
            ("D18.5", invariants.retractions(connection, events, through)),
            ("D18.4", invariants.postings(replay, at, meaning.accounts)),
            ("D18.6", invariants.balances(replay, at, meaning.balances)),
            ("D18.6", invariants.projections(connection, projector, None, rankings.stops())),
            ("D12", rankings.findings()),
            ("D18.9", invariants.sealed_statements(connection, projector, head.position)),
        ):
            yield from invariants.computed(check, findings)


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


class _Pages:
    """How many events are read at a time, and who is told."""

    def __init__(self, size: int, progress: Progress | None) -> None:
        self.size = size
        self.progress = progress


def _events(
    connection: Connection[Any],
    projector: Projector,
    head: StoredHead,
    meaning: Meaning,
    pages: _Pages,
) -> Iterator[Discrepancy]:
    """Yield what is wrong with single events and periods, and with the tree over all of them."""
    events = projector.names.events
    integrity = Integrity(Signed(connection, projector.names))
    periods = invariants.Periods(connection, events)
    for after in range(0, head.position, pages.size):
        through = min(after + pages.size, head.position)
        rows = _page(connection, events, after, through)
        yield from gaps(rows, after)
        yield from integrity.check(rows)
        for row in rows:
            yield from meaning.check(row)
        for check, findings in (
            ("D18.3", periods.add(after, through)),
            ("D18.7", invariants.duplicates(connection, events, after, through)),
        ):
            yield from invariants.computed(check, findings)
        if pages.progress is not None:
            pages.progress(through, head.position)
    yield from integrity.finish(head)
    yield from periods.finish()


def _page(
    connection: Connection[Any], events: sql.Identifier, after: int, through: int
) -> list[StoredRow]:
    query = sql.SQL(
        "SELECT {} FROM {} WHERE position > %s AND position <= %s ORDER BY position"
    ).format(sql.SQL(", ").join(map(sql.Identifier, StoredRow._fields)), events)
    with connection.transaction(), connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        cursor.execute(query, (after, through))
        return [StoredRow(*row) for row in cursor]


def _head(connection: Connection[Any], projector: Projector) -> StoredHead:
    query = sql.SQL("SELECT position, recorded_at, frontier FROM {}").format(projector.names.head)
    with connection.transaction(), connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        row = cursor.execute(query).fetchone()
    if row is None:
        raise NotReady("the ledger has no head row; run the migrations again")
    return StoredHead(*row)


def _outside(connection: Connection[Any], projector: Projector) -> Iterator[Discrepancy]:
    """Yield the events before the first and behind the head, as one snapshot has both."""
    query = sql.SQL(
        "SELECT position, partner_id FROM {events} WHERE position < 1"
        " OR position > (SELECT position FROM {head}) ORDER BY 1"
    ).format(events=projector.names.events, head=projector.names.head)
    with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        for position, partner_id in cursor.execute(query).fetchall():
            what = "there is an event, though the ledger's positions are from 1 to its head's"
            yield Discrepancy("positions", what, position, partner_id)
