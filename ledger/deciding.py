"""What a run decides, partner by partner, whether it is appended or only shown (D8.1)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from psycopg import Cursor

from events.base import Decision
from ledger.accounts import Asked, Page
from ledger.earnings import Earnings, Evidence
from ledger.engine.commissions import Account, PartnerAccrual, pays_otherwise_from
from ledger.engine.contests import Claims, any_replaces, replaces_otherwise_from
from ledger.engine.counted import Counts, Rewarded
from ledger.engine.evolve import evolve
from ledger.engine.invoices import Replaced
from ledger.engine.posted import Name, Posted
from ledger.engine.state import Ledger, Partner, Run
from ledger.engine.tiers import decide_tiers, every_tier_is_open
from ledger.entities import Entities
from ledger.ports import Candidate, ReadModels
from ledger.retracted import replaced_payments
from ledger.sponsoring import Books, Sponsoring, StoredBooks

PAGE_CLIENTS = 2_000
"""Clients read at a time."""

CHUNK_ROWS = 4_000
"""Decisions after which a chunk ends, at the next client."""

Progress = Callable[[int, int], None]
"""Called with (clients done, clients in all)."""

Written = TypeVar("Written")


@dataclass(slots=True)
class Done:
    """How far a partner was accrued by a run that was interrupted.

    ``clients``: all of its clients are done; ``complete``: so is what it earns beside.
    """

    parts: int = 0
    through_client: str | None = None
    clients: bool = False
    complete: bool = False

    def holds(self, candidate: Candidate) -> bool:
        """Whether a candidate is done, of a partner with a part: the rows up to a place, or all."""
        if self.clients:
            return True
        return candidate.client_id <= (self.through_client or "")


@dataclass(slots=True)
class Work:
    """The partner at hand: its entity with the tiers of this run, its part, what was decided.

    ``counts`` and ``rewarded`` are those of a partner whose own row is taken; ``is_late``: that
    says that its counted clients of days before the run's may have changed.
    """

    partner_id: str
    done: Done
    part: int
    partner: Partner
    counts: Counts | None
    rewarded: Rewarded
    is_late: bool
    accrual: PartnerAccrual | None = None
    taken: bool = False


def _begin(reader: Page, candidate: Candidate, done: Done) -> Work:
    """The work on a partner, from its first candidate on: its own row, if that is taken."""
    name = candidate.partner_id
    return Work(
        partner_id=name,
        done=done,
        part=done.parts,
        partner=reader.partner(name),
        counts=None if candidate.client_id else reader.counts(name),
        rewarded=reader.rewarded(name),
        is_late=not candidate.client_id and candidate.touched,
    )


class Deciding(ABC, Generic[Written]):
    """Decides one open run, in chunks of what becomes of its decisions.

    It decides on the events up to the run's own position, so its lines depend neither on the chunks
    nor on what is recorded meanwhile.
    """

    def __init__(
        self, models: ReadModels, entities: Entities, ledger: Ledger, progress: Progress | None
    ) -> None:
        assert ledger.open_run is not None
        self._models, self._entities, self._ledger = models, entities, ledger
        self._run: Run = ledger.open_run
        self._on_invoices = ledger.programmes.on_invoices()
        self._progress = progress or (lambda done, total: None)
        self._claims = Claims(ledger.programmes)
        self._claimed_days = any_replaces(ledger.programmes) or any(
            programme.agreement.tail != "none" for programme in ledger.programmes.adopted
        )
        self._rows: list[Written] = []
        self._cursor: Cursor[Any]
        self._assigned = True
        self._replaced: Replaced = {}

    # --- what becomes of decisions ---------------------------------------------------------------

    @abstractmethod
    def _written(self, work: Work, decisions: Sequence[Decision]) -> Sequence[Written]:
        """What a chunk holds of decisions."""

    @abstractmethod
    def _close_part(
        self,
        work: Work,
        *,
        through_client: str | None = None,
        then: Literal["earnings"] | None = None,
    ) -> None:
        """Mark what of a partner is done."""

    @abstractmethod
    def _settle(self) -> None:
        """Wait until the chunks so far can be read back."""

    def _done(self, cursor: Cursor[Any]) -> dict[str, Done]:  # noqa: ARG002 - for those that go on
        """What of the run was done before, by partner."""
        return {}

    def _books(self, cursor: Cursor[Any]) -> Books:
        return StoredBooks(self._entities, self._run, cursor)

    # --- what is decided -------------------------------------------------------------------------
    def chunks(self, cursor: Cursor[Any]) -> Iterator[list[Written]]:
        """The rows of the run, in chunks that end between two clients or within earnings."""
        self._cursor = cursor
        done = self._done(cursor)
        models, run = self._models, self._run
        total = models.plan_accrual(
            cursor,
            run,
            every_partner=every_tier_is_open(self._ledger, self._run),
            claims=self._claims,
            accruals=self._ledger.programmes.accruals(),
            # Where a contest or a tail decides on a period, what changes later may reach it.
            compares_all=self._on_invoices or self._claimed_days,
            recounted_from=replaces_otherwise_from(self._ledger),
            begun_from=pays_otherwise_from(self._ledger, run),
        )
        earnings = Earnings(self._ledger, run, models, cursor, contests=self._claims.any)
        self._assigned = models.any_assigned(cursor)
        if self._on_invoices:
            self._replaced = replaced_payments(self._entities, run, cursor)
        sponsoring = Sponsoring(self._ledger, run, models, self._books(cursor), cursor)
        finished = 0
        work: Work | None = None
        for page, reader in self._pages(cursor):
            for candidate in page:
                if work is None or work.partner_id != candidate.partner_id:
                    if work is not None:
                        yield from self._finish_partner(work, earnings, sponsoring)
                    before = done.get(candidate.partner_id) or Done()
                    work = _begin(reader, candidate, before)
                if work.done.parts and work.done.holds(candidate):
                    continue
                self._decide(work, reader, candidate)
                if len(self._rows) >= CHUNK_ROWS and candidate.client_id:
                    self._close_part(work, through_client=candidate.client_id)
                    yield self._taken()
            finished += len(page)
            self._progress(min(finished, total), total)
        if work is not None:
            yield from self._finish_partner(work, earnings, sponsoring)
        if self._rows:
            yield self._taken()

    def _finish_partner(
        self, work: Work, earnings: Earnings, sponsoring: Sponsoring
    ) -> Iterator[list[Written]]:
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

    def _sponsorship(self, work: Work, sponsoring: Sponsoring) -> Iterator[list[Written]]:
        """The reward, then shares of the lines: a share names a line's position (D11)."""
        partner, counts = work.partner, work.counts
        if not (work.taken or work.done.parts or counts is not None):
            return
        if counts is None:
            models, name = self._models, partner.partner_id
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
        self, work: Work, decisions: Iterator[Sequence[Decision]]
    ) -> Iterator[list[Written]]:
        for some in decisions:
            self._take(work, some)
            if len(self._rows) >= CHUNK_ROWS:
                self._close_part(work, then="earnings")
                yield self._taken()

    def _pages(self, cursor: Cursor[Any]) -> Iterator[tuple[Sequence[Candidate], Page]]:
        """The candidates page by page, the next one read while this one is decided."""
        models, run = self._models, self._run
        asked = Asked(
            self._ledger,
            claimed_days=self._claimed_days,
            on_invoices=self._on_invoices,
            assigned=self._assigned,
            replaced=self._replaced,
        )

        def read(after: int) -> tuple[Sequence[Candidate], Page] | None:
            page = models.candidates(cursor, after, PAGE_CLIENTS)
            if not page:
                return None
            reader = Page(self._entities, models, run, cursor, page, asked)
            return page, reader

        with ThreadPoolExecutor(1) as reading:
            done, following = 0, reading.submit(read, 0)
            while found := following.result():
                if len(found[0]) < PAGE_CLIENTS:
                    yield found
                    return
                done += len(found[0])
                following = reading.submit(read, done)
                yield found

    def _taken(self) -> list[Written]:
        rows, self._rows = self._rows, []
        return rows

    def _decide(self, work: Work, reader: Page, candidate: Candidate) -> None:
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
            rivals = reader.rivals(candidate) if candidate.touched or self._replaced else ()
            if rivals:
                held = (self._in_force_after(partner, of_other) for partner, of_other in rivals)
                account = account._replace(rivals=frozenset().union(*held))
            self._take(work, list(work.accrual.lines(account)))

    def _in_force_after(self, partner: Partner, account: Account) -> dict[Name, Posted]:
        """What stays in force of an account, by what this run decides of it (D9.5)."""
        return PartnerAccrual(self._ledger, self._run, partner).in_force_after(account)

    def _take(self, work: Work, decisions: Sequence[Decision]) -> None:
        if decisions:
            work.taken = True
            self._rows += self._written(work, decisions)
