"""What accrual runs read of payments: what clients paid, as of the run (D8.2)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from psycopg import Cursor, sql
from psycopg.rows import tuple_row

from ledger.engine.invoices import Paid
from ledger.engine.state import Payment, Run
from projections.counted import CountedReader
from projections.payments import PAYMENTS

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
    AND (NOT paid.gone OR paid.revision > %(run)s)
    AND paid.period_start <= %(through)s
    AND (
        wanted.touched
        OR paid.payment > %(previous_run)s
        OR paid.period_start > %(previous)s
    )
"""


class PaidReader(CountedReader):
    """Reads payments from the stored projection."""

    def payments(
        self, cursor: Cursor[Any], run: Run, touched: Collection[str], others: Collection[str]
    ) -> tuple[dict[str, list[Paid]], list[Paid]]:
        """What clients paid for periods up to the run's day, and payments that moved since.

        Of ``touched`` clients all, of ``others`` what no earlier run can have seen, or been due.
        """
        found: dict[str, list[Paid]] = {}
        moved: list[Paid] = []
        with cursor.connection.cursor(row_factory=tuple_row, binary=True) as own:
            own.execute(
                sql.SQL(_PAYMENTS).format(payments=self.names.stored(PAYMENTS.name)),
                {
                    "touched": list(touched),
                    "others": list(others),
                    "run": run.position,
                    "previous_run": run.previous_run,
                    "previous": run.previous or date.min,
                    "through": run.through,
                },
            )
            for client, sub, day, invoice, name, net, currency, payment, *told in own:
                refunds, revision = told
                paid = Paid(
                    Payment(payment, invoice, name or None, client, sub, day, net, currency),
                    net,
                    tuple(refunds),
                )
                if revision > run.position:
                    moved.append(paid)
                else:
                    found.setdefault(client, []).append(paid)
        return found, moved
