"""One client as a run recorded now would take it, with all that the run would decide it on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property

from psycopg import sql
from psycopg.rows import tuple_row

from events.base import Decision
from events.codec import decode_state
from events.lines import DifferenceUnresolved
from ledger.engine.commissions import Account, PartnerAccrual
from ledger.engine.invoices import Paid, picture_of, replaced
from ledger.engine.posted import Name, Period, Posted, PostedPeriods
from ledger.engine.state import Client, Invoice, Ledger, Partner, Run
from ledger.retracted import RetractedClients
from replay.as_of import AsOf, Replay
from replay.entities import ledger_at, streams_at

OfPartner = Mapping[Period, Posted]


class ClientAtHand:
    """A client by what was known at a place, and the run that would then be decided through a day.

    The run goes through the day asked for, or through L where that is later; it is only thought of.
    """

    def __init__(self, replay: Replay, client_id: str, day: date, at: AsOf) -> None:
        self._replay, self._day, self._at = replay, day, at
        self.client_id = client_id
        self.ledger: Ledger = ledger_at(replay, at)
        self.accrued_through = self.ledger.accrued_through
        through = max(day, self.accrued_through or day)
        self.run = Run(at.position, through, self.accrued_through, self.ledger.last_run)
        stream = f"client:{client_id}"
        found = streams_at(replay, at, [stream]).get(stream)
        self.client: Client | None = found if isinstance(found, Client) else None
        self.posted: Mapping[tuple[str, str], OfPartner] = self._lines()
        self.partners: Mapping[str, Partner] = self._partners()

    def holder(self, account: Account | None, day: date) -> Partner | None:
        """The partner that holds the client on a day (D3.6)."""
        held = account.held_on(day).partner_id if account is not None else None
        return self.partners[held] if held is not None else None

    def accrual(self, partner: Partner) -> PartnerAccrual:
        """What decides the lines of a partner, with the tiers decided so far."""
        return PartnerAccrual(self.ledger, self.run, partner)

    def account(self, partner_id: str | None) -> Account | None:
        """The client as the run takes it for a partner; None if it was never activated."""
        account = self._plain(partner_id)
        if account is None or partner_id is None:
            return account
        if self.client_id in self._retracted:
            partner = self.partners[partner_id]
            account = self._retracted.compared(account, self.ledger, partner)
        return account._replace(rivals=self.rivals.keys()) if self.rivals else account

    @cached_property
    def rivals(self) -> Mapping[Name, Posted]:
        """The first lines that keep others from being posted in their place (D18.3)."""
        held = self._in_force_after() if self.client_id in self._retracted else {}
        if self.ledger.programmes.on_invoices():
            for told in sorted(replaced(self.invoices).get(self.client_id, ())):
                hand = ClientAtHand(self._replay, told, self._day, self._at)
                held |= hand._in_force_after()
        return held

    def lines(self) -> Iterator[Decision]:
        """What the run would decide on the client's periods, for every partner that it may earn."""
        for partner_id in sorted(self.partners):
            account = self.account(partner_id)
            if account is not None:
                yield from self.accrual(self.partners[partner_id]).lines(account)

    @cached_property
    def opening(self) -> int | None:
        """The position of the ledger's opening, if it has a past (D8.3)."""
        if self.ledger.opened_on is None:
            return None
        query = sql.SQL(
            "SELECT position FROM {} WHERE originator_id = 'ledger' AND topic = 'ledger.opened/1'"
        ).format(self._replay.names.events)
        with self._replay.connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(query).fetchone()
        return row[0] if row is not None else None

    @cached_property
    def payments(self) -> Sequence[Paid]:
        """What the client paid, where a programme pays on invoices (D8.2)."""
        if not self.ledger.programmes.on_invoices():
            return ()
        return [
            paid
            for invoice in self.invoices
            for paid in picture_of(invoice).paid
            if paid.payment.client_id == self.client_id
        ]

    @cached_property
    def invoices(self) -> Sequence[Invoice]:
        """The invoices of which a payment or refund of the client was told."""
        query = sql.SQL(
            "SELECT DISTINCT originator_id FROM {} WHERE client_id = %s AND position <= %s"
            " AND topic IN ('invoice.paid/1', 'invoice.refunded/1') ORDER BY originator_id"
        ).format(self._replay.names.events)
        with self._replay.connection.cursor(row_factory=tuple_row) as cursor:
            rows = cursor.execute(query, (self.client_id, self._at.position)).fetchall()
        entities = self._folded([stream for (stream,) in rows])
        return [entity for entity in entities.values() if isinstance(entity, Invoice)]

    @cached_property
    def _retracted(self) -> RetractedClients:
        voided = [self.client_id] if self.client is not None and self.client.voided else []
        by_invoice = self.posted if self.ledger.programmes.on_invoices() else {}
        return RetractedClients(self._folded, voided, by_invoice, {self.client_id: self.payments})

    def _in_force_after(self) -> dict[Name, Posted]:
        """What stays in force of first lines that are not due, once the run has corrected them."""
        held: dict[Name, Posted] = {}
        for _, partner_id in self.posted:
            account = self._plain(partner_id)
            if account is not None:
                partner = self.partners[partner_id]
                compared = self._retracted.compared(account, self.ledger, partner)
                held |= self.accrual(partner).in_force_after(compared)
        return held

    def _plain(self, partner_id: str | None) -> Account | None:
        """The client as it stands, whatever was retracted."""
        client = self.client
        if client is None:
            return None
        standing, held = client.standing, client.attribution
        posted = self.posted.get((self.client_id, partner_id or ""), {})
        if standing.first_activated_on is None and not posted:
            return None
        of_days = {each.day: each for each in client.assignments}
        return Account(
            client_id=self.client_id,
            claimed_by=standing.partner_id,
            claim=standing.claim or 0,
            first_activated_on=standing.first_activated_on,
            terms={name: each.terms for name, each in client.subscriptions.items()},
            touched=True,
            posted=posted,
            counted_on=standing.counted_on if standing.counted_by is None else None,
            claimed_on=held.day if held is not None and held.claim == standing.claim else None,
            payments=self.payments,
            assigned=[of_days[day] for day in sorted(of_days)],
        )

    def _folded(self, streams: list[str]) -> Mapping[str, object]:
        return streams_at(self._replay, self._at, streams)

    def _partners(self) -> Mapping[str, Partner]:
        """Those that hold the client on some day, or have lines of it."""
        names = {partner_id for _, partner_id in self.posted}
        if self.client is not None:
            assigned = {each.partner_id for each in self.client.assignments}
            names |= {
                each for each in (self.client.standing.partner_id, *assigned) if each is not None
            }
        entities = self._folded([f"partner:{name}" for name in names])
        found = {e.partner_id: e for e in entities.values() if isinstance(e, Partner)}
        return {name: found.get(name) or Partner(name) for name in names}

    def _lines(self) -> Mapping[tuple[str, str], OfPartner]:
        query = sql.SQL(
            "SELECT position, topic, state FROM {} WHERE client_id = %s AND position <= %s"
            " AND (kind IS NOT NULL OR topic = %s) ORDER BY position"
        ).format(self._replay.names.events)
        values = (self.client_id, self._at.position, DifferenceUnresolved.topic())
        posted = PostedPeriods()
        with self._replay.connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            for position, topic, state in cursor.execute(query, values):
                posted.fold(position, decode_state(topic, state))
        return posted.by_account
