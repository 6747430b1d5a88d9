"""Invoices: which payments count, what each is worth after refunds, and what waits (D8.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from typing import NamedTuple

from events.billing import InvoicePaid, InvoiceRefunded
from events.decisions import FactResolved, FactUnresolved, PaymentStanding
from events.recorded import Recorded
from events.values import Interval
from ledger.engine.calendar import MONTHS, add_months
from ledger.engine.draft import Draft
from ledger.engine.posted import Period
from ledger.engine.state import Invoice, Payment, Refund, invoice_of
from ledger.engine.subscriptions import Priced

RULE = "D8.2"

Replaced = Mapping[str, AbstractSet[str]]
"""Clients by whom a payment counts that was retracted before: by client, whose it was then."""


class Paid(NamedTuple):
    """A payment that counts: its net amount after refunds, in minor units, and those refunds."""

    payment: Payment
    net: int
    refunds: tuple[int, ...] = ()


class Picture(NamedTuple):
    """What all facts about an invoice come to.

    ``paid`` in recording order; ``idle`` are the facts without effect: position -> reason.
    """

    paid: tuple[Paid, ...]
    idle: dict[int, str]


def picture_of(invoice: Invoice, through: int | None = None) -> Picture:
    """Which payments of an invoice count and what each is worth, by the facts up to a position.

    Of one payment the first recorded counts. A refund lowers the payment that it names, one that
    names none lowers what the others leave of the payments in recording order, none below 0: so
    the order in which refunds and payments are told changes nothing but which payment is first.
    """
    counting: dict[str | None, Payment] = {}
    idle: dict[int, str] = {}
    invoice = _as_of(invoice, through)
    for payment in invoice.payments:
        if counting.setdefault(payment.payment_id, payment) is not payment:
            idle[payment.position] = "already_paid"
    paid = [Paid(payment, payment.amount) for payment in counting.values()]
    for refund in sorted(invoice.refunds, key=_named_first):
        reason = _why_not(refund, counting)
        if reason is not None:
            idle[refund.position] = reason
            continue
        left = refund.amount
        for n, one in enumerate(paid):
            if left and _lowers(refund, one.payment):
                taken = min(left, one.net)
                left -= taken
                if taken:
                    paid[n] = Paid(one.payment, one.net - taken, (*one.refunds, refund.position))
    return Picture(tuple(paid), idle)


def paid_for(payment: Payment) -> Period:
    """The period that a payment is for."""
    invoice_id, payment_id = payment.invoice_id, payment.payment_id or ""
    return payment.subscription_id, payment.period_start, invoice_id, payment_id


def period_of_payment(start: date, terms: Sequence[Priced]) -> tuple[date, Interval]:
    """The last day of the period that a payment is for, and its interval.

    That of the subscription's term in force on its first day; where none is, a month.
    """
    interval: Interval = "month"
    for term in terms:
        if term.start <= start and (term.end is None or start < term.end):
            interval = term.interval
    following = add_months(start, MONTHS[interval])
    return date.fromordinal(max(start.toordinal(), following.toordinal() - 1)), interval


def answer_invoice(draft: Draft, event: Recorded, fact: InvoicePaid | InvoiceRefunded) -> None:
    """Record what a payment or a refund changes in what the payments of its invoice are worth.

    A payment that nothing lowers brings no decision: its fact says it all.
    """
    invoice = invoice_of(draft.state, fact.invoice_id)
    _record_standing(draft, event, invoice, picture_of(invoice, event.position - 1))


def retract_of_invoice(draft: Draft, event: Recorded, before: Invoice) -> None:
    """Record what a retraction changes; of one payment the next that was told counts now (D9.5).

    ``before`` is the invoice with the fact.
    """
    invoice = invoice_of(draft.state, before.invoice_id)
    was = picture_of(before)
    _record_standing(draft, event, invoice, was)
    counting = {paid.payment.payment_id for paid in picture_of(invoice).paid}
    for paid in was.paid:
        if paid.payment.payment_id not in counting:
            _emit_standing(draft, event, Paid(paid.payment, 0), paid.net, gone=True)


def unretracted(invoice: Invoice) -> Invoice:
    """The invoice as if nothing of it had been retracted: what U rests on (D9.5)."""
    return invoice._replace(voided={})


def replaced(invoices: Iterable[Invoice]) -> Replaced:
    """Whose payments count in the place of retracted ones, and whose those were: seldom others.

    The first line of a retracted payment may be in force still, then it is the payment's (D18.3).
    """
    found: dict[str, set[str]] = {}
    for invoice in invoices:
        if not invoice.voided:
            continue
        for paid in picture_of(invoice).paid:
            payment = paid.payment
            before = {
                other.client_id
                for other in invoice.payments
                if other.position in invoice.voided and other.payment_id == payment.payment_id
            }
            if before:
                found.setdefault(payment.client_id, set()).update(before)
    return found


def _as_of(invoice: Invoice, through: int | None) -> Invoice:
    """The facts up to a position that are not retracted."""
    if through is None and not invoice.voided:
        return invoice

    def counts(position: int) -> bool:
        return position not in invoice.voided and (through is None or position <= through)

    return invoice._replace(
        payments=tuple(payment for payment in invoice.payments if counts(payment.position)),
        refunds=tuple(refund for refund in invoice.refunds if counts(refund.position)),
    )


def _record_standing(draft: Draft, event: Recorded, invoice: Invoice, was: Picture) -> None:
    """Record each payment that is worth another amount now, by other refunds, or took a place."""
    now = picture_of(invoice)
    before = {paid.payment.position: paid for paid in was.paid}
    replaced = {p.payment_id for p in invoice.payments if p.position in invoice.voided}
    for paid in now.paid:
        payment = paid.payment
        known = before.get(payment.position)
        then = known or Paid(payment, payment.amount)
        is_changed = then.net != paid.net or set(then.refunds) != set(paid.refunds)
        if is_changed or (known is None and payment.payment_id in replaced):
            _emit_standing(draft, event, paid, then.net)
    _record_unresolved(draft, event, invoice, now.idle)


def _emit_standing(
    draft: Draft, event: Recorded, paid: Paid, before: int, *, gone: bool = False
) -> None:
    payment = paid.payment
    draft.emit(
        PaymentStanding(
            rule=RULE,
            day=event.day,
            payment=payment.position,
            fact=event.position,
            client_id=payment.client_id,
            subscription_id=payment.subscription_id,
            invoice_id=payment.invoice_id,
            payment_id=payment.payment_id,
            period_start=payment.period_start,
            currency=payment.currency,
            before=before,
            after=paid.net,
            refunds=tuple(sorted(paid.refunds)),
            gone=True if gone else None,
        )
    )


def _record_unresolved(
    draft: Draft, event: Recorded, invoice: Invoice, idle: dict[int, str]
) -> None:
    """List the facts that have no effect now, with why, and take off those that have one."""
    about = f"invoice:{invoice.invoice_id}"
    clients = {payment.position: payment.client_id for payment in invoice.payments}
    clients |= {refund.position: refund.client_id for refund in invoice.refunds}
    for position, reason in sorted(idle.items()):
        day, listed = invoice.unresolved.get(position, (event.day, None))
        if reason != listed:
            draft.emit(
                FactUnresolved(
                    fact=position,
                    about=about,
                    reason=reason,
                    client_id=clients[position],
                    day=day,
                )
            )
    for position, (day, _) in sorted(invoice.unresolved.items()):
        if position not in idle:
            draft.emit(
                FactResolved(fact=position, about=about, client_id=clients[position], day=day)
            )


def _named_first(refund: Refund) -> tuple[bool, int]:
    return refund.payment_id is None, refund.position


def _lowers(refund: Refund, payment: Payment) -> bool:
    return (
        refund.payment_id in {None, payment.payment_id}
        and refund.client_id == payment.client_id
        and refund.currency == payment.currency
    )


def _why_not(refund: Refund, counting: dict[str | None, Payment]) -> str | None:
    """Why a refund lowers no payment that is known, None if it can lower one."""
    named = [
        payment for payment in counting.values() if refund.payment_id in {None, payment.payment_id}
    ]
    if not named:
        return "unknown_payment" if counting else "unknown_invoice"
    of_client = [payment for payment in named if payment.client_id == refund.client_id]
    if not of_client:
        return "other_client"
    if all(payment.currency != refund.currency for payment in of_client):
        return "other_currency"
    return None
