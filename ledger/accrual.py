"""Accrual runs: partner by partner, in chunks that each commit, resumable at any point (D8.1)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from psycopg import Cursor, sql
from psycopg.rows import tuple_row

from events.base import Decision
from events.codec import decode_state
from events.course import AccrualCompleted, PartnerAccrued
from ledger.appending import Appender, RowWriter
from ledger.deciding import Deciding, Done, Progress, Work
from ledger.engine.state import Ledger
from ledger.entities import Entities
from ledger.store.rows import Row

_UNDER_WAY = 2
"""Chunks on their way into the database: one is inserted, the next one staged."""


@dataclass(frozen=True, slots=True)
class Accrued:
    """What a run did: its position, its D, the partners taken and the lines posted."""

    run: int
    through: date
    partners: int
    lines: int


class AccrualRun(Deciding[Row]):
    """Carries one open run to its completion; killed at any point, the next command goes on."""

    def __init__(
        self, appender: Appender, entities: Entities, ledger: Ledger, progress: Progress | None
    ) -> None:
        super().__init__(appender.models, entities, ledger, progress)
        self._appender = appender
        self._writer = RowWriter(ledger.time_zone)
        names = appender.recorder.names
        self._table = sql.Identifier(names.schema, names.events)
        self._pending: deque[Future[Any]] = deque()
        self._partners = self._lines = 0

    def finish(self) -> Accrued:
        """Decide what is left of the run and complete it."""
        with (
            self._appender.session() as connection,
            ThreadPoolExecutor(_UNDER_WAY) as appending,
            connection.cursor(row_factory=tuple_row, binary=True) as cursor,
        ):
            for chunk in self.chunks(cursor):
                self._lines += sum([row.kind is not None for row in chunk])
                self._append(appending, chunk)
            self._settle()
        run = self._run
        completed = AccrualCompleted(run=run.position, day=run.through)
        self._appender.append([self._writer.row(completed, run.through)])
        return Accrued(run.position, run.through, self._partners, self._lines)

    def _append(self, appending: ThreadPoolExecutor, chunk: list[Row]) -> None:
        """Append a chunk after those before it.

        It is staged while the database inserts the one before, and the next is decided meanwhile.
        """
        while len(self._pending) >= _UNDER_WAY:
            self._pending.popleft().result()
        before = self._pending[-1] if self._pending else None
        self._pending.append(appending.submit(self._appender.append, chunk, before))

    def _settle(self) -> None:
        while self._pending:
            self._pending.popleft().result()

    def _written(self, work: Work, decisions: Sequence[Decision]) -> list[Row]:  # noqa: ARG002
        return self._writer.decisions(decisions)

    def _close_part(
        self,
        work: Work,
        *,
        through_client: str | None = None,
        then: Literal["earnings"] | None = None,
    ) -> None:
        """Mark what of a partner is done; nothing for one of whom nothing was decided."""
        if not work.taken:
            return
        event = PartnerAccrued(
            run=self._run.position,
            partner_id=work.partner_id,
            part=work.part,
            through_client=through_client,
            then=then,
            day=self._run.through,
        )
        self._rows.append(self._writer.row(event, event.day))
        self._partners += work.part == 0
        work.part += 1

    def _done(self, cursor: Cursor[Any]) -> dict[str, Done]:
        """What an interrupted process of this run has committed, by partner."""
        cursor.execute(
            sql.SQL(
                "SELECT topic, state FROM {} WHERE originator_id = %s ORDER BY originator_version"
            ).format(self._table),
            (f"run:{self._run.position}",),
        )
        done: dict[str, Done] = {}
        for topic, state in cursor:
            event = decode_state(topic, state)
            assert isinstance(event, PartnerAccrued)
            entry = done.setdefault(event.partner_id, Done())
            entry.parts = event.part + 1
            entry.through_client = event.through_client
            entry.clients = event.through_client is None
            entry.complete = entry.clients and event.then is None
        return done
