"""Folding ``invoice:<id>``: what was paid of an invoice, and what was given back."""

from __future__ import annotations

from events.billing import InvoicePaid, InvoiceRefunded
from events.recorded import Recorded
from ledger.engine.folding.table import Folds
from ledger.engine.state import Invoice, Payment, Refund


def _paid(invoice: Invoice, event: Recorded, fact: InvoicePaid) -> Invoice:
    payment = Payment(
        event.position,
        fact.invoice_id,
        fact.payment_id,
        fact.client_id,
        fact.subscription_id,
        fact.period_start,
        fact.net_amount,
        fact.currency,
    )
    return invoice._replace(payments=(*invoice.payments, payment))


def _refunded(invoice: Invoice, event: Recorded, fact: InvoiceRefunded) -> Invoice:
    refund = Refund(event.position, fact.payment_id, fact.client_id, fact.net_amount, fact.currency)
    return invoice._replace(refunds=(*invoice.refunds, refund))


FOLDS: Folds = {
    InvoicePaid: _paid,
    InvoiceRefunded: _refunded,
}
