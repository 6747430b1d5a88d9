"""The accounts that an accrual run decides on: partners and clients as of its own position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

from psycopg import Cursor, sql

from events.codec import decode_state
from events.lines import BonusPosted, DifferenceUnresolved
from events.partner_decisions import BadgeAwarded, TierChanged
from ledger.engine.calendar import ONE_DAY
from ledger.engine.commissions import Account
from ledger.engine.counted import Counts, Rewarded
from ledger.engine.evolve import evolve
from ledger.engine.invoices import Paid, Replaced, picture_of
from ledger.engine.posted import Period, Posted, PostedPeriods
from ledger.engine.state import Client, Invoice, Ledger, Partner, Run
from ledger.entities import Entities
from ledger.ports import Candidate, ReadModels
from ledger.retracted import RetractedClients

_REWARDED = """
SELECT wanted, found.topic, found.day, (said.state ->> 'ordinal')::int, said.state ->> 'badge'
FROM unnest(%(partners)s::text[]) AS wanted
CROSS JOIN LATERAL (
    SELECT topic, day, state, position
    FROM {table}
    WHERE partner_id = wanted
        AND topic IN ('BonusPosted/1', 'BonusDeclined/1', 'BadgeAwarded/1')
    OFFSET 0
) AS found
CROSS JOIN LATERAL (SELECT convert_from(found.state, 'UTF8')::jsonb OFFSET 0) AS said (state)
ORDER BY found.position
"""


_NOTHING: Mapping[Period, Posted] = MappingProxyType({})


class Asked(NamedTuple):
    """What a run asks of clients, since a rule or what is recorded may need it.

    The days of their claims; what they paid; finance's assignments; by whom payments count that
    were retracted before. The ledger is the run's.
    """

    ledger: Ledger
    claimed_days: bool
    on_invoices: bool
    assigned: bool
    replaced: Replaced


class Page:
    """What a page of candidates reads beside itself, loaded at once for all of it."""

    def __init__(
        self,
        entities: Entities,
        models: ReadModels,
        run: Run,
        cursor: Cursor[Any],
        page: Sequence[Candidate],
        asked: Asked,
    ) -> None:
        self._entities, self._models, self._run, self._cursor = entities, models, run, cursor
        self._table = entities.table
        names = sorted({candidate.partner_id for candidate in page})
        self._partners = self._load_partners(names)
        own = [c.partner_id for c in page if not c.client_id]
        self._counts = models.counts(cursor, run, own) if own else {}
        self._rewarded = self._load_rewarded(own)
        moved = [f"client:{c.client_id}" for c in page if c.client_id and c.moved]
        self._moved = self._fold(moved)
        self._posted = self._load_posted([c for c in page if c.client_id and c.touched])
        self._load_rivals(names)
        self._claimed = self._load_claimed(page) if asked.claimed_days else {}
        clients = [c.client_id for c in page if c.client_id]
        self._assigned = (
            models.assignments(cursor, run, clients) if asked.assigned and clients else {}
        )
        self._payments = {
            touched: self._load_payments(page, touched=touched) if asked.on_invoices else {}
            for touched in (True, False)
        }
        retracted = [c.client_id for c in page if c.touched and self._is_retracted(c)]
        by_invoice = self._posted if asked.on_invoices else {}
        self._retracted = RetractedClients(self._fold, retracted, by_invoice, self._payments[True])
        self._ledger, self._replaced = asked.ledger, asked.replaced
        self._told_of = self._load_told_of(page, asked) if asked.replaced else None

    def partner(self, partner_id: str) -> Partner:
        """A partner as of the run, with the tiers that the run has decided already."""
        return self._partners.get(partner_id) or Partner(partner_id)

    def counts(self, partner_id: str) -> Counts:
        """A partner's counted clients as of the run."""
        return Counts(self._counts.get(partner_id, {}))

    def rewarded(self, partner_id: str) -> Rewarded:
        """What a partner was given or refused for its counted clients, by this run too."""
        return self._rewarded.get(partner_id) or Rewarded()

    def account(self, candidate: Candidate) -> Account | None:
        """A client as the run takes it, None if as of the run there is nothing to decide on it."""
        (
            partner_id, client_id, touched, settled, moved,
            claim, first, counted_on, claimed_by, _, terms,
        ) = candidate  # fmt: skip
        if moved:
            client = self._moved.get(f"client:{client_id}")
            if not isinstance(client, Client):
                return None
            standing = client.standing
            claim, first = standing.claim or 0, standing.first_activated_on
            terms = {name: sub.terms for name, sub in client.subscriptions.items()}
            claimed_by = standing.partner_id
            counted_on = standing.counted_on if standing.counted_by is None else None
        posted = self._posted.get((client_id, partner_id), _NOTHING) if touched else _NOTHING
        if first is None and not posted:
            return None
        account = Account(
            client_id,
            claimed_by,
            claim,
            first,
            terms,
            touched,
            posted,
            counted_on,
            self._claimed.get(claim),
            self._payments[touched].get(client_id, ()),
            self._assigned.get(client_id, ()),
            settled,
        )
        if touched and client_id in self._retracted:
            return self._retracted.compared(account, self._ledger, self.partner(partner_id))
        return account

    def rivals(self, candidate: Candidate) -> list[tuple[Partner, Account]]:
        """Whose first lines may be in force in the place of a client's (D18.3).

        Only a retraction takes a period from one partner and gives it to another (D9.5), or a
        payment from one period and gives it to another, of the same client or not (D8.2).
        """
        found: list[tuple[Partner, Account]] = []
        if self._told_of is not None:
            for client_id in sorted(self._replaced.get(candidate.client_id, ())):
                found += self._told_of.rivals(_with_all_lines(client_id))
        if not candidate.touched or candidate.client_id not in self._retracted:
            return found
        for client_id, partner_id in self._posted:
            if client_id == candidate.client_id and partner_id != candidate.partner_id:
                account = self.account(candidate._replace(partner_id=partner_id))
                if account is not None:
                    found.append((self.partner(partner_id), account))
        return found

    def _is_retracted(self, candidate: Candidate) -> bool:
        if not candidate.moved:
            return candidate.retracted
        client = self._moved.get(f"client:{candidate.client_id}")
        return isinstance(client, Client) and bool(client.voided)

    def _load_rivals(self, names: Sequence[str]) -> None:
        """The partners with lines of a client of the page that are not of the page themselves."""
        others = {partner_id for _, partner_id in self._posted}.difference(names)
        if others:
            self._partners |= self._load_partners(sorted(others))

    def _load_told_of(self, page: Sequence[Candidate], asked: Asked) -> Page | None:
        """The clients whose payments were retracted, and count by clients of the page."""
        told = {name for c in page for name in asked.replaced.get(c.client_id, ())}
        if not told:
            return None
        candidates = [_with_all_lines(client_id) for client_id in sorted(told)]
        asked = asked._replace(replaced={})
        return Page(self._entities, self._models, self._run, self._cursor, candidates, asked)

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

    def _load_rewarded(self, partners: list[str]) -> dict[str, Rewarded]:
        if not partners:
            return {}
        self._cursor.execute(
            sql.SQL(_REWARDED).format(table=self._table), {"partners": partners}, prepare=False
        )
        paid: dict[str, set[int]] = {}
        declined: dict[str, dict[int, date]] = {}
        badges: dict[str, set[str]] = {}
        for partner_id, topic, day, ordinal, badge in self._cursor:
            if topic == BadgeAwarded.topic():
                badges.setdefault(partner_id, set()).add(badge)
            elif topic == BonusPosted.topic():
                paid.setdefault(partner_id, set()).add(ordinal)
            else:
                declined.setdefault(partner_id, {})[ordinal] = day
        return {
            name: Rewarded(
                frozenset(paid.get(name, ())),
                declined.get(name, {}),
                frozenset(badges.get(name, ())),
            )
            for name in paid.keys() | declined.keys() | badges.keys()
        }

    def _load_claimed(self, page: Sequence[Candidate]) -> dict[int, date]:
        """The days of the winning claims of the clients of a page."""
        claims = [c.claim for c in page if c.client_id and c.claim]
        claims += [e.standing.claim or 0 for e in self._moved.values() if isinstance(e, Client)]
        self._cursor.execute(
            sql.SQL("SELECT position, day FROM {} WHERE position = ANY(%s)").format(self._table),
            (claims,),
        )
        return dict(self._cursor.fetchall())

    def _load_payments(self, page: Sequence[Candidate], *, touched: bool) -> dict[str, list[Paid]]:
        """What the clients paid, as of the run (D8.2): all of it, or what no run can have seen.

        Of a client that two hold, one's periods may be compared and the other's not.
        """
        clients = {c.client_id for c in page if c.client_id and c.touched is touched}
        if not clients:
            return {}
        wanted = (sorted(clients), ()) if touched else ((), sorted(clients))
        payments, moved = self._models.payments(self._cursor, self._run, *wanted)
        invoices = self._fold(sorted({f"invoice:{paid.payment.invoice_id}" for paid in moved}))
        for later in moved:
            invoice = invoices.get(f"invoice:{later.payment.invoice_id}")
            assert isinstance(invoice, Invoice)
            payments.setdefault(later.payment.client_id, []).extend(
                paid
                for paid in picture_of(invoice).paid
                if paid.payment.position == later.payment.position
            )
        return payments

    def _load_posted(
        self, touched: Sequence[Candidate]
    ) -> dict[tuple[str, str], dict[Period, Posted]]:
        """What is posted for the periods of touched clients that are compared, from their lines."""
        since = self._compared_since(touched)
        if not since:
            return {}
        self._cursor.execute(
            # What finance adjusted may have another day than the line that it names.
            sql.SQL(
                "SELECT position, topic, state"
                " FROM unnest(%(clients)s::text[], %(since)s::date[]) AS wanted (client_id, since)"
                " CROSS JOIN LATERAL ("
                "SELECT position, topic, state FROM {table}"
                " WHERE client_id = wanted.client_id AND kind IS NOT NULL"
                " AND (day >= wanted.since OR kind IN ('adjustment', 'margin_adjustment'))"
                " UNION ALL SELECT position, topic, state FROM {table}"
                " WHERE originator_id = 'client:' || wanted.client_id AND topic = %(listed)s"
                " OFFSET 0) AS found ORDER BY position"
            ).format(table=self._table),
            {
                "clients": sorted(since),
                "since": [since[name] for name in sorted(since)],
                "listed": DifferenceUnresolved.topic(),
            },
            prepare=False,
        )
        posted = PostedPeriods()
        for position, topic, state in self._cursor.fetchall():
            posted.fold(position, decode_state(topic, state))
        return posted.by_account

    def _compared_since(self, touched: Sequence[Candidate]) -> dict[str, date]:
        """The clients of which posted periods are compared, each with the first S compared."""
        since: dict[str, date] = {}
        for candidate in touched:
            settled = candidate.settled_through
            # Nothing is posted for a day after L.
            if self._is_new(candidate) or (settled is not None and settled == self._run.previous):
                continue
            first = date.min if settled is None else settled + ONE_DAY
            name = candidate.client_id
            since[name] = min(first, since.get(name, first))
        return since

    def _is_new(self, candidate: Candidate) -> bool:
        """Whether a client can have no line: there was no run before."""
        return not self._run.previous_run and not candidate.moved


def _with_all_lines(client_id: str) -> Candidate:
    """A client that may be none of the run's: folded, and compared for whoever has lines of it."""
    return Candidate(
        partner_id="",
        client_id=client_id,
        touched=True,
        settled_through=None,
        moved=True,
        claim=0,
        first_activated_on=None,
        counted_on=None,
        claimed_by=None,
        retracted=False,
        terms={},
    )
