"""D18.3: no period, and no payment of an invoice, has two first lines in force."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from replay.asking import PLAN_FOR_MANY
from replay.findings import Discrepancy

_LINES = 65_536
"""Lines that are gathered at a time."""

_PERIODS = sql.Identifier("pg_temp", "verified_periods")

_CREATE_PERIODS = """
CREATE TEMPORARY TABLE {periods} (
    position bigint, partner_id text, client_id text, subscription_id text, day date,
    invoice_id text, payment_id text, line bigint, stands numeric, taken_back boolean
)
"""

_ADD_PERIODS = """
INSERT INTO {periods}
SELECT
    lines.position, lines.partner_id, lines.client_id, record.subscription_id, lines.day,
    record.invoice_id, record.payment_id, record.line,
    -- A margin stands while its base does, a commission while its amount does.
    CASE lines.kind
        WHEN 'margin' THEN record.base
        WHEN 'margin_adjustment' THEN -record.base
        ELSE lines.amount
    END,
    lines.kind IN ('adjustment', 'margin_adjustment')
FROM {events} AS lines
CROSS JOIN LATERAL jsonb_to_record(convert_from(state, 'UTF8')::jsonb)
    AS record (
        subscription_id text, invoice_id text, payment_id text, line bigint, rule text,
        base numeric
    )
WHERE {some}
    AND lines.kind IN ('commission', 'margin', 'adjustment', 'margin_adjustment')
    AND (lines.kind IN ('commission', 'margin') OR record.rule IN ('D9.5', 'D13'))
"""

# Of lines that name no other one, and are for no invoice, a period that has two first lines has two
# lines of its client and day. Few clients have two lines in one stretch of four weeks, which a bit
# for each stretch tells; of the others no day can have two. Only of those few are days counted.
_SHARED = """
WITH crowded AS (
    SELECT client_id
    FROM {events}
    WHERE position <= %(through)s
        AND kind IN ('commission', 'margin')
    GROUP BY client_id
    HAVING COUNT(*) > COALESCE(BIT_COUNT(CAST(BIT_OR(
        CASE WHEN ISFINITE(day)
            THEN CAST(1 AS bigint) << (((day - DATE '2000-01-01') / 28) & 63) END
    ) AS bit(64))), 0)
)
SELECT position
FROM {events}
WHERE position <= %(through)s
    AND kind IN ('commission', 'margin')
    AND (client_id, day) IN (
        SELECT client_id, day
        FROM {events}
        WHERE position <= %(through)s
            AND kind IN ('commission', 'margin')
            AND client_id IN (SELECT client_id FROM crowded)
        GROUP BY client_id, day
        HAVING COUNT(*) > 1
    )
"""

_TWICE_FIRST = """
WITH linked AS (
    SELECT line, SUM(stands) AS stands, BOOL_OR(taken_back) AS taken_back
    FROM {periods}
    WHERE line IS NOT NULL
    GROUP BY line
),
in_force AS (
    SELECT first.*
    FROM {periods} AS first
    LEFT JOIN linked
        ON linked.line = first.position
    WHERE first.line IS NULL
        AND NOT first.taken_back
        -- One wholly taken back is not in force any more.
        AND NOT (COALESCE(linked.taken_back, FALSE) AND first.stands + linked.stands = 0)
)
SELECT
    MAX(client_id), MAX(subscription_id), MAX(day), invoice_id,
    MAX(partner_id), MAX(position), COUNT(*)
FROM in_force
GROUP BY
    -- A payment has one in the whole ledger, a period by schedule one of its client.
    invoice_id,
    payment_id,
    CASE WHEN invoice_id IS NULL THEN client_id END,
    CASE WHEN invoice_id IS NULL THEN subscription_id END,
    CASE WHEN invoice_id IS NULL THEN day END
HAVING COUNT(*) > 1
UNION ALL
-- Nor has a period one by schedule and another for what was paid.
SELECT client_id, subscription_id, day, MAX(invoice_id), MAX(partner_id), MAX(position), COUNT(*)
FROM in_force
GROUP BY client_id, subscription_id, day
HAVING COUNT(invoice_id) BETWEEN 1 AND COUNT(*) - 1
ORDER BY 6
"""


class Periods:
    """D18.3: lines of periods of which there may be two, gathered in a temporary table.

    ``add`` those that name another line, or are for an invoice; ``finish`` with :func:`shared`.
    """

    def __init__(self, connection: Connection[Any], events: sql.Identifier) -> None:
        self._connection = connection
        self._parts = {"periods": _PERIODS, "events": events}
        with connection.transaction():
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {periods}").format(**self._parts))
            connection.execute(sql.SQL(_CREATE_PERIODS).format(**self._parts))

    def add(self, positions: Sequence[int] | range) -> Iterator[Discrepancy]:
        """Gather the lines of some positions, or of a range of them; finds nothing yet."""
        if isinstance(positions, range):
            some = sql.SQL("lines.position >= {} AND lines.position < {}")
            some_of = some.format(positions.start, positions.stop)
        else:
            some_of = sql.SQL("lines.position = ANY({})").format([*positions])
        if positions:
            with self._connection.transaction():
                self._gather(some_of)
        yield from ()

    def _gather(self, some: sql.Composable) -> None:
        self._connection.execute(sql.SQL(_ADD_PERIODS).format(**self._parts, some=some))

    def finish(self, shared: Sequence[int]) -> Iterator[Discrepancy]:
        """Yield each period, or payment of an invoice, that has two first lines in force."""
        unknown = sql.SQL(
            "lines.position = ANY({some}) AND NOT EXISTS"
            " (SELECT FROM {periods} AS known WHERE known.position = lines.position)"
        )
        with self._connection.transaction(), self._cursor() as cursor:
            cursor.execute("SET LOCAL work_mem = '64MB'; SET LOCAL jit = off")
            for first in range(0, len(shared), _LINES):
                some = sql.Literal([*shared[first : first + _LINES]])
                self._gather(unknown.format(**self._parts, some=some))
            cursor.execute(sql.SQL(_TWICE_FIRST).format(**self._parts))
            found = cursor.fetchall()
            cursor.execute(sql.SQL("DROP TABLE {periods}").format(**self._parts))
        for client, subscription, day, invoice, partner, position, count in found:
            of = f"client {client}, subscription {subscription}, {day}"
            what = f"{of}{f', invoice {invoice}' if invoice else ''} has {count} first lines"
            yield Discrepancy("D18.3", what, position, partner)

    def _cursor(self) -> Any:
        return self._connection.cursor(row_factory=tuple_row)


def shared(connection: Connection[Any], events: sql.Identifier, through: int) -> array[int]:
    """The lines of periods whose client and day have two, by position."""
    with connection.transaction():
        connection.execute("SET LOCAL work_mem = '64MB'; SET LOCAL cursor_tuple_fraction = 1")
        connection.execute(PLAN_FOR_MANY)
        with connection.cursor("shared", row_factory=tuple_row) as cursor:
            cursor.itersize = _LINES
            cursor.execute(sql.SQL(_SHARED).format(events=events), {"through": through})
            return array("q", (position for (position,) in cursor))
