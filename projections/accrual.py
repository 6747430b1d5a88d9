"""What commands read of the projections: the candidates of an accrual run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import Any, LiteralString

from psycopg import ClientCursor, Cursor, sql
from psycopg.rows import tuple_row

from events.decisions import Term
from events.values import Interval
from ledger.engine.calendar import end_of_month
from ledger.engine.contests import Claims
from ledger.engine.state import Run
from ledger.ports import Candidate
from projections.names import DEFAULT_NAMES, Names
from projections.paid import PaidReader
from projections.payables import PayableModels
from projections.rankings import RankingModels
from projections.registry import STORED

_LONGEST_MONTH = 31
_INTERVALS: dict[int, Interval] = {1: "month", 12: "year"}

# The first period start of a schedule after L: as many whole steps from its anchor as lead to the
# month of L, and one step more if that start is not after L. PostgreSQL clamps months as D2 says.
_STEPS = """(GREATEST(0, (
    EXTRACT(YEAR FROM %(previous)s::date) * 12 + EXTRACT(MONTH FROM %(previous)s::date)
    - EXTRACT(YEAR FROM {anchor}) * 12 - EXTRACT(MONTH FROM {anchor})
)::int / {months}) * {months})"""
_NEXT_START = """(CASE
    WHEN ({anchor} + make_interval(months => {steps}))::date > %(previous)s::date
    THEN ({anchor} + make_interval(months => {steps}))::date
    ELSE ({anchor} + make_interval(months => {steps} + {months}))::date
END)"""


def _next_start(anchor: LiteralString, months: LiteralString) -> sql.Composed:
    parts = {"anchor": sql.SQL(anchor), "months": sql.SQL(months)}
    return sql.SQL(_NEXT_START).format(**parts, steps=sql.SQL(_STEPS).format(**parts))


_CHANGED_AGREEMENTS = """
    SELECT DISTINCT partner_id
    FROM {events}
    WHERE originator_id >= 'partner:'
        AND originator_id < 'partner;'
        AND topic IN (
            'partner.enrolled/1', 'partner.agreement_signed/1', 'partner.agreement_ended/1'
        )
        AND position > %(previous_run)s
        AND position <= %(run)s
"""

_PLAN = """
CREATE TEMPORARY TABLE IF NOT EXISTS accrual_candidates (
    partner_id text COLLATE "C" NOT NULL,
    client_id text COLLATE "C" NOT NULL,
    touched boolean NOT NULL,
    PRIMARY KEY (partner_id, client_id)
);
CREATE TEMPORARY TABLE IF NOT EXISTS accrual_entrants (
    partner_id text COLLATE "C" NOT NULL,
    client_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (partner_id, client_id)
);
TRUNCATE accrual_candidates, accrual_entrants;
-- Clients whose standing changed, or their partner's agreement, or with a period due: each found by
-- an index, so that a day's run costs what is due and what changed. The day of the month tells most
-- of those that are not due.
WITH changed_agreements AS ({changed_agreements}),
changed_payments AS (
    SELECT DISTINCT client_id
    FROM {payments}
    WHERE %(on_invoices)s
        AND GREATEST(payment, revision) > %(previous_run)s
        AND revision > %(previous_run)s
),
found AS (
    SELECT client_id
    FROM {events}
    WHERE topic = 'ClientStanding/1'
        AND position > %(previous_run)s
    UNION
    SELECT client_id
    FROM {clients}
    WHERE partner_id IN (SELECT partner_id FROM changed_agreements)
    UNION
    SELECT client_id
    FROM {terms} AS term
    WHERE EXTRACT(DAY FROM anchor)::int = ANY (%(days)s)
        AND (end_day IS NULL OR end_day > %(previous)s::date)
        AND start_day <= %(through)s::date
        AND {next_start} <= %(through)s::date
    UNION
    SELECT client_id
    FROM changed_payments
    UNION
    -- Where a programme pays on invoices: what no earlier run can have seen, or been due.
    SELECT client_id
    FROM {payments}
    WHERE %(on_invoices)s
        AND GREATEST(payment, revision) > %(previous_run)s
    UNION
    SELECT client_id
    FROM {payments}
    WHERE %(on_invoices)s
        AND period_start > %(previous)s::date
        AND period_start <= %(through)s::date
)
INSERT INTO accrual_candidates
SELECT
    partner_id,
    client_id,
    position > %(previous_run)s
    OR partner_id IN (SELECT partner_id FROM changed_agreements)
    OR client_id IN (SELECT client_id FROM changed_payments)
FROM found
INNER JOIN {clients} USING (client_id)
WHERE partner_id IS NOT NULL
    AND first_activated_on IS NOT NULL
ORDER BY partner_id, client_id;
-- Partners whose tier can change: an own row before their clients.
INSERT INTO accrual_candidates
SELECT partner_id, '', FALSE
FROM (
    SELECT partner_id
    FROM {tiers}
    WHERE %(every_partner)s
        OR (
            tier <> 'referent'
            AND {next_review} <= %(through)s::date
        )
    UNION
    SELECT partner_id
    FROM {events}
    WHERE originator_id >= 'partner:'
        AND originator_id < 'partner;'
        AND partner_id IS NOT NULL
        AND (
            position > %(previous_run)s
            OR day BETWEEN %(previous)s::date AND %(through)s::date
        )
    UNION
    -- What changes whose client it is, by which claim, or when it counts; a price changes nothing.
    SELECT standing.partner_id
    FROM {events} AS told
    -- One look-up each, parsed once, whatever the planner believes: that is what OFFSET is for.
    CROSS JOIN LATERAL (
        SELECT partner_id
        FROM {clients}
        WHERE client_id = told.client_id
        OFFSET 0
    ) AS standing
    CROSS JOIN LATERAL (SELECT convert_from(told.state, 'UTF8')::jsonb OFFSET 0) AS said (state)
    WHERE NOT %(every_partner)s
        AND told.topic = 'ClientStanding/1'
        AND told.position > %(previous_run)s
        AND standing.partner_id IS NOT NULL
        AND (
            said.state -> 'before' ->> 'counted_on', said.state -> 'before' ->> 'partner_id',
            said.state -> 'before' ->> 'claim'
        ) IS DISTINCT FROM (
            said.state -> 'after' ->> 'counted_on', said.state -> 'after' ->> 'partner_id',
            said.state -> 'after' ->> 'claim'
        )
    UNION
    SELECT partner_id
    FROM {clients}
    WHERE partner_id IS NOT NULL
        AND counted_on BETWEEN %(previous)s::date AND %(through)s::date
) AS partners;
ANALYZE accrual_candidates;
"""

# Counted clients that are new or changed, with a winning claim of a contest's days.
_PLAN_ENTRANTS = """
WITH found AS (
    SELECT client_id
    FROM {clients}
    WHERE counted_on BETWEEN %(previous)s::date AND %(through)s::date
    UNION
    SELECT client_id
    FROM {events}
    WHERE topic = 'ClientStanding/1'
        AND position > %(previous_run)s
    UNION
    SELECT client_id
    FROM {clients}
    WHERE partner_id IN ({changed_agreements})
)
INSERT INTO accrual_entrants
SELECT client.partner_id, client.client_id
FROM found
INNER JOIN {clients} AS client USING (client_id)
-- One look-up each, see above.
CROSS JOIN LATERAL (
    SELECT day
    FROM {events}
    WHERE position = client.claim
    OFFSET 0
) AS told
WHERE client.partner_id IS NOT NULL
    AND client.first_activated_on <= %(activated_through)s::date
    AND client.counted_on <= %(through)s::date
    AND told.day BETWEEN %(claimed_from)s::date AND %(claimed_through)s::date
"""

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
    client.counted_on
FROM (
    SELECT partner_id, client_id, touched
    FROM accrual_candidates
    WHERE (partner_id, client_id) > (%(partner_id)s, %(client_id)s)
    ORDER BY partner_id, client_id
    LIMIT %(limit)s
) AS candidate
-- One look-up a client, see above.
LEFT JOIN LATERAL (
    SELECT claim, first_activated_on, counted_on, position
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

_ACTIVATED = """
SELECT client_id
FROM {clients}
WHERE partner_id = %s
    AND first_activated_on >= %s
ORDER BY client_id
"""


class LiveModels(PaidReader, PayableModels, RankingModels):
    """The projections as the ledger's commands use them: merged, and read for runs."""

    def __init__(self, names: Names = DEFAULT_NAMES) -> None:
        super().__init__(names)
        tables: dict[str, sql.Composable] = {
            "events": names.events,
            "next_start": _next_start("anchor", "months"),
            "next_review": _next_start("since", "12"),
            "changed_agreements": sql.SQL(_CHANGED_AGREEMENTS).format(events=names.events),
            **{each.name: names.stored(each.name) for each in STORED},
        }
        (
            self._plan,
            self._plan_entrants,
            self._page,
            self._activated,
        ) = (sql.SQL(text).format(**tables) for text in (_PLAN, _PLAN_ENTRANTS, _PAGE, _ACTIVATED))

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
        parameters = _parameters(
            run, every_partner=every_partner, claims=claims, on_invoices=on_invoices
        )
        with ClientCursor(cursor.connection) as own:
            # Several statements with parameters: they are bound on this side.
            own.execute(self._plan, parameters)
            if claims.any:
                own.execute(self._plan_entrants, parameters)
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
            return list(_candidates(own, run))

    def clients_activated_from(self, cursor: Cursor[Any], partner_id: str, day: date) -> list[str]:
        """The partner's clients whose first activation is on a day or later, by id."""
        with cursor.connection.cursor(row_factory=tuple_row) as own:
            own.execute(self._activated, (partner_id, day))
            return [client_id for (client_id,) in own]


def _parameters(
    run: Run, *, every_partner: bool, claims: Claims, on_invoices: bool
) -> dict[str, object]:
    previous = run.previous or date.min
    return {
        "days": days_of_month(previous, run.through),
        "run": run.position,
        "previous_run": run.previous_run,
        "previous": previous,
        "through": run.through,
        "every_partner": every_partner,
        "claimed_from": claims.first,
        "claimed_through": claims.last,
        "activated_through": claims.activated_through,
        "on_invoices": on_invoices,
    }


def days_of_month(after: date, through: date) -> list[int]:
    """The days of the month on which an anchor may have a start in (``after``, ``through``].

    A short month's last day is the start of every anchor of a later day (D2).
    """
    if (through - after).days >= _LONGEST_MONTH:
        return list(range(1, _LONGEST_MONTH + 1))
    days: set[int] = set()
    for ordinal in range(after.toordinal() + 1, through.toordinal() + 1):
        day = date.fromordinal(ordinal)
        is_last = day == end_of_month(day)
        days.update(range(day.day, _LONGEST_MONTH + 1) if is_last else [day.day])
    return sorted(days)


def _candidates(rows: Cursor[Any], run: Run) -> Iterator[Candidate]:
    for (partner_id, client_id), of_client in groupby(rows, key=lambda row: (row[0], row[1])):
        terms: dict[str, list[Term]] = {}
        row: tuple[Any, ...] = ()
        for row in of_client:
            if row[6] is not None:
                terms.setdefault(row[6], []).append(_term(row))
        yield Candidate(
            partner_id=partner_id,
            client_id=client_id,
            claim=row[3] or 0,
            first_activated_on=row[4],
            touched=row[2],
            moved=(row[5] or 0) > run.position,
            terms={name: tuple(of_one) for name, of_one in terms.items()},
            counted_on=row[16],
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
