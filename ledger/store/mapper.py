"""Between events and rows: the typed columns of each event, and what a stored row says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import cache

from events.base import Event
from events.codec import content_hash, encode
from events.course import PartnerAccrued
from events.envelope import Message
from events.lines import (
    AdjustmentPosted,
    Line,
    PrizePosted,
)
from events.payout_decisions import (
    PaymentBooked,
    PayoutClosed,
    PayoutInitiated,
    WholesaleBooked,
)
from ledger.store.rows import Row

Money = tuple[str | None, str | None, int | None, int | None, int | None, date | None]
"""The columns kind, currency, amount, in_flight, tax, posting_day."""

NO_MONEY: Money = (None, None, None, None, None, None)

OWN_SOURCE = ""
"""The source of the ledger's own keys: a message has one of at least a character, so none can take
a key that a run needs."""


def fact_row(message: Message, stream: str, day: date) -> Row:
    """The row of a fact in its stream; ``day`` is its day in the ledger's zone."""
    members = message.data.__dict__
    return Row(
        stream,
        message.topic,
        message.state,
        message.effective_at,
        day,
        message.source,
        message.id,
        members.get("partner_id"),
        members.get("client_id"),
        *NO_MONEY,
        message.content,
    )


def event_row(event: Event, day: date, effective_at: datetime) -> Row:
    """The row of a command or a decision that names ``day``, which starts at ``effective_at``."""
    topic, state = event.topic(), encode(event)
    source = event_id = None
    if type(event) is PartnerAccrued:
        source, event_id = OWN_SOURCE, f"{event.run}/{event.partner_id}/{event.part}"
    return Row(
        event.stream,
        topic,
        state,
        effective_at,
        day,
        source,
        event_id,
        event.__dict__.get("partner_id"),
        event.__dict__.get("client_id"),
        *money_of(event),
        content_hash(topic, state, effective_at, source, event_id),
    )


def money_of(event: Event) -> Money:
    """The money columns of an event; all None if it moves none and shows none."""
    columns = _columns_of(type(event))
    return NO_MONEY if columns is None else columns(event)


@cache
def _columns_of(cls: type[Event]) -> Callable[..., Money] | None:
    return next((_MONEY[base] for base in cls.__mro__ if base in _MONEY), None)


def _line(line: Line) -> Money:
    return (line.kind, line.currency, line.amount, None, None, line.posting_date)


def _prize(line: PrizePosted) -> Money:
    kind = "prize" if line.cash else "prize_in_kind"
    return (kind, line.currency, line.amount, None, None, line.posting_date)


def _adjustment(line: AdjustmentPosted) -> Money:
    kind = "adjustment"
    if line.of_margin:
        kind = "margin_adjustment"
    elif line.rule == "D8.3":
        kind = "opening"
    return (kind, line.currency, line.amount, None, None, line.posting_date)


def _initiated(payout: PayoutInitiated) -> Money:
    amount = payout.amount
    return ("payout_initiated", payout.currency, amount, amount, None, payout.posting_date)


def _closed(payout: PayoutClosed) -> Money:
    sign = -1 if payout.outcome == "returned" else 1
    return (
        f"payout_{payout.outcome}",
        payout.currency,
        sign * payout.paid,
        -payout.initiated,
        sign * payout.tax,
        payout.posting_date,
    )


def _payment(payment: PaymentBooked) -> Money:
    if payment.currency is None:
        return NO_MONEY
    return ("payment", payment.currency, payment.paid, None, payment.tax, payment.posting_date)


def _wholesale(paid: WholesaleBooked) -> Money:
    return ("wholesale", paid.currency, paid.amount, None, None, paid.posting_date)


_MONEY: dict[type, Callable[..., Money]] = {
    Line: _line,
    PrizePosted: _prize,
    AdjustmentPosted: _adjustment,
    PayoutInitiated: _initiated,
    PayoutClosed: _closed,
    PaymentBooked: _payment,
    WholesaleBooked: _wholesale,
}
