"""Entities at hand: a bounded cache of folded streams, all as of one position of the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from itertools import islice
from typing import Any, NamedTuple

from psycopg import Cursor, sql
from psycopg.rows import tuple_row

from events.codec import decode_state
from events.decisions import ClientStanding
from events.recorded import Recorded
from ledger.engine.evolve import evolve, folded_topics
from ledger.store.recorder import LedgerRecorder

LIMIT = 24_000
"""Streams kept, some 55 MiB; beyond it those used longest ago go."""

FAR_BEHIND = 100_000
"""Events appended by others beyond which everything is forgotten rather than followed.

Those of streams that are not at hand cost little: some 80,000 of another consumer's took 0.1 s.
"""

_COLUMNS = sql.SQL("position, originator_id, topic, state, effective_at, day, source, event_id")
_TOPICS = sorted(folded_topics())

StoredRow = tuple[int, str, str, bytes, datetime, date, str | None, str | None]


def recorded(row: StoredRow) -> tuple[str, Recorded]:
    """A stored row as (stream, event), its state validated and upcast."""
    position, stream, topic, state, effective_at, day, source, event_id = row
    data = decode_state(topic, state)
    if type(data) is ClientStanding:
        _lean(data)
    return stream, Recorded(position, effective_at, day, data, source, event_id)


def _lean(standing: ClientStanding) -> None:
    """Have what stays of a decision at hand as small as if it had been decided here."""
    standing.after.share_names()
    for change in standing.subscriptions:
        for term in change.after:
            term.share_names()


class _Ahead(NamedTuple):
    """What an append that may still fail has changed, and what was loaded on top of it."""

    position: int
    """Where everything stood before."""
    before: dict[str, object | None]
    """Of the streams that it changed those that were at hand, as they were."""
    changed: AbstractSet[str]
    loaded: set[str]


class Entities:
    """The cache. ``position`` is where all of it stands; the database may be further."""

    def __init__(self, recorder: LedgerRecorder) -> None:
        self.table = sql.Identifier(recorder.names.schema, recorder.names.events)
        self._entities: MutableMapping[str, object | None] = {}
        self.at_hand: MutableMapping[str, Any] = self._entities
        self.position = 0
        self._ahead: _Ahead | None = None

    def get(self, stream: str) -> object | None:
        """The entity of a loaded stream, None if it has none."""
        return self._entities.get(stream)

    def __contains__(self, stream: str) -> bool:
        """Whether a stream is loaded, with or without an entity."""
        return stream in self._entities

    def forget(self) -> None:
        """Start anew from the ledger's beginning; nothing is loaded."""
        self._entities.clear()
        self.position = 0
        self._ahead = None

    def follow(self, cursor: Cursor[object], head: int) -> None:
        """Fold in what others appended up to ``head``; nothing of ours may be under way."""
        assert self._ahead is None
        if not self._entities or head - self.position > FAR_BEHIND:
            self.forget()
            self.position = head
        if head == self.position:
            return
        source = sql.SQL(
            "{table} WHERE position > %s AND position <= %s AND topic = ANY(%s)"
        ).format(table=self.table)
        # Taken over at the end only: what fails half-way is folded from where it was, next time.
        changed: dict[str, object | None] = {}
        for row in self._select(cursor, source, (self.position, head, _TOPICS)):
            # Most of what others append is about streams that are not at hand.
            if row[1] in self._entities:
                stream, event = recorded(row)
                before = changed[stream] if stream in changed else self._entities[stream]
                changed[stream] = evolve(stream, before, event)
        self._entities.update(changed)
        self.position = head

    def load(self, cursor: Cursor[object], streams: Iterable[str]) -> None:
        """Fold the streams that are not loaded yet, as of :attr:`position`; all of them stay."""
        wanted = set(streams)
        missing = sorted(wanted.difference(self._entities))
        if not missing:
            return
        found = self.folded(cursor, missing, self.position)
        for stream in missing:
            self._entities[stream] = found.get(stream)
        ahead = self._ahead
        if ahead is not None:
            ahead.loaded.update(missing)
        excess = len(self._entities) - LIMIT
        if excess > 0:
            # What was asked for stays, loaded now or long ago: it is decided on next. So does what
            # the append under way changed: the database may not have it yet.
            kept = wanted if ahead is None else wanted | ahead.changed
            old = (stream for stream in self._entities if stream not in kept)
            for stream in list(islice(old, excess)):
                del self._entities[stream]

    def folded(self, cursor: Cursor[object], streams: list[str], through: int) -> dict[str, object]:
        """Streams folded up to a position, past the cache."""
        entities: dict[str, object] = {}
        # One look-up a stream, whatever the planner believes: OFFSET keeps it from joining, and the
        # sum keeps it from the index of positions.
        source = sql.SQL(
            "unnest(%s::text[]) AS wanted CROSS JOIN LATERAL (SELECT {columns} FROM {table}"
            " WHERE originator_id = wanted AND topic = ANY(%s) AND position + 0 <= %s OFFSET 0"
            ") AS found"
        ).format(columns=_COLUMNS, table=self.table)
        for row in self._select(cursor, source, (streams, _TOPICS, through)):
            stream, event = recorded(row)
            entity = evolve(stream, entities.get(stream), event)
            if entity is not None:
                entities[stream] = entity
        return entities

    def at(self, cursor: Cursor[object], position: int) -> Recorded | None:
        """The event at a position, None beyond the end."""
        source = sql.SQL("{table} WHERE position = %s").format(table=self.table)
        for row in self._select(cursor, source, (position,)):
            return recorded(row)[1]
        return None

    def advance(self, changed: Mapping[str, object], position: int) -> None:
        """Take over what an append of our own changes, while it is under way.

        Only what it leaves alone is read from the database meanwhile. :meth:`landed` or
        :meth:`retreat` says how it ended.
        """
        before: dict[str, object | None] = {}
        for stream, entity in changed.items():
            if stream in self._entities:
                before[stream] = self._entities.pop(stream)
            self._entities[stream] = entity
        self._ahead = _Ahead(self.position, before, changed.keys(), set())
        self.position = position

    def landed(self) -> None:
        """The append that was under way is durable."""
        self._ahead = None

    def retreat(self) -> None:
        """The append that was under way failed: go back to where everything stood before it.

        What was loaded meanwhile goes too: it was read up to positions that others may have taken.
        """
        ahead = self._ahead
        assert ahead is not None
        for stream in ahead.loaded | ahead.changed:
            self._entities.pop(stream, None)
        self._entities.update(ahead.before)
        self.position, self._ahead = ahead.position, None

    def _select(
        self, cursor: Cursor[object], source: sql.Composed, parameters: tuple[object, ...]
    ) -> Iterator[StoredRow]:
        query = sql.SQL("SELECT {columns} FROM {source} ORDER BY position").format(
            columns=_COLUMNS, source=source
        )
        with cursor.connection.cursor(row_factory=tuple_row, binary=True) as own:
            own.execute(query, parameters, prepare=False)
            yield from own
