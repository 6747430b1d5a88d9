"""What closes read of the projections: who has how many counted clients (D12)."""

from __future__ import annotations

from typing import Any

from psycopg import Cursor, sql
from psycopg.rows import tuple_row

from events.partner_decisions import ProgrammeAssigned
from ledger.engine.closes import Span, Tally
from projections.names import DEFAULT_NAMES, Names
from projections.projector import Projector

# Of the last counted: by counting day, then first activation, then client id. What gave it to the
# partner is its claim, or the assignment that holds on its first day (D3.6).
_TALLIES = """
SELECT
    tallied.partner_id,
    tallied.clients,
    tallied.last_activation,
    COALESCE(tallied.claim, assigned.command) AS fact
FROM (
    SELECT
        partner_id,
        COUNT(*) AS clients,
        MAX(first_activated_at) FILTER (WHERE from_last = 1) AS last_activation,
        MAX(first_activated_on) FILTER (WHERE from_last = 1) AS last_activated_on,
        MAX(client_id) FILTER (WHERE from_last = 1) AS last_client_id,
        MAX(claim) FILTER (WHERE from_last = 1) AS claim
    FROM (
        SELECT
            COALESCE(counted_by, partner_id) AS partner_id,
            client_id,
            first_activated_on,
            first_activated_at,
            CASE WHEN counted_by IS NULL THEN claim END AS claim,
            ROW_NUMBER() OVER (
                PARTITION BY COALESCE(counted_by, partner_id)
                ORDER BY counted_on DESC, first_activated_at DESC, client_id DESC
            ) AS from_last
        FROM {clients} AS standing
        {claimed}
        WHERE COALESCE(counted_by, partner_id) IS NOT NULL
            AND counted_on <= %(last)s
            AND counted_on >= %(first)s
    ) AS counted
    GROUP BY partner_id
) AS tallied
LEFT JOIN LATERAL (
    SELECT (convert_from(state, 'UTF8')::jsonb ->> 'command')::bigint AS command
    FROM {events}
    WHERE tallied.claim IS NULL
        AND originator_id = 'client:' || tallied.last_client_id
        AND topic = 'AttributionAssigned/1'
        AND day <= tallied.last_activated_on
        AND position <= %(known)s
    ORDER BY day DESC, position DESC
    LIMIT 1
) AS assigned ON TRUE
"""

# One look-up each, whatever the planner believes: OFFSET keeps it from joining.
_CLAIMED = """
CROSS JOIN LATERAL (
    SELECT TRUE AS inside
    FROM {events} AS claims
    -- Whom an assignment lets count it has no winning claim to it.
    WHERE standing.counted_by IS NULL
        AND claims.position = standing.claim
        AND claims.day BETWEEN %(from)s AND %(through)s
    OFFSET 0
) AS claimed
"""

_EVERY_POSITION = 2**63 - 1

_ASSIGNED = """
SELECT DISTINCT partner_id
FROM {events}
WHERE originator_id >= 'partner:'
    AND originator_id < 'partner;'
    AND topic = %s
ORDER BY partner_id
"""


def tallies(
    cursor: Cursor[Any],
    span: Span,
    clients: sql.Composable,
    events: sql.Composable,
    through: int = _EVERY_POSITION,
) -> list[Tally]:
    """The tallies of a span by a table of clients, wherever it stands: the live one or another.

    ``through`` is the last position that the table knows.
    """
    days: dict[str, object] = {
        "first": span.first or "-infinity",
        "last": span.last,
        "known": through,
    }
    claimed: sql.Composable = sql.SQL("")
    if span.claimed is not None:
        claimed = sql.SQL(_CLAIMED).format(events=events)
        days |= {"from": span.claimed[0], "through": span.claimed[1]}
    with cursor.connection.cursor(row_factory=tuple_row) as own:
        query = sql.SQL(_TALLIES).format(clients=clients, claimed=claimed, events=events)
        own.execute(query, days)
        return [Tally(*row) for row in own]


class RankingModels(Projector):
    """Reads what is ranked, for closes."""

    def __init__(self, names: Names = DEFAULT_NAMES) -> None:
        super().__init__(names)
        self._assigned = sql.SQL(_ASSIGNED).format(events=names.events)

    def tallies(self, cursor: Cursor[Any], span: Span) -> list[Tally]:
        """How many counted clients of a span each partner has (D12), those with none left out."""
        return tallies(cursor, span, self.names.stored("clients"), self.names.events)

    def assigned_partners(self, cursor: Cursor[Any]) -> list[str]:
        """The partners that were ever put under another programme (D7.3), by id."""
        with cursor.connection.cursor(row_factory=tuple_row) as own:
            own.execute(self._assigned, (ProgrammeAssigned.topic(),))
            return [partner_id for (partner_id,) in own]
