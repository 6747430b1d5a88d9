"""Accrual runs: partner by partner, in chunks that each commit, resumable at any point (D8.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from psycopg import Cursor, sql
from psycopg.rows import tuple_row

from events.base import Decision
from events.codec import decode_state
from events.decisions import (
    AccrualCompleted,
    AdjustmentPosted,
    ClawbackWaived,
    CommissionPosted,
    DifferenceUnresolved,
    PartnerAccrued,
    TierChanged,
)
from ledger.appending import Appender, RowWriter
from ledger.engine import Account, Counts, PartnerAccrual, Posted, decide_tiers, evolve
from ledger.engine.commissions import Period
from ledger.engine.state import Client, Ledger, Partner, Run
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
        self._progress = progress or (lambda done, total: None)
        self._writer = RowWriter(ledger.time_zone)
        names = appender.recorder.names
        self._table = sql.Identifier(names.schema, names.events)
        self._rows: list[Row] = []
        self._partners = self._lines = 0

    def finish(self) -> Accrued:
        """Decide what is left of the run and complete it."""
        with self._appender.session() as connection, ThreadPoolExecutor(1) as appending:
            with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
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
        total = models.plan_accrual(cursor, run, every_partner=self._every_partner())
        place, finished = ("", ""), 0
        work: _Partner | None = None
        while page := models.candidates(cursor, run, place, PAGE_CLIENTS):
            place = (page[-1].partner_id, page[-1].client_id)
            reader = _Page(self, cursor, page)
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

    def _taken(self) -> list[Row]:
        rows, self._rows = self._rows, []
        return rows

    def _every_partner(self) -> bool:
        """Whether another programme version comes into force in the days of the run."""
        run, programmes = self._run, self._ledger.programmes
        if run.previous is None:
            return True
        return any(
            programmes.version_days(name, run.previous, run.through)
            for name in programmes.versions
        )

    def _decide(self, work: _Partner, reader: _Page, candidate: Candidate) -> None:
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


class _Page:
    """What a page of candidates reads beside itself, loaded at once for all of it."""

    def __init__(self, work: AccrualRun, cursor: Cursor[Any], page: Sequence[Candidate]) -> None:
        self._run, self._table, self._cursor = work._run, work._table, cursor
        self._entities = work._entities
        self._models = work._appender.models
        names = sorted({candidate.partner_id for candidate in page})
        self._partners = self._load_partners(names)
        self._counts = self._load_counts([c.partner_id for c in page if not c.client_id])
        moved = [f"client:{c.client_id}" for c in page if c.client_id and c.moved]
        self._moved = self._fold(moved)
        self._posted = self._load_posted([c for c in page if c.client_id and c.touched])

    def partner(self, partner_id: str) -> Partner:
        """A partner as of the run, with the tiers that the run has decided already."""
        return self._partners.get(partner_id) or Partner(partner_id)

    def counts(self, partner_id: str) -> Counts:
        """A partner's counted clients as of the run."""
        return Counts(self._counts.get(partner_id, {}))

    def account(self, candidate: Candidate) -> Account | None:
        """A client as the run takes it, None if as of the run it has no holder or activation."""
        claim, first, terms = candidate.claim, candidate.first_activated_on, candidate.terms
        if candidate.moved:
            client = self._moved.get(f"client:{candidate.client_id}")
            if not isinstance(client, Client) or client.standing.partner_id is None:
                return None
            claim, first = client.standing.claim or 0, client.standing.first_activated_on
            terms = {name: sub.terms for name, sub in client.subscriptions.items()}
        if first is None:
            return None
        return Account(
            client_id=candidate.client_id,
            claim=claim,
            first_activated_on=first,
            terms=terms,
            touched=candidate.touched,
            posted=self._posted.get(candidate.client_id, {}),
        )

    def _fold(self, streams: list[str]) -> dict[str, object]:
        if not streams:
            return {}
        return self._entities.folded(self._cursor, streams, self._run.position)

    def _load_partners(self, names: list[str]) -> dict[str, Partner]:
        streams = [f"partner:{name}" for name in names]
        found = self._fold(streams)
        self._cursor.execute(
            sql.SQL(
                "SELECT found.* FROM unnest(%s::text[]) AS wanted CROSS JOIN LATERAL ("
                "SELECT originator_id, topic, state FROM {} WHERE originator_id = wanted"
                " AND position + 0 > %s AND topic = %s ORDER BY position OFFSET 0) AS found"
            ).format(self._table),
            (streams, self._run.position, TierChanged.topic()),
            prepare=False,
        )
        for stream, topic, state in self._cursor:
            change = decode_state(topic, state)
            if isinstance(change, TierChanged) and change.run == self._run.position:
                found[stream] = evolve(stream, found.get(stream), change)
        return {e.partner_id: e for e in found.values() if isinstance(e, Partner)}

    def _load_counts(self, partners: list[str]) -> Mapping[str, Mapping[date, int]]:
        if not partners:
            return {}
        counts, moved = self._models.counts(self._cursor, self._run, partners)
        for client in self._fold([f"client:{name}" for name in moved]).values():
            if not isinstance(client, Client):
                continue
            partner_id, day = client.standing.partner_id, client.standing.counted_on
            if partner_id in partners and day is not None:
                of_partner = counts.setdefault(partner_id, {})
                of_partner[day] = of_partner.get(day, 0) + 1
        return counts

    def _load_posted(
        self, touched: Sequence[Candidate]
    ) -> dict[str, dict[Period, Posted]]:
        """What is posted for the periods of touched clients, from their lines."""
        names = [c.client_id for c in touched if not self._is_new(c)]
        if not names:
            return {}
        self._cursor.execute(
            sql.SQL(
                "SELECT position, topic, state FROM unnest(%(clients)s::text[]) AS wanted"
                " CROSS JOIN LATERAL ("
                "SELECT position, topic, state FROM {table}"
                " WHERE client_id = wanted AND kind IS NOT NULL"
                " UNION ALL SELECT position, topic, state FROM {table}"
                " WHERE originator_id = 'client:' || wanted AND topic = %(listed)s"
                " OFFSET 0) AS found ORDER BY position"
            ).format(table=self._table),
            {"clients": names, "listed": DifferenceUnresolved.topic()},
            prepare=False,
        )
        posted: dict[str, dict[Period, Posted]] = {}
        periods: dict[int, tuple[str, Period]] = {}
        for position, topic, state in self._cursor:
            _fold_posted(posted, periods, position, decode_state(topic, state))
        return posted

    def _is_new(self, candidate: Candidate) -> bool:
        """Whether a client was won since the run before, so that it can have no line."""
        return candidate.claim > self._run.previous_run and not candidate.moved


def _fold_posted(
    posted: dict[str, dict[Period, Posted]],
    periods: dict[int, tuple[str, Period]],
    position: int,
    event: object,
) -> None:
    """Fold one event of a client's money into what is posted for its periods."""
    if isinstance(event, CommissionPosted | ClawbackWaived):
        client_id, period = event.client_id, (event.subscription_id, event.day)
        of_client = posted.setdefault(client_id, {})
        old = of_client.get(period)
        if isinstance(event, ClawbackWaived):
            assert old is not None
            of_client[period] = replace(old, waived=old.waived + event.amount)
        elif old is None:
            of_client[period] = Posted(position, event, event.amount, event.base)
        else:
            of_client[period] = replace(
                old, amount=old.amount + event.amount, base=old.base + event.base
            )
        periods[position] = (client_id, period)
    elif isinstance(event, AdjustmentPosted) and event.line in periods:
        client_id, period = periods[event.line]
        posted[client_id][period] = replace(posted[client_id][period], adjusted=True)
    elif isinstance(event, DifferenceUnresolved) and event.line in periods:
        client_id, period = periods[event.line]
        listed = (event.due, event.reason)
        posted[client_id][period] = replace(posted[client_id][period], listed=listed)
