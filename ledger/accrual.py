"""Accrual runs: partner by partner, in chunks that each commit, resumable at any point (D8.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import Cursor, sql
from psycopg.rows import tuple_row

from events.base import Decision
from events.codec import decode_state
from events.course import AccrualCompleted, PartnerAccrued
from ledger.accounts import Page
from ledger.appending import Appender, RowWriter
from ledger.engine import PartnerAccrual, decide_tiers, evolve
from ledger.engine.state import Ledger, Partner, Run
from ledger.entities import Entities
from ledger.ports import Candidate
from ledger.store.rows import Row

PAGE_CLIENTS = 2_000
"""Clients read at a time."""

CHUNK_ROWS = 4_000
"""Rows after which a chunk is committed, at the next client."""

Progress = Callable[[int, int], None]
"""Called with (clients done, clients in all)."""


@dataclass(frozen=True, slots=True)
class Accrued:
    """What a run did: its position, its D, the partners taken and the lines posted."""

    run: int
    through: date
    partners: int
    lines: int


@dataclass(slots=True)
class _Done:
    """How far a partner was accrued by a run that was interrupted."""

    parts: int = 0
    through_client: str | None = None
    complete: bool = False


class AccrualRun:
    """Carries one open run to its completion.

    It decides on the events up to the run's own position, so its lines depend neither on the chunks
    nor on what is recorded meanwhile. Killed at any point, it is carried on by the next command.
    """

    def __init__(
        self, appender: Appender, entities: Entities, ledger: Ledger, progress: Progress | None
    ) -> None:
        assert ledger.open_run is not None
        self._appender, self._entities, self._ledger = appender, entities, ledger
        self._run: Run = ledger.open_run
        self._on_invoices = ledger.programmes.on_invoices()
        self._progress = progress or (lambda done, total: None)
        self._writer = RowWriter(ledger.time_zone)
        names = appender.recorder.names
        self._table = sql.Identifier(names.schema, names.events)
        self._rows: list[Row] = []
        self._partners = self._lines = 0

    def finish(self) -> Accrued:
        """Decide what is left of the run and complete it."""
        with (
            self._appender.session() as connection,
            ThreadPoolExecutor(1) as appending,
            connection.cursor(row_factory=tuple_row, binary=True) as cursor,
        ):
            # The next chunk is decided while the database takes the one before.
            pending: Future[Any] | None = None
            for chunk in self._chunks(cursor):
                if pending is not None:
                    pending.result()
                pending = appending.submit(self._appender.append, chunk)
            if pending is not None:
                pending.result()
        run = self._run
        completed = AccrualCompleted(run=run.position, day=run.through)
        self._appender.append([self._writer.row(completed, run.through)])
        return Accrued(run.position, run.through, self._partners, self._lines)

    def _chunks(self, cursor: Cursor[Any]) -> Iterator[list[Row]]:
        """The rows of the run, in chunks that end between two clients."""
        done = self._done(cursor)
        models, run = self._appender.models, self._run
        total = models.plan_accrual(
            cursor,
            run,
            every_partner=self._every_partner(),
            on_invoices=self._on_invoices,
        )
        finished = 0
        work: _Partner | None = None
        for page, reader in self._pages(cursor):
            for candidate in page:
                before = done.get(candidate.partner_id)
                if before is not None and _is_done(before, candidate):
                    continue
                if work is None or work.partner_id != candidate.partner_id:
                    if work is not None:
                        self._close_part(work, None)
                    if len(self._rows) >= CHUNK_ROWS:
                        yield self._taken()
                    work = _Partner(candidate.partner_id, before.parts if before else 0)
                self._decide(work, reader, candidate)
                if candidate.client_id and len(self._rows) >= CHUNK_ROWS:
                    self._close_part(work, candidate.client_id)
                    yield self._taken()
            finished += len(page)
            self._progress(min(finished, total), total)
        if work is not None:
            self._close_part(work, None)
        if self._rows:
            yield self._taken()

    def _pages(self, cursor: Cursor[Any]) -> Iterator[tuple[Sequence[Candidate], Page]]:
        """The candidates page by page, the next one read while this one is decided."""
        models, run = self._appender.models, self._run

        def read(place: tuple[str, str]) -> tuple[Sequence[Candidate], Page] | None:
            page = models.candidates(cursor, run, place, PAGE_CLIENTS)
            if not page:
                return None
            return page, Page(
                self._entities, models, run, cursor, page, on_invoices=self._on_invoices
            )

        with ThreadPoolExecutor(1) as reading:
            following = reading.submit(read, ("", ""))
            while found := following.result():
                page = found[0]
                if len(page) < PAGE_CLIENTS:
                    yield found
                    return
                following = reading.submit(read, (page[-1].partner_id, page[-1].client_id))
                yield found

    def _taken(self) -> list[Row]:
        rows, self._rows = self._rows, []
        return rows

    def _every_partner(self) -> bool:
        """Whether another programme version comes into force in the days of the run."""
        run, programmes = self._run, self._ledger.programmes
        if run.previous is None:
            return True
        return any(
            programmes.version_days(name, run.previous, run.through) for name in programmes.versions
        )

    def _decide(self, work: _Partner, reader: Page, candidate: Candidate) -> None:
        """Decide one candidate: a partner's tiers first, then its clients (D8.1)."""
        partner = work.partner or reader.partner(candidate.partner_id)
        decisions: Sequence[Decision]
        if not candidate.client_id:
            changes = decide_tiers(
                self._ledger, self._run, partner, reader.counts(candidate.partner_id)
            )
            for change in changes:
                folded = evolve(change.stream, partner, change)
                assert isinstance(folded, Partner)
                partner = folded
            work.partner = partner
            decisions = changes
        else:
            if work.partner is None or work.accrual is None:
                work.partner = partner
                work.accrual = PartnerAccrual(self._ledger, self._run, partner)
            account = reader.account(candidate)
            decisions = list(work.accrual.lines(account)) if account is not None else ()
            self._lines += len(decisions)
        if decisions:
            work.taken = True
            self._rows += self._writer.decisions(decisions)

    def _close_part(self, work: _Partner, through_client: str | None) -> None:
        """Mark what of a partner is done; nothing for one of whom nothing was decided."""
        if not work.taken:
            return
        event = PartnerAccrued(
            run=self._run.position,
            partner_id=work.partner_id,
            part=work.part,
            through_client=through_client or None,
            day=self._run.through,
        )
        self._rows.append(self._writer.row(event, event.day))
        self._partners += work.part == 0
        work.part += 1

    def _done(self, cursor: Cursor[Any]) -> dict[str, _Done]:
        """What an interrupted process of this run has committed, by partner."""
        cursor.execute(
            sql.SQL(
                "SELECT topic, state FROM {} WHERE originator_id = %s ORDER BY originator_version"
            ).format(self._table),
            (f"run:{self._run.position}",),
        )
        done: dict[str, _Done] = {}
        for topic, state in cursor:
            event = decode_state(topic, state)
            assert isinstance(event, PartnerAccrued)
            entry = done.setdefault(event.partner_id, _Done())
            entry.parts = event.part + 1
            entry.through_client = event.through_client
            entry.complete = event.through_client is None
        return done


@dataclass(slots=True)
class _Partner:
    """The partner at hand: its entity with the tiers of this run, its part, what was decided."""

    partner_id: str
    part: int
    partner: Partner | None = None
    accrual: PartnerAccrual | None = None
    taken: bool = False


def _is_done(done: _Done, candidate: Candidate) -> bool:
    if done.complete:
        return True
    return candidate.client_id <= (done.through_client or "")
