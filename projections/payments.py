"""Payments: what clients paid of which invoice, net of what was given back (D8.2)."""

from __future__ import annotations

from events.billing import InvoicePaid
from events.decisions import PaymentStanding
from projections.balances import CURRENCY
from projections.clients import CLIENT
from projections.definition import Column, StoredProjection

PAYMENTS = StoredProjection(
    name="payments",
    comment="Payments of invoices, the first told of each, with what each is worth now.",
    columns=(
        Column("invoice_id", 'text COLLATE "C"', "The invoice."),
        Column("payment_id", 'text COLLATE "C"', "The payment of it; empty: none was named."),
        CLIENT,
        Column("subscription_id", 'text COLLATE "C"', "The subscription that it is for."),
        Column("period_start", "date", "First day of the period that it pays for (S)."),
        Column("net", "bigint", "What was paid less what was given back, in minor units."),
        CURRENCY,
        Column("payment", "bigint", "Position of the invoice.paid."),
        Column("refunds", "bigint[]", "Positions of the refunds that lower it."),
        Column(
            "revision",
            "bigint",
            "Position of the PaymentStanding that says so; none: that of the fact, below 0.",
        ),
        # It stays, so that a run finds what it had brought.
        Column("gone", "boolean", "Whether it was retracted, and no other took its place (D9.5)."),
    ),
    order_by=("invoice_id", "payment_id"),
    key=("invoice_id", "payment_id"),
    topics=frozenset({InvoicePaid.topic(), PaymentStanding.topic()}),
    # A payment told again has a lower revision than the first; any standing has a higher one.
    latest=("revision",),
    version=3,
    # A client's payments; those of some days; those told or changed since a run.
    indexes=("client_id", "period_start", "(GREATEST(payment, revision))"),
)
