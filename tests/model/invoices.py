"""Invoices of the model: what clients paid, less what they got back (D8.2).

Readings:

- An invoice without a payment id and a payment of it that is named are two things.
- Refunds that name a payment are taken off first, then those that name none, whatever their order
  of recording: between two runs it must not matter (D18.8). What exceeds the payments is lost.
- A refund that names a payment which is not on record has no effect until it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from events.billing import InvoicePaid, InvoiceRefunded
from tests.model.seen import Seen, of_type


@dataclass(frozen=True)
class Payment:
    """A payment that counts, with what is left of it in minor units."""

    key: tuple[str, ...]
    client_id: str
    subscription_id: str
    start: date
    amount: int
    currency: str
    facts: tuple[int, ...]


def payments(facts: list[Seen]) -> list[Payment]:
    """All payments that count, in recording order, less their refunds."""
    found: dict[tuple[str, ...], Payment] = {}
    for seen, data in of_type(facts, InvoicePaid):
        payment = Payment(
            _key(data),
            data.client_id,
            data.subscription_id,
            data.period_start,
            data.net_amount,
            data.currency,
            (seen.position,),
        )
        found.setdefault(payment.key, payment)
    refunds = of_type(facts, InvoiceRefunded)
    for is_named in (True, False):
        for seen, refund in refunds:
            if (refund.payment_id is not None) == is_named:
                _take_off(found, refund, seen)
    return list(found.values())


def _take_off(found: dict[tuple[str, ...], Payment], refund: InvoiceRefunded, seen: Seen) -> None:
    """Lower the payments that a refund is of, none below 0."""
    left = refund.net_amount
    for payment in _refunded(list(found.values()), refund):
        off = min(left, payment.amount)
        left -= off
        found[payment.key] = replace(
            payment, amount=payment.amount - off, facts=(*payment.facts, seen.position)
        )


def _refunded(found: list[Payment], refund: InvoiceRefunded) -> list[Payment]:
    """The payments that a refund can lower."""
    return [
        payment
        for payment in found
        if payment.key[0] == refund.invoice_id
        and (refund.payment_id is None or payment.key == _key(refund))
        and (payment.client_id, payment.currency) == (refund.client_id, refund.currency)
    ]


def _key(data: InvoicePaid | InvoiceRefunded) -> tuple[str, ...]:
    return (data.invoice_id,) if data.payment_id is None else (data.invoice_id, data.payment_id)


def without_effect(facts: list[Seen]) -> set[str]:
    """The ids of payments that others came before, and of refunds that lower nothing."""
    counting = {payment.facts[0] for payment in payments(facts)}
    idle = {
        seen.message.id for seen, _ in of_type(facts, InvoicePaid) if seen.position not in counting
    }
    return idle | {
        seen.message.id
        for seen, refund in of_type(facts, InvoiceRefunded)
        if not _refunded(payments(facts), refund)
    }
