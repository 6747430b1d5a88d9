"""Accrual runs: partner by partner, in chunks that each commit, resumable at any point (D8.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from psycopg import Cursor, sql
from psycopg.rows import tuple_row

from events.base import Decision
from events.codec import decode_state
from events.course import AccrualCompleted, PartnerAccrued
from events.lines import Line
from ledger.accounts import Page
from ledger.appending import Appender, RowWriter
from ledger.earnings import Earnings, Evidence
from ledger.engine import Counts, PartnerAccrual, decide_tiers, evolve
from ledger.engine.commissions import Account
from ledger.engine.contests import Claims
from ledger.engine.counted import Rewarded
from ledger.engine.posted import Period
from ledger.engine.state import Ledger, Partner, Run
from ledger.entities import Entities
from ledger.ports import Candidate
from ledger.sponsoring import Sponsoring, StoredBooks
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
    """How far a partner was accrued by a run that was interrupted.

    ``clients``: all of its clients are done; ``complete``: so is what it earns beside.
    """

    parts: int = 0
    through_client: str | None = None
    clients: bool = False
    complete: bool = False

    def holds(self, candidate: Candidate) -> bool:
        """Whether a candidate is done: its partner's own row or clients up to a place, or all."""
        if self.clients:
            return True
        return self.parts > 0 and candidate.client_id <= (self.through_client or "")


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
        self._claims = Claims(ledger.programmes)
        self._claimed_days = self._claims.replace_commissions or any(
            version.programme.agreement.tail != "none"
            for versions in ledger.programmes.versions.values()
            for version in versions
        )
        self._rows: list[Row] = []
        self._pending: Future[Any] | None = None
        self._cursor: Cursor[Any]
        self._partners = self._lines = 0

    def finish(self) -> Accrued:
        """Decide what is left of the run and complete it."""
        with (
            self._appender.session() as connection,
            ThreadPoolExecutor(1) as appending,
            connection.cursor(row_factory=tuple_row, binary=True) as cursor,
        ):
            self._cursor = cursor
            # The next chunk is decided while the database takes the one before.
            for chunk in self._chunks(cursor):
                self._settle()
                self._pending = appending.submit(self._appender.append, chunk)
            self._settle()
        run = self._run
        completed = AccrualCompleted(run=run.position, day=run.through)
        self._appender.append([self._writer.row(completed, run.through)])
        return Accrued(run.position, run.through, self._partners, self._lines)

    def _settle(self) -> None:
        """Wait for the chunk that is being appended."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def _chunks(self, cursor: Cursor[Any]) -> Iterator[list[Row]]:
        """The rows of the run, in chunks that end between two clients or within earnings."""
        done = self._done(cursor)
        models, run = self._appender.models, self._run
        total = models.plan_accrual(
            cursor,
            run,
            every_partner=self._every_partner(),
            claims=self._claims,
            on_invoices=self._on_invoices,
        )
        earnings = Earnings(self._ledger, run, models, cursor, contests=self._claims.any)
        books = StoredBooks(self._entities, run, cursor)
        sponsoring = Sponsoring(self._ledger, run, models, books, cursor)
        finished = 0
        work: _Partner | None = None
        for page, reader in self._pages(cursor):
            for candidate in page:
                if work is None or work.partner_id != candidate.partner_id:
                    if work is not None:
                        yield from self._finish_partner(work, earnings, sponsoring)
                    before = done.get(candidate.partner_id) or _Done()
                    work = _begin(reader, candidate, before)
                if work.done.holds(candidate):
                    continue
                self._decide(work, reader, candidate)
                if candidate.client_id and len(self._rows) >= CHUNK_ROWS:
                    self._close_part(work, through_client=candidate.client_id)
                    yield self._taken()
            finished += len(page)
            self._progress(min(finished, total), total)
        if work is not None:
            yield from self._finish_partner(work, earnings, sponsoring)
        if self._rows:
            yield self._taken()

    def _finish_partner(
        self, work: _Partner, earnings: Earnings, sponsoring: Sponsoring
    ) -> Iterator[list[Row]]:
        """After a partner's clients: what it earns beside their lines, and earns its sponsor."""
        if not work.done.complete:
            evidence = None
            if work.counts is not None:
                evidence = Evidence(work.partner, work.counts, work.rewarded)
                yield from self._part_by_part(work, earnings.of(evidence))
            if work.partner.sponsor is not None:
                yield from self._sponsorship(work, sponsoring)
            if evidence is not None:
                self._take(work, list(earnings.badges(evidence)))
        self._close_part(work)
        if len(self._rows) >= CHUNK_ROWS:
            yield self._taken()

    def _sponsorship(self, work: _Partner, sponsoring: Sponsoring) -> Iterator[list[Row]]:
        """The reward, then shares of the lines: a share names a line's position (D11)."""
        partner, counts = work.partner, work.counts
        if not (work.taken or work.done.parts or counts is not None):
            return
        if counts is None:
            models, name = self._appender.models, partner.partner_id
            counts = Counts(models.counts(self._cursor, self._run, [name]).get(name, {}))
        active = sponsoring.active(partner, counts)
        if active is None:
            return
        self._take(work, sponsoring.reward(partner, active, counts))
        if work.taken:
            self._close_part(work, then="earnings")
            yield self._taken()
            self._settle()
        of_this_run = not (work.is_late or sponsoring.has_news(partner))
        shares = sponsoring.shares(partner, active, of_this_run=of_this_run)
        yield from self._part_by_part(work, shares)

    def _part_by_part(
        self, work: _Partner, decisions: Iterator[Sequence[Decision]]
    ) -> Iterator[list[Row]]:
        for some in decisions:
            self._take(work, some)
            if len(self._rows) >= CHUNK_ROWS:
                self._close_part(work, then="earnings")
                yield self._taken()

    def _pages(self, cursor: Cursor[Any]) -> Iterator[tuple[Sequence[Candidate], Page]]:
        """The candidates page by page, the next one read while this one is decided."""
        models, run = self._appender.models, self._run

        def read(place: tuple[str, str]) -> tuple[Sequence[Candidate], Page] | None:
            page = models.candidates(cursor, run, place, PAGE_CLIENTS)
            if not page:
                return None
            reader = Page(
                self._entities,
                models,
                run,
                cursor,
                page,
                claimed_days=self._claimed_days,
                on_invoices=self._on_invoices,
            )
            return page, reader

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
        partner = work.partner
        if not candidate.client_id:
            assert work.counts is not None
            changes = decide_tiers(self._ledger, self._run, partner, work.counts)
            for change in changes:
                folded = evolve(change.stream, partner, change)
                assert isinstance(folded, Partner)
                partner = folded
            work.partner = partner
            self._take(work, changes)
            return
        if work.accrual is None:
            work.accrual = PartnerAccrual(self._ledger, self._run, partner)
        account = reader.account(candidate)
        if account is not None:
            rivals = reader.rivals(candidate)
            if rivals:
                held = (self._in_force_after(partner, of_other) for partner, of_other in rivals)
                account = account._replace(rivals=frozenset().union(*held))
            self._take(work, list(work.accrual.lines(account)))

    def _in_force_after(self, partner: Partner, account: Account) -> Iterator[Period]:
        """The periods that another partner keeps, by what this run decides of it (D9.5)."""
        return PartnerAccrual(self._ledger, self._run, partner).in_force_after(account)

    def _take(self, work: _Partner, decisions: Sequence[Decision]) -> None:
        if decisions:
            work.taken = True
            self._rows += self._writer.decisions(decisions)
            self._lines += sum(isinstance(decision, Line) for decision in decisions)

    def _close_part(
        self,
        work: _Partner,
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
            entry.clients = event.through_client is None
            entry.complete = entry.clients and event.then is None
        return done


@dataclass(slots=True)
class _Partner:
    """The partner at hand: its entity with the tiers of this run, its part, what was decided.

    ``counts`` and ``rewarded`` are those of a partner whose own row is taken; ``is_late``: that
    says that its counted clients of days before the run's may have changed.
    """

    partner_id: str
    done: _Done
    part: int
    partner: Partner
    counts: Counts | None
    rewarded: Rewarded
    is_late: bool
    accrual: PartnerAccrual | None = None
    taken: bool = False


def _begin(reader: Page, candidate: Candidate, done: _Done) -> _Partner:
    """The work on a partner, from its first candidate on: its own row, if that is taken."""
    name = candidate.partner_id
    return _Partner(
        partner_id=name,
        done=done,
        part=done.parts,
        partner=reader.partner(name),
        counts=None if candidate.client_id else reader.counts(name),
        rewarded=reader.rewarded(name),
        is_late=not candidate.client_id and candidate.touched,
    )
