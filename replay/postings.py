"""The double entry of each event, from its own words (D17): what the trial balance must sum to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from events.base import Event
from events.lines import AdjustmentPosted, ClawbackWaived, Line, MarginPosted, PrizePosted
from events.partners import WholesaleSettled
from events.payout_decisions import PaymentBooked, PayoutClosed, PayoutInitiated


class Posting(NamedTuple):
    """An amount in minor units, debited to an account, or credited if it is below 0."""

    account: str
    currency: str
    amount: int


def postings_of(event: Event) -> Iterator[Posting]:
    """The postings of one event; they sum to 0. None for what moves no money."""
    match event:
        case Line():
            yield from _line(event)
        case WholesaleSettled():
            yield from _entry(event, "bank", "partner_receivable", event.amount)
        case PayoutInitiated():
            yield from _entry(event, "partner_payable", "payouts_in_flight", event.amount)
        case PaymentBooked():
            if event.currency is not None:
                yield Posting("partner_payable", event.currency, event.paid)
                yield Posting("input_vat", event.currency, event.tax)
                yield Posting("bank", event.currency, -event.paid - event.tax)
        case PayoutClosed():
            yield from _closed(event)


def _line(line: Line) -> Iterator[Posting]:
    match line:
        case PrizePosted(cash=False) | ClawbackWaived():
            return
        case MarginPosted():
            yield from _entry(line, "partner_receivable", "wholesale_revenue", _wholesale(line))
        case AdjustmentPosted(of_margin=True):
            yield from _entry(line, "wholesale_revenue", "partner_receivable", _wholesale(line))
        case AdjustmentPosted(reason="opening"):
            yield from _entry(line, "opening_balance", "partner_payable", line.amount)
        case _:
            yield from _entry(line, "commission_expense", "partner_payable", line.amount)


def _entry(
    event: Line | WholesaleSettled | PayoutInitiated, debit: str, credit: str, amount: int
) -> Iterator[Posting]:
    yield Posting(debit, event.currency, amount)
    yield Posting(credit, event.currency, -amount)


def _wholesale(event: MarginPosted | AdjustmentPosted) -> int:
    """Base less margin; a take-back shows the base taken back, and its amount is below 0."""
    base = event.base or 0
    return base - event.amount if isinstance(event, MarginPosted) else base + event.amount


def _closed(event: PayoutClosed) -> Iterator[Posting]:
    """A failure gives back what was in flight; a return what was paid, with its VAT."""
    currency, paid, tax = event.currency, event.paid, event.tax
    if event.outcome == "failed":
        yield Posting("payouts_in_flight", currency, event.initiated)
        yield Posting("partner_payable", currency, -event.initiated)
        return
    if event.outcome == "returned":
        paid, tax = -paid, -tax
    yield Posting("payouts_in_flight", currency, event.initiated)
    yield Posting("partner_payable", currency, paid - event.initiated)
    yield Posting("input_vat", currency, tax)
    yield Posting("bank", currency, -paid - tax)
