"""Recording facts: a batch is deduplicated, decided and appended in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from time import monotonic
from typing import Any, NamedTuple

from psycopg import Cursor, sql

from events.envelope import Message
from events.recorded import Recorded
from ledger.appending import Appender, RowWriter
from ledger.dead_letters import DeadLetter, Incoming
from ledger.engine.calendar import day_of
from ledger.engine.commands import check_adopted
from ledger.engine.evolve import evolve
from ledger.engine.recording import DECIDING, answer, reads
from ledger.engine.state import LEDGER, Ledger, Overlay
from ledger.entities import Entities
from ledger.ports import Place
from ledger.sorting import Key, Known, Sorted, keys_of, sort
from ledger.store.head import Head, Versions
from ledger.store.mapper import fact_row
from ledger.store.recorder import HeadMoved
from ledger.store.rows import Row
from ledger.turns import Turns


@dataclass(frozen=True, slots=True)
class Recording:
    """What became of a batch; ``position`` is the last of the ledger."""

    accepted: int
    duplicates: int
    quarantined: int
    rejected: int
    position: int
    append_seconds: float = field(default=0.0, compare=False)
    """How long its append took to the commit; what was staged ahead was so before."""


class Placed(NamedTuple):
    """A batch, and the place in its source that moves with it."""

    messages: Sequence[Incoming]
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A batch decided on the ledger as of ``position``, with the entities that it changes."""

    position: int
    batch: Sorted
    rows: Sequence[Row]
    changed: Mapping[str, object]
    place: Place | None
    versions: Versions | None = None
    """Of its streams those that were looked up ahead."""

    @property
    def last(self) -> int:
        """The position of the ledger once the batch is appended."""
        return self.position + len(self.rows)

    @property
    def told(self) -> dict[Key, Known]:
        """The messages that it will have recorded."""
        return {(m.source, m.id): (None, m.content) for m in self.batch.accepted}


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A batch that is being appended while the next is decided."""

    batch: Placed
    prepared: _Prepared
    appended: Future[Recording]


class Recorder:
    """Records batches; what it decides on is at hand in ``entities``."""

    def __init__(self, appender: Appender, entities: Entities) -> None:
        self._appender, self._entities = appender, entities
        self._turns = Turns(appender, self._followed)
        names = appender.recorder.names
        self._insert_dead = sql.SQL(
            "INSERT INTO {} (kind, origin, error, member, message, source, event_id, payload,"
            " payload_sha256, first_position, kafka_topic, kafka_partition, kafka_offset,"
            " kafka_headers) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, sha256(%s), %s, %s, %s, %s,"
            " %s) ON CONFLICT DO NOTHING"
        ).format(sql.Identifier(names.schema, names.dead_letters))

    def record(self, batch: Placed) -> Recording:
        """Record a batch; decided again under the head lock if another writer came between."""
        try:
            return self._record(batch, lock_first=False)
        except HeadMoved:
            return self._record(batch, lock_first=True)

    def record_all(self, batches: Iterable[Placed]) -> Iterator[Recording]:
        """Record batches in their order, each in a transaction of its own.

        A batch is decided, and its rows are staged, while the database still appends the one
        before: on entities that are ahead of it. Should that append fail, they go back to where
        they were, and what rests on them is decided again. Writers that come in each other's way
        take turns.

        A result is told when the batch after it is on its way, too: however long who asked looks at
        it, no transaction waits for that.
        """
        ahead: _Ahead | None = None
        turns = self._turns
        with turns, ThreadPoolExecutor(1) as appending, ExitStack() as own:
            try:
                for batch in batches:
                    if ahead is not None and not turns.goes_on():
                        yield self._landed(ahead)
                        ahead = None
                    if ahead is None:
                        turns.take()
                    cursor, prepared = own.enter_context(self._staged(batch, ahead))
                    landed: Recording | None = None
                    if ahead is not None:
                        landed = self._landed(ahead)
                        # Decided again, it may have come to the same place by another way.
                        again = ahead.appended.exception() is not None
                        if again or self._entities.position != prepared.position:
                            own.close()
                            cursor, prepared = own.enter_context(self._staged(batch, None))
                    self._entities.advance(prepared.changed, prepared.last)
                    appended = appending.submit(self._append, own.pop_all(), cursor, prepared)
                    ahead = _Ahead(batch, prepared, appended)
                    if turns.begin():
                        appending.submit(turns.settle)
                    if landed is not None:
                        yield landed
                turns.end()
                if ahead is not None:
                    yield self._landed(ahead)
            except BaseException:
                self._entities.forget()
                raise

    def _followed(self, cursor: Cursor[Any], *, lock: bool = False) -> Head:
        """Fold in what others appended up to the head; nothing of ours may be under way."""
        head = self._appender.recorder.head(cursor, lock=lock)
        self._entities.follow(cursor, head.position)
        return head

    def _landed(self, ahead: _Ahead) -> Recording:
        """What became of the batch that was being appended; recorded anew if another came first."""
        try:
            recording = ahead.appended.result()
        except HeadMoved:
            self._entities.retreat()
            self._turns.collided()
            self._turns.take()
            return self._record(ahead.batch, lock_first=True)
        self._entities.landed()
        return recording

    @contextmanager
    def _staged(
        self, batch: Placed, ahead: _Ahead | None
    ) -> Iterator[tuple[Cursor[Any], _Prepared]]:
        """Decide a batch on what is recorded, and on the batch ahead of it if there is one.

        A transaction in which its rows are staged and nothing is locked: append in it, or end it.
        """
        with self._appender.transaction() as cursor:
            if ahead is None:
                self._followed(cursor)
                prepared = self._prepare(cursor, batch, {})
            else:
                prepared = self._prepare(cursor, batch, ahead.prepared.told)
            if prepared.rows:
                recorder, committed = self._appender.recorder, self._entities.position
                if ahead is not None:
                    committed = ahead.prepared.position
                recorder.stage(cursor, prepared.rows)
                streams = {row.stream for row in prepared.rows}
                versions = recorder.look_ahead(cursor, streams, committed)
                prepared = replace(prepared, versions=versions)
            self._appender.recorder.stay_staged(cursor)
            yield cursor, prepared

    def _record(self, batch: Placed, *, lock_first: bool) -> Recording:
        with self._appender.transaction() as cursor:
            head = self._followed(cursor, lock=lock_first)
            prepared = self._prepare(cursor, batch, {})
            began = monotonic()
            # First: whoever takes the place over can end a writer that freezes from here on.
            _move(cursor, prepared.place)
            if prepared.rows:
                self._appender.recorder.stage(cursor, prepared.rows)
            recording = self._write(cursor, prepared, head if lock_first else None)
        self._entities.advance(prepared.changed, recording.position)
        self._entities.landed()
        return replace(recording, append_seconds=monotonic() - began)

    def _append(
        self, transaction: ExitStack, cursor: Cursor[Any], prepared: _Prepared
    ) -> Recording:
        """Append what was staged in a transaction, and end it."""
        began = monotonic()
        with transaction:
            # First: who was fenced neither waits for the head nor makes others wait.
            _move(cursor, prepared.place)
            recording = self._write(cursor, prepared, None)
        return replace(recording, append_seconds=monotonic() - began)

    def _prepare(self, cursor: Cursor[Any], batch: Placed, told: Mapping[Key, Known]) -> _Prepared:
        """Sort a batch and decide it; ``told`` are the messages of a batch not yet appended."""
        found = self._appender.recorder.recorded(cursor, keys_of(batch.messages))
        known = {key: (each.position, bytes(each.content)) for key, each in found.items()}
        sorted_batch = sort(batch.messages, {**told, **known})
        rows: list[Row] = []
        changed: dict[str, object] = {}
        if sorted_batch.accepted:
            rows, changed = self._decide(cursor, sorted_batch.accepted)
        return _Prepared(self._entities.position, sorted_batch, rows, changed, batch.place)

    def _write(self, cursor: Cursor[Any], prepared: _Prepared, locked: Head | None) -> Recording:
        """Append a batch whose rows are staged, and keep what of it is dead.

        Raises HeadMoved if the ledger is not where the batch was decided.
        """
        recorder, rows, batch = self._appender.recorder, prepared.rows, prepared.batch
        if rows:
            versions = prepared.versions
            if versions is None and locked is None:
                versions = recorder.versions(cursor, {row.stream for row in rows})
            head = recorder.head(cursor) if locked is None else locked
            if head.position != prepared.position:
                raise HeadMoved("another writer appended; decide again")
            self._appender.insert(cursor, head, rows, versions)
        self._bury(cursor, batch.dead)
        return Recording(
            accepted=len(batch.accepted),
            duplicates=batch.duplicates,
            quarantined=batch.count("quarantined"),
            rejected=batch.count("rejected"),
            position=prepared.last,
        )

    def _decide(
        self, cursor: Cursor[Any], messages: Sequence[Message]
    ) -> tuple[list[Row], dict[str, object]]:
        """The rows of facts and of what they decide, and the entities that change by them."""
        entities = self._entities
        entities.load(cursor, [LEDGER])
        ledger = entities.get(LEDGER)
        ledger = ledger if isinstance(ledger, Ledger) else Ledger()
        check_adopted(ledger)
        writer = RowWriter(ledger.time_zone)
        state = Overlay(entities.at_hand)
        days = [day_of(message.effective_at, writer.zone) for message in messages]
        self._load(cursor, messages, days)
        rows: list[Row] = []
        position = entities.position
        for message, day in zip(messages, days, strict=True):
            position += 1
            data = message.data
            stream = data.stream
            rows.append(fact_row(message, stream, day))
            decides = type(data) in DECIDING
            if not decides and stream not in entities.at_hand:
                continue
            event = Recorded(position, message.effective_at, day, data, message.source, message.id)
            entity = evolve(stream, state.get(stream), event)
            if entity is not None:
                state.changed[stream] = entity
            if decides:
                decisions = answer(state, event)
                rows += writer.decisions(decisions)
                position += len(decisions)
        return rows, state.changed

    def _load(self, cursor: Cursor[Any], messages: Sequence[Message], days: Sequence[date]) -> None:
        """Load what the facts read; what is there may name more: a lead's client, a holder."""
        entities, needed = self._entities, set[str]()
        facts = [
            Recorded(0, message.effective_at, day, message.data)
            for message, day in zip(messages, days, strict=True)
            if type(message.data) in DECIDING
        ]
        while facts:
            incomplete = []
            for fact in facts:
                streams = reads(fact, entities.at_hand)
                needed |= streams
                if not streams <= entities.at_hand.keys():
                    incomplete.append(fact)
            if incomplete:
                entities.load(cursor, needed)
            facts = incomplete

    def _bury(self, cursor: Cursor[Any], dead: Sequence[DeadLetter]) -> None:
        if dead:
            cursor.executemany(self._insert_dead, [letter.columns() for letter in dead])


def _move(cursor: Cursor[Any], place: Place | None) -> None:
    """Move a place with its batch. Raises Fenced if the source is another's by now."""
    if place is not None:
        place.move(cursor)
