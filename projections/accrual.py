"""What commands read of the projections: the candidates of an accrual run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any

from psycopg import ClientCursor, Cursor, sql
from psycopg.rows import tuple_row

from events.decisions import Term
from events.values import Interval
from ledger.engine.contests import Claims
from ledger.engine.state import Assignment, Run
from ledger.ports import Candidate
from projections.closing import ClosingModels
from projections.names import DEFAULT_NAMES, Names
from projections.paid import PaidReader
from projections.payables import PayableModels
from projections.planning import parameters, plans
from projections.rankings import RankingModels
from projections.registry import STORED

_INTERVALS: dict[int, Interval] = {1: "month", 12: "year"}

_PAGE = """
SELECT
    candidate.partner_id,
    candidate.client_id,
    candidate.touched,
    client.claim,
    client.first_activated_on,
    client.position,
    term.subscription_id,
    term.start_day,
    term.end_day,
    term.anchor,
    term.months,
    term.plan,
    term.price,
    term.currency,
    term.activation,
    term.price_fact,
    CASE WHEN client.counted_by IS NULL THEN client.counted_on END,
    client.partner_id,
    client.retracted
FROM (
    SELECT partner_id, client_id, touched
    FROM accrual_candidates
    WHERE (partner_id, client_id) > (%(partner_id)s, %(client_id)s)
    ORDER BY partner_id, client_id
    LIMIT %(limit)s
) AS candidate
-- One look-up a client, see above.
LEFT JOIN LATERAL (
    SELECT partner_id, claim, first_activated_on, counted_on, counted_by, retracted,
        position
    FROM {clients}
    WHERE client_id = candidate.client_id
    OFFSET 0
) AS client ON TRUE
LEFT JOIN LATERAL (
    SELECT *
    FROM {terms}
    WHERE client_id = candidate.client_id
    OFFSET 0
) AS term ON TRUE
ORDER BY candidate.partner_id, candidate.client_id, term.subscription_id, term.start_day
"""

# One of a day up to the run's was recorded before it: it needs a day after L.
_ASSIGNED = """
SELECT
    assigned.client_id,
    assigned.from_day,
    assigned.partner_id,
    (convert_from(told.state, 'UTF8')::jsonb ->> 'command')::bigint
FROM {assignments} AS assigned
INNER JOIN {events} AS told USING (position)
WHERE assigned.client_id = ANY (%(clients)s)
    AND assigned.from_day <= %(through)s
ORDER BY assigned.client_id, assigned.from_day
"""

_ANY_ASSIGNED = "SELECT EXISTS (SELECT FROM {assignments})"

_ACTIVATED = """
SELECT client_id
FROM {clients}
WHERE partner_id = %s
    AND first_activated_on >= %s
ORDER BY client_id
"""


class LiveModels(PaidReader, PayableModels, RankingModels, ClosingModels):
    """The projections as the ledger's commands use them: merged, and read for runs."""

    def __init__(self, names: Names = DEFAULT_NAMES) -> None:
        super().__init__(names)
        tables = {each.name: names.stored(each.name) for each in STORED}
        self._plan, self._plan_entrants = plans(names)
        self._page, self._assignments, self._any_assigned, self._activated = (
            sql.SQL(text).format(events=names.events, **tables)
            for text in (_PAGE, _ASSIGNED, _ANY_ASSIGNED, _ACTIVATED)
        )

    def plan_accrual(
        self,
        cursor: Cursor[Any],
        run: Run,
        *,
        every_partner: bool,
        claims: Claims,
        on_invoices: bool,
    ) -> int:
        """Find the candidates of a run, once a session; return how many rows there are.

        It may find too many, never too few: the engine decides each from the events up to the run.
        """
        bound = parameters(run, every_partner=every_partner, claims=claims, on_invoices=on_invoices)
        with ClientCursor(cursor.connection) as own:
            # Several statements with parameters: they are bound on this side.
            own.execute(self._plan, bound)
            if claims.any:
                own.execute(self._plan_entrants, bound)
        with cursor.connection.cursor(row_factory=tuple_row) as counting:
            counting.execute("SELECT count(*) FROM accrual_candidates")
            row = counting.fetchone()
            return int(row[0]) if row else 0

    def candidates(
        self, cursor: Cursor[Any], run: Run, after: tuple[str, str], limit: int
    ) -> Sequence[Candidate]:
        """The next candidates by (partner, client) after a place."""
        with cursor.connection.cursor(row_factory=tuple_row, binary=True) as own:
            own.execute(self._page, {"partner_id": after[0], "client_id": after[1], "limit": limit})
            # All at once: a row at a time costs as much again as what is made of it.
            return list(_candidates(own.fetchall(), run))

    def any_assigned(self, cursor: Cursor[Any]) -> bool:
        """Whether finance has assigned any client (D3.6)."""
        with cursor.connection.cursor(row_factory=tuple_row) as own:
            own.execute(self._any_assigned)
            row = own.fetchone()
            return row is not None and bool(row[0])

    def assignments(
        self, cursor: Cursor[Any], run: Run, clients: Collection[str]
    ) -> dict[str, list[Assignment]]:
        """Finance's assignments of clients up to the run's day (D3.6), by client and day."""
        found: dict[str, list[Assignment]] = {}
        with cursor.connection.cursor(row_factory=tuple_row, binary=True) as own:
            own.execute(self._assignments, {"clients": list(clients), "through": run.through})
            for client_id, day, partner_id, command in own:
                found.setdefault(client_id, []).append(Assignment(day, partner_id, command))
        return found

    def clients_activated_from(self, cursor: Cursor[Any], partner_id: str, day: date) -> list[str]:
        """The partner's clients whose first activation is on a day or later, by id."""
        with cursor.connection.cursor(row_factory=tuple_row) as own:
            own.execute(self._activated, (partner_id, day))
            return [client_id for (client_id,) in own]


def _candidates(rows: Sequence[tuple[Any, ...]], run: Run) -> Iterator[Candidate]:
    """The rows of each client, which stand together, as one candidate."""
    first: tuple[Any, ...] | None = None
    terms: dict[str, tuple[Term, ...]] = {}
    for row in rows:
        if first is None or row[1] != first[1] or row[0] != first[0]:
            if first is not None:
                yield _candidate(first, terms, run)
            first, terms = row, {}
        if row[6] is not None:
            terms[row[6]] = (*terms.get(row[6], ()), _term(row))
    if first is not None:
        yield _candidate(first, terms, run)


def _candidate(row: tuple[Any, ...], terms: dict[str, tuple[Term, ...]], run: Run) -> Candidate:
    return Candidate(
        row[0],
        row[1],
        row[3] or 0,
        row[4],
        row[2],
        (row[5] or 0) > run.position,
        terms,
        row[16],
        row[17],
        bool(row[18]),
    )


def _term(row: tuple[Any, ...]) -> Term:
    return Term.trusted(
        start=row[7],
        end=row[8],
        anchor=row[9],
        interval=_INTERVALS[row[10]],
        plan=row[11],
        price=row[12],
        currency=row[13],
        activation=row[14],
        price_fact=row[15],
    )
