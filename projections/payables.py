"""What payout runs read of the projections: what each partner is owed by a cut-off (D15.1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from psycopg import Cursor, sql
from psycopg.rows import tuple_row

from projections.balances import BALANCES
from projections.names import DEFAULT_NAMES, Names
from projections.projector import Projector

_PAYABLE = """
SELECT partner_id, currency, owed - COALESCE(later, 0)
FROM (
    SELECT partner_id, currency, earned + adjusted - paid - in_flight AS owed
    FROM {balances}
    WHERE {narrowed}
) AS balance
LEFT JOIN (
    SELECT partner_id, currency, earned + adjusted AS later
    FROM ({posted_after}) AS lines
) AS posted_later USING (partner_id, currency)
WHERE owed - COALESCE(later, 0) > 0
ORDER BY partner_id, currency
"""
_POSTED_AFTER = "posting_day > %(cutoff)s AND {narrowed}"


class PayableModels(Projector):
    """Reads what is payable, for payout runs."""

    def __init__(self, names: Names = DEFAULT_NAMES) -> None:
        super().__init__(names)
        self._payables, self._payables_of_one = (
            sql.SQL(_PAYABLE).format(
                balances=names.stored("balances"),
                narrowed=narrowed,
                posted_after=BALANCES.select(
                    names.events, sql.SQL(_POSTED_AFTER).format(narrowed=narrowed)
                ),
            )
            for narrowed in (sql.SQL("TRUE"), sql.SQL("partner_id = %(partner_id)s"))
        )

    def payables(
        self, cursor: Cursor[Any], cutoff: date, partner_id: str | None = None
    ) -> Iterator[tuple[str, str, int]]:
        """(partner, currency, minor units owed by a cut-off), where positive (D15.1).

        ``partner_id`` narrows it to one partner.
        """
        query = self._payables if partner_id is None else self._payables_of_one
        with cursor.connection.cursor(row_factory=tuple_row) as own:
            own.execute(query, {"cutoff": cutoff, "partner_id": partner_id})
            for name, currency, owed in own:
                yield name, currency, int(owed)
