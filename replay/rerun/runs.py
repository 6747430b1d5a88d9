"""An accrual run decided again: what it takes, and in which order it decides (D8.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from typing import Any, cast

from psycopg import Cursor

from ledger.earnings import Earnings, Evidence
from ledger.engine.commissions import Account, PartnerAccrual, pays_otherwise_from
from ledger.engine.contests import Claims, replaces_otherwise_from
from ledger.engine.invoices import Paid, replaced
from ledger.engine.posted import Name, Period, Posted
from ledger.engine.state import Run
from ledger.engine.tiers import decide_tiers, every_tier_is_open
from ledger.retracted import RetractedClients
from ledger.sponsoring import Sponsoring
from projections.planning import days_of_month
from replay.rerun.memory import Changes, Memory

Lines = Mapping[tuple[str, str], Mapping[Period, Posted]]
"""What is posted for the periods of a client, by (client, partner)."""

Taken = dict[str, dict[str, bool]]
"""Partner -> client -> whether all of its periods are compared with what is posted."""


class MemoryRun:
    """Decides one run on a ledger in memory; each decision is appended as it is taken.

    It takes what changed since the run before, and what is due in its days. It may take too much,
    never too little: what has not changed brings no decision.
    """

    def __init__(self, memory: Memory, only: AbstractSet[str] | None = None) -> None:
        """``only``: of these partners; of all by default."""
        self._only = only
        ledger = memory.ledger
        assert ledger.open_run is not None
        self._memory, self._ledger = memory, ledger
        self._run: Run = ledger.open_run
        self._previous = ledger.open_run.previous or date.min
        self._changed, memory.changed = memory.changed, Changes()
        self._claims = Claims(ledger.programmes)
        self._on_invoices = ledger.programmes.on_invoices()
        invoices = memory.retracted_invoices() if self._on_invoices else ()
        self._replaced = replaced(invoices)
        # In memory nothing is read through a cursor.
        cursor = cast("Cursor[Any]", None)
        self._earnings = Earnings(ledger, self._run, memory, cursor, contests=self._claims.any)
        self._sponsoring = Sponsoring(ledger, self._run, memory, memory, cursor)

    def decide(self) -> None:
        """Decide the run, partner by partner."""
        taken, own = self._clients(), self._partners()
        partners = taken.keys() | own
        for partner_id in sorted(partners if self._only is None else partners & self._only):
            self._partner(partner_id, taken.get(partner_id, {}), is_own=partner_id in own)

    def _partner(self, partner_id: str, clients: dict[str, bool], *, is_own: bool) -> None:
        """Tiers, the clients' lines by id, then what the partner earns beside them."""
        memory, ledger, run = self._memory, self._ledger, self._run
        counts = memory.counts(partner_id)
        if is_own:
            memory.append(decide_tiers(ledger, run, memory.partner(partner_id), counts))
        partner = memory.partner(partner_id)
        accrual = PartnerAccrual(ledger, run, partner)
        for client_id in sorted(clients):
            account = self._account(client_id, partner_id, touched=clients[client_id])
            if account is not None:
                memory.append(list(accrual.lines(account)))
        evidence = Evidence(partner, counts, memory.rewarded_of(partner_id))
        if is_own:
            self._enter(partner_id, set(clients))
            for decisions in self._earnings.of(evidence):
                memory.append(decisions)
        active = self._sponsoring.active(partner, counts)
        if active is not None:
            memory.append(self._sponsoring.reward(partner, active, counts))
            of_this_run = not (is_own or self._sponsoring.has_news(partner))
            for shares in self._sponsoring.shares(partner, active, of_this_run=of_this_run):
                memory.append(shares)
        if is_own:
            memory.append(list(self._earnings.badges(evidence)))

    def _account(self, client_id: str, partner_id: str, *, touched: bool) -> Account | None:
        """A client as the run takes it for a partner, None if there is nothing to decide on it."""
        if not touched:
            return self._plain(client_id, partner_id, {}, touched=False)
        posted = self._memory.posted(client_id)
        account = self._plain(client_id, partner_id, posted, touched=True)
        if account is None:
            return None
        retracted = self._retracted(client_id, posted, account.payments)
        rivals: set[Name] = set()
        if client_id in retracted:
            rivals.update(self._in_force_after(client_id))
            partner = self._memory.partner(partner_id)
            account = retracted.compared(account, self._ledger, partner)
        for told in self._replaced.get(client_id, ()):
            rivals.update(self._in_force_after(told))
        return account._replace(rivals=rivals) if rivals else account

    def _in_force_after(self, client_id: str) -> dict[Name, Posted]:
        """What stays in force of a client's first lines that is not due, to any partner (D18.3)."""
        posted = self._memory.posted(client_id)
        payments = self._memory.payments(client_id) if self._on_invoices else ()
        retracted = self._retracted(client_id, posted, payments)
        held: dict[Name, Posted] = {}
        for _, partner_id in posted:
            account = self._plain(client_id, partner_id, posted, touched=True)
            if account is not None:
                partner = self._memory.partner(partner_id)
                accrual = PartnerAccrual(self._ledger, self._run, partner)
                compared = retracted.compared(account, self._ledger, partner)
                held |= accrual.in_force_after(compared)
        return held

    def _retracted(
        self, client_id: str, posted: Lines, payments: Sequence[Paid]
    ) -> RetractedClients:
        """What of a client was retracted, its payments included."""
        memory = self._memory
        by_invoice = posted if self._on_invoices else {}
        voided = [client_id] if memory.client(client_id).voided else []
        return RetractedClients(memory.folded, voided, by_invoice, {client_id: payments})

    def _plain(
        self,
        client_id: str,
        partner_id: str,
        posted: Lines,
        *,
        touched: bool,
    ) -> Account | None:
        """A client as it stands, whatever was retracted."""
        memory, client = self._memory, self._memory.client(client_id)
        standing = client.standing
        of_partner = posted.get((client_id, partner_id), {})
        if standing.first_activated_on is None and not of_partner:
            return None
        return Account(
            client_id=client_id,
            claimed_by=standing.partner_id,
            claim=standing.claim or 0,
            first_activated_on=standing.first_activated_on,
            terms={name: each.terms for name, each in client.subscriptions.items()},
            touched=touched,
            posted=of_partner,
            counted_on=standing.counted_on if standing.counted_by is None else None,
            claimed_on=memory.claimed_on(standing.claim),
            payments=memory.payments(client_id) if self._on_invoices and touched else (),
            assigned=memory.assigned(client, self._run.through),
        )

    # --- what is taken ---------------------------------------------------------------------------

    def _clients(self) -> Taken:
        """The clients whose standing or agreement changed, and those with a period due."""
        memory = self._memory
        touched = set(self._changed.clients)
        for partner_id in self._changed.agreements:
            touched |= memory.clients_of[partner_id] | memory.assigned_to[partner_id]
        touched |= memory.counted_from(replaces_otherwise_from(self._ledger))
        if self._on_invoices:
            touched |= self._changed.payments
            touched |= memory.paid_and_begun_from(pays_otherwise_from(self._ledger, self._run))
            for day in self._days(memory.paid_for, self._previous):
                touched |= memory.paid_for[day]
        found = dict.fromkeys(touched, True)
        for day_of_month in days_of_month(self._previous, self._run.through):
            for client_id in memory.due_on[day_of_month]:
                found.setdefault(client_id, False)
        taken: Taken = defaultdict(dict)
        for client_id, is_touched in found.items():
            for partner_id in self._payees(client_id, touched=is_touched):
                taken[partner_id][client_id] = is_touched
        return taken

    def _payees(self, client_id: str, *, touched: bool) -> set[str]:
        """Who holds a client on some day (D3.6), or has lines of it that are to be compared."""
        client = self._memory.client(client_id)
        payees = {each.partner_id for each in client.assignments} | {client.standing.partner_id}
        if touched:
            payees |= self._memory.payees_of[client_id]
        return {partner_id for partner_id in payees if partner_id is not None}

    def _partners(self) -> set[str]:
        """The partners whose tier can change, or whose counted clients earn them something."""
        memory, previous = self._memory, self._previous
        if every_tier_is_open(self._ledger, self._run):
            return set(memory.partners())
        found = set(self._changed.partners)
        for sponsor_id in self._changed.agreements:
            found |= memory.sponsored_by[sponsor_id]
        for day in self._days(memory.days_of_partners, previous):
            found |= memory.days_of_partners[day]
        # A review may be due to whoever has risen.
        return found | memory.risen

    def _enter(self, partner_id: str, clients: set[str]) -> None:
        """The clients of a partner that a contest may be about: new or changed ones."""
        memory = self._memory
        if self._claims.any:
            for day in self._days(memory.days_of_partners, self._previous):
                clients |= memory.counted_on(partner_id, day)
            memory.enter(partner_id, clients)

    def _days(self, known: dict[date, set[str]], first: date) -> Iterator[date]:
        """The days of an index from ``first`` to the day of the run."""
        through = self._run.through
        if (through - first).days > len(known):
            yield from (day for day in list(known) if first <= day <= through)
            return
        for ordinal in range(first.toordinal(), through.toordinal() + 1):
            day = date.fromordinal(ordinal)
            if day in known:
                yield day
