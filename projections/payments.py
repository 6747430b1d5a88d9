"""Payments: what clients paid of which invoice, net of what was given back (D8.2)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from psycopg import Cursor, sql
from psycopg.rows import tuple_row

from events.billing import InvoicePaid
from events.decisions import PaymentStanding
from ledger.engine.invoices import Paid
from ledger.engine.state import Payment, Run
from projections.balances import CURRENCY
from projections.clients import CLIENT
from projections.definition import Column, StoredProjection
from projections.names import Names

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
    ),
    order_by=("invoice_id", "payment_id"),
    key=("invoice_id", "payment_id"),
    topics=frozenset({InvoicePaid.topic(), PaymentStanding.topic()}),
    # A payment told again has a lower revision than the first; any standing has a higher one.
    latest=("revision",),
    # A client's payments; those of some days; those told or changed since a run.
    indexes=("client_id", "period_start", "(GREATEST(payment, revision))"),
)

_PAYMENTS = """
SELECT
    paid.client_id,
    paid.subscription_id,
    paid.period_start,
    paid.invoice_id,
    paid.payment_id,
    paid.net,
    paid.currency,
    paid.payment,
    paid.refunds,
    paid.revision
FROM (
    SELECT client_id, TRUE AS touched FROM unnest(%(touched)s::text[]) AS client_id
    UNION ALL
    SELECT client_id, FALSE FROM unnest(%(others)s::text[]) AS client_id
) AS wanted
CROSS JOIN LATERAL (
    SELECT *
    FROM {payments}
    WHERE client_id = wanted.client_id
    OFFSET 0
) AS paid
WHERE paid.payment <= %(run)s
    AND paid.period_start <= %(through)s
    AND (
        wanted.touched
        OR paid.payment > %(previous_run)s
        OR paid.period_start > %(previous)s
    )
"""


def paid_up_to(
    cursor: Cursor[Any], names: Names, run: Run, clients: tuple[Collection[str], Collection[str]]
) -> tuple[dict[str, list[Paid]], list[Paid]]:
    """What clients, touched ones and others, paid as of a run; and payments lowered since then.

    Of others only what no earlier run can have seen, or been due.
    """
    found: dict[str, list[Paid]] = {}
    moved: list[Paid] = []
    with cursor.connection.cursor(row_factory=tuple_row, binary=True) as own:
        own.execute(
            sql.SQL(_PAYMENTS).format(payments=names.stored(PAYMENTS.name)),
            {
                "touched": list(clients[0]),
                "others": list(clients[1]),
                "run": run.position,
                "previous_run": run.previous_run,
                "previous": run.previous or date.min,
                "through": run.through,
            },
        )
        for client, subscription, day, invoice, name, net, currency, payment, *told in own:
            refunds, revision = told
            paid = Paid(
                Payment(payment, invoice, name or None, client, subscription, day, net, currency),
                net,
                tuple(refunds),
            )
            if revision > run.position:
                moved.append(paid)
            else:
                found.setdefault(client, []).append(paid)
    return found, moved
