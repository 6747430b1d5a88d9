"""What commands read of the projections: the candidates of an accrual run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from psycopg import ClientCursor, Cursor, sql
from psycopg.rows import tuple_row

from ledger.engine.contests import Claims
from ledger.engine.state import Assignment, Run
from ledger.engine.subscriptions import Priced
from ledger.ports import Candidate, StoredTerm
from projections.closing import ClosingModels
from projections.names import DEFAULT_NAMES, Names
from projections.paid import PaidReader
from projections.payables import PayableModels
from projections.planning import Plan, parameters
from projections.rankings import RankingModels
from projections.registry import STORED

# In the order of a candidate's members, then those of its terms, one row a term.
_PAGE = """
SELECT
    partner_id,
    client_id,
    touched,
    settled_through,
    moved,
    claim,
    first_activated_on,
    counted_on,
    claimed_by,
    retracted,
    subscription_id,
    start_day,
    end_day,
    anchor,
    every,
    price,
    currency,
    activation,
    price_fact
FROM accrual_candidates
WHERE place > %(after)s
    AND place <= %(through)s
ORDER BY place, start_day
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

# Those that it holds by claims, and those that finance has it count (D3.6).
_ACTIVATED = """
SELECT client_id
FROM {clients}
WHERE partner_id = %(partner_id)s
    AND counted_by IS NULL
    AND first_activated_on >= %(day)s
UNION ALL
SELECT client_id
FROM {clients}
WHERE client_id = ANY (ARRAY(
    SELECT client_id
    FROM {assignments}
    WHERE partner_id = %(partner_id)s
))
    AND counted_by = %(partner_id)s
    AND first_activated_on >= %(day)s
ORDER BY client_id
"""


class LiveModels(PaidReader, PayableModels, RankingModels, ClosingModels):
    """The projections as the ledger's commands use them: merged, and read for runs."""

    def __init__(self, names: Names = DEFAULT_NAMES) -> None:
        super().__init__(names)
        tables = {each.name: names.stored(each.name) for each in STORED}
        self._plan = Plan(names)
        self._assignments, self._any_assigned, self._activated = (
            sql.SQL(text).format(events=names.events, **tables)
            for text in (_ASSIGNED, _ANY_ASSIGNED, _ACTIVATED)
        )

    def plan_accrual(
        self,
        cursor: Cursor[Any],
        run: Run,
        *,
        every_partner: bool,
        claims: Claims,
        accruals: Collection[str],
        compares_all: bool,
        recounted_from: date | None = None,
        begun_from: date | None = None,
    ) -> int:
        """Find the candidates of a run, once a session; return how many rows there are.

        It may find too many, never too few: the engine decides each from the events up to the run.
        """
        bound = parameters(
            run,
            every_partner=every_partner,
            claims=claims,
            accruals=accruals,
            compares_all=compares_all,
            recounted_from=recounted_from,
            begun_from=begun_from,
        )
        with ClientCursor(cursor.connection, row_factory=tuple_row) as own:
            # Several statements with parameters: they are bound on this side.
            own.execute(self._plan.find, bound)
            [(few,)] = own.execute(self._plan.are_few).fetchall()
            own.execute(self._plan.read[few], bound)
            if claims.any:
                own.execute(self._plan.enter[few], bound)
            own.execute("SELECT COALESCE(max(place), 0) FROM accrual_candidates")
            [(places,)] = own.fetchall()
            return int(places)

    def candidates(self, cursor: Cursor[Any], after: int, limit: int) -> Sequence[Candidate]:
        """The next candidates by (partner, client), after so many of them."""
        with cursor.connection.cursor(row_factory=tuple_row, binary=True) as own:
            own.execute(_PAGE, {"after": after, "through": after + limit})
            # All at once: a row at a time costs as much again as what is made of it.
            return _candidates(own.fetchall())

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
        """The clients that count for a partner, if at all, first activated from a day on, by id."""
        with cursor.connection.cursor(row_factory=tuple_row) as own:
            own.execute(self._activated, {"partner_id": partner_id, "day": day})
            return [client_id for (client_id,) in own]


def _candidates(rows: Sequence[tuple[Any, ...]]) -> Sequence[Candidate]:
    """The rows of each client, which stand together, as one candidate."""
    found: list[Candidate] = []
    terms: dict[str, list[Priced]] = {}
    last: tuple[str, str] | None = None
    for row in rows:
        if row[:2] != last:
            last, terms = row[:2], {}
            found.append(Candidate._make((*row[:10], terms)))
        if row[10] is not None:
            terms.setdefault(row[10], []).append(StoredTerm._make(row[11:]))
    return found
