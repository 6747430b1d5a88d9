"""A ledger written by hand: events in, rows through the recorder, projections merged in step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from eventsourcing.postgres import PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from events.base import Event, Fact
from events.billing import InvoicePaid
from events.codec import content_hash, encode
from events.decisions import ClientStanding, PaymentStanding, Standing, SubscriptionChange, Term
from events.envelope import Message
from events.finance import ProgrammeAdopted
from events.lines import CommissionPosted
from events.partner_decisions import TierChanged
from events.values import TierName
from ledger.engine.calendar import day_of, start_of
from ledger.store.mapper import event_row, fact_row
from ledger.store.recorder import Appended, LedgerRecorder
from ledger.store.rows import Row
from projections import Projector

VERSION = "izyinbox/1"
PARIS = ZoneInfo("Europe/Paris")


class Journal:
    """Appends what it is told, one batch an ``append``; ``position`` is the ledger's last."""

    def __init__(self, recorder: LedgerRecorder, projector: Projector | None) -> None:
        self.recorder = recorder
        self.projector = projector
        self.position = 0
        self._rows: list[Row] = []

    def tell(self, fact: Fact, at: datetime, id_: str | None = None) -> int:
        """Stage a fact; returns the position that it will have."""
        source, id_ = "/billing", id_ or f"m{self.position + len(self._rows) + 1}"
        state, topic = encode(fact), fact.topic()
        content = content_hash(topic, state, at, source, id_)
        message = Message(source, id_, topic, at, fact, state, content)
        return self._stage(fact_row(message, message.data.stream, day_of(at, PARIS)))

    def decide(self, event: Event, day: date) -> int:
        """Stage a decision or command of a day; returns the position that it will have."""
        return self._stage(event_row(event, day, start_of(day, PARIS)))

    def _stage(self, row: Row) -> int:
        self._rows.append(row)
        return self.position + len(self._rows)

    def append(self) -> Appended:
        """Append what was staged, in one transaction with the projections."""
        rows, self._rows = self._rows, []
        with self.recorder.datastore.transaction(commit=True) as cursor:
            appended = self.recorder.append(cursor, rows, expected_head=None)
            if self.projector is not None:
                self.projector.merge(
                    cursor, appended.first - 1, appended.last, {row.topic for row in rows}
                )
        self.position = appended.last
        return appended


@contextmanager
def open_journal(url: str, projector: Projector | None) -> Iterator[Journal]:
    """Open a journal on a database with the ledger's schema."""
    found = conninfo_to_dict(url)
    datastore = PostgresDatastore(
        dbname=str(found["dbname"]),
        host=str(found.get("host", "")),
        port=str(found.get("port", "5432")),
        user=str(found.get("user", "")),
        password=str(found.get("password") or ""),
        schema="ledger",
        originator_id_type="text",
        pool_size=1,
    )
    try:
        recorder = LedgerRecorder(
            datastore, events_table_name="events", tracking_table_name="tracking"
        )
        yield Journal(recorder, projector)
    finally:
        datastore.close()


def programme() -> ProgrammeAdopted:
    """The first programme of a ledger, which also fixes its time zone."""
    return ProgrammeAdopted(
        programme="izyinbox",
        number=1,
        document={},
        sha256="0" * 64,
        time_zone="Europe/Paris",
        operator="tests",
    )


def term(start: date, price: int = 5900, end: date | None = None, fact: int = 1) -> Term:
    """A monthly term in euros from a day on."""
    return Term(
        start=start,
        end=end,
        anchor=start,
        interval="month",
        plan="solo",
        price=price,
        currency="EUR",
        activation=fact,
        price_fact=fact,
    )


def standing(
    client_id: str,
    after: Standing,
    day: date,
    *,
    fact: int = 1,
    changes: Sequence[SubscriptionChange] = (),
) -> ClientStanding:
    """How a client stands after a fact."""
    return ClientStanding(
        rule="D4.5",
        day=day,
        fact=fact,
        client_id=client_id,
        before=Standing(),
        after=after,
        subscriptions=tuple(changes),
    )


def activated(
    partner_id: str | None, day: date, *, claim: int | None = None, counted: bool = True
) -> Standing:
    """A client that was activated on a day, at noon UTC."""
    return Standing(
        partner_id=partner_id,
        claim=claim,
        first_activated_on=day,
        first_activated_at=datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
        counted_on=day if counted else None,
    )


def paid(
    client_id: str, invoice_id: str, day: date, amount: int, payment_id: str | None = None
) -> InvoicePaid:
    """A payment, in euros, of an invoice for a period of a client."""
    return InvoicePaid(
        client_id=client_id,
        invoice_id=invoice_id,
        payment_id=payment_id,
        net_amount=amount,
        currency="EUR",
        period_start=day,
    )


def payment_standing(
    client_id: str, invoice_id: str, day: date, before: int, after: int, *, payment: int
) -> PaymentStanding:
    """What the payment at a position is worth after a refund right behind it."""
    return PaymentStanding(
        rule="D8.2",
        day=day,
        payment=payment,
        fact=payment + 1,
        client_id=client_id,
        subscription_id=client_id,
        invoice_id=invoice_id,
        period_start=day,
        currency="EUR",
        before=before,
        after=after,
        refunds=(payment + 1,),
    )


def commission(
    partner_id: str, client_id: str, day: date, amount: int, **other: object
) -> CommissionPosted:
    """A first line of a monthly period, at 20 % of five times its amount, but for ``other``."""
    line = CommissionPosted(
        rule="D7",
        programme_version=VERSION,
        day=day,
        partner_id=partner_id,
        posting_date=day,
        amount=amount,
        currency="EUR",
        facts=(1,),
        run=1,
        client_id=client_id,
        subscription_id=client_id,
        service_end=day + timedelta(days=27),
        interval="month",
        client_year=1,
        tier="referent",
        base=amount * 5,
        rate=Decimal("0.20"),
    )
    return line.model_copy(update=other)


def tier(
    partner_id: str, to_tier: TierName, day: date, from_tier: TierName | None = None
) -> TierChanged:
    """A partner's tier from a day on."""
    return TierChanged(
        rule="D6",
        programme_version=VERSION,
        day=day,
        partner_id=partner_id,
        from_tier=from_tier,
        to_tier=to_tier,
        cause="enrolment" if from_tier is None else "promotion",
    )


def fetch(connection: Any, query: str) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    rows: list[tuple[Any, ...]] = connection.execute(query).fetchall()
    return rows
