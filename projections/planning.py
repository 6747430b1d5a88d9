"""The plan of an accrual run: which partners and clients it takes, found by indexes (D8.1)."""

from __future__ import annotations

from datetime import date
from typing import LiteralString

from psycopg import sql

from ledger.engine.calendar import end_of_month
from ledger.engine.contests import Claims
from ledger.engine.state import Run
from projections.names import Names
from projections.registry import STORED

_LONGEST_MONTH = 31

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


# The first day on which the terms of a subscription differ. What a fact took away and what it put
# there are in day order; of two that begin alike only the ends may differ.
_FIRST_CHANGED = """(CASE
    WHEN (terms -> 'before' -> 0) - 'end' = (terms -> 'after' -> 0) - 'end'
    THEN LEAST(
        (terms -> 'before' -> 0 ->> 'end')::date, (terms -> 'after' -> 0 ->> 'end')::date
    )
    ELSE LEAST(
        (terms -> 'before' -> 0 ->> 'start')::date, (terms -> 'after' -> 0 ->> 'start')::date
    )
END)"""

_CHANGED_AGREEMENTS = """
    SELECT DISTINCT partner_id
    FROM {events}
    WHERE topic IN (
            'partner.enrolled/1', 'partner.agreement_signed/1', 'partner.agreement_ended/1',
            -- A margin may be due where a contest has taken the place of a commission.
            'WhiteLabelAccepted/1'
        )
        AND position > %(previous_run)s
        AND position <= %(run)s
"""

# What is sorted fits in memory, mostly; nothing is compiled, nor kept in case that an event is the
# same as another.
_SETTINGS = """
SELECT
    set_config('work_mem', '64MB', TRUE),
    set_config('jit', 'off', TRUE),
    set_config('enable_memoize', 'off', TRUE),
    set_config('client_min_messages', 'warning', TRUE);
"""

# Clients whose standing changed, or their partner's agreement or brand, or with a period due: each
# found by an index, so that a day's run costs what is due and what changed. The day of the month
# tells most of those that are not due.
_FOUND = """
DROP TABLE IF EXISTS pg_temp.accrual_found, pg_temp.accrual_candidates, pg_temp.accrual_entrants;
CREATE TEMPORARY TABLE accrual_found AS
WITH changed_agreements AS ({changed_agreements})
SELECT client_id
FROM {events}
WHERE topic = 'ClientStanding/1'
    AND position > %(previous_run)s
UNION
SELECT client_id
FROM {events}
WHERE topic = 'FactVoided/1'
    AND position > %(previous_run)s
    AND client_id IS NOT NULL
UNION
SELECT client_id
FROM {clients}
WHERE partner_id IN (SELECT partner_id FROM changed_agreements)
UNION
SELECT client_id
FROM {assignments}
WHERE partner_id IN (SELECT partner_id FROM changed_agreements)
UNION
SELECT client_id
FROM {terms} AS term
WHERE EXTRACT(DAY FROM anchor)::int = ANY (%(days)s)
    AND (end_day IS NULL OR end_day > %(previous)s::date)
    AND start_day <= %(through)s::date
    -- Of a month's schedule, the day says it all.
    AND (months = 1 OR {next_start} <= %(through)s::date)
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
    AND period_start <= %(through)s::date;
ANALYZE accrual_found;
"""

# A few clients are looked up one by one, whatever the planner believes: that is what OFFSET is for.
# Of many tables are read as wholes.
_FEW = """
SELECT 10 * count(*) < (SELECT reltuples FROM pg_class WHERE oid = {clients_name}::regclass)
FROM accrual_found
"""
_ONE_BY_ONE = "LATERAL (SELECT * FROM {table} WHERE client_id = {of}.client_id OFFSET 0)"

# What a run reads of them, on one snapshot: a row for each term of each client of each partner, and
# of a partner whose tier can change one of its own before its clients.
_CANDIDATES = """
CREATE TEMPORARY TABLE accrual_candidates AS
WITH changed_agreements AS ({changed_agreements}),
changed_payments AS (
    SELECT DISTINCT client_id
    FROM {payments}
    WHERE %(on_invoices)s
        AND GREATEST(payment, revision) > %(previous_run)s
        AND revision > %(previous_run)s
),
voided AS (
    SELECT DISTINCT client_id
    FROM {events}
    WHERE topic = 'FactVoided/1'
        AND position > %(previous_run)s
        AND client_id IS NOT NULL
),
-- What a change of terms alone leaves as it was: all before the first day on which they differ.
settled AS (
    SELECT
        client_id,
        CASE
            WHEN bool_and(COALESCE(changed.first_day > '0001-01-01', FALSE))
            THEN LEAST(min(changed.first_day) - 1, %(previous)s::date)
        END AS settled_through
    FROM {events} AS told
    -- Parsed once, whatever the planner believes: that is what OFFSET is for.
    CROSS JOIN LATERAL (SELECT convert_from(told.state, 'UTF8')::jsonb OFFSET 0) AS said (state)
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN said.state -> 'before' = said.state -> 'after' THEN min({first_changed})
        END
        FROM jsonb_array_elements(said.state -> 'subscriptions') AS change (terms)
    ) AS changed (first_day)
    WHERE told.topic = 'ClientStanding/1'
        AND told.position > %(previous_run)s
        AND %(previous_run)s > 0
        AND NOT %(compares_all)s
    GROUP BY client_id
),
holders AS MATERIALIZED (
    SELECT client.*
    FROM accrual_found AS found
    INNER JOIN {clients_of_found} AS client ON client.client_id = found.client_id
),
assigned AS (
    SELECT DISTINCT client_id, partner_id
    FROM {assignments}
    WHERE partner_id IS NOT NULL
        AND from_day <= %(through)s::date
),
payees AS (
    SELECT partner_id AS payee, holders.*
    FROM holders
    WHERE partner_id IS NOT NULL
        AND first_activated_on IS NOT NULL
    UNION ALL
    -- Whoever else it was assigned to holds it on some days (D3.6).
    SELECT assigned.partner_id, holders.*
    FROM assigned
    INNER JOIN holders USING (client_id)
    WHERE assigned.partner_id IS DISTINCT FROM holders.partner_id
        AND first_activated_on IS NOT NULL
    UNION ALL
    -- Whoever has lines of a client of which a fact was retracted (D9.5).
    SELECT lines.partner_id, holders.*
    FROM voided
    INNER JOIN holders USING (client_id)
    CROSS JOIN LATERAL (
        SELECT DISTINCT partner_id
        FROM {events}
        WHERE client_id = voided.client_id
            AND kind IN ('commission', 'margin')
    ) AS lines
    WHERE first_activated_on IS NULL
        OR (
            lines.partner_id IS DISTINCT FROM holders.partner_id
            AND (lines.partner_id, client_id) NOT IN (SELECT partner_id, client_id FROM assigned)
        )
),
-- Partners whose tier can change. ``is_late``: counted clients of days before the run's may have
-- changed.
partners AS (
    SELECT partner_id, COALESCE(bool_or(is_late), FALSE) AS is_late
    FROM ({partners}) AS every
    WHERE partner_id IS NOT NULL
    GROUP BY partner_id
)
SELECT
    dense_rank() OVER (ORDER BY taken.partner_id, taken.client_id) AS place,
    taken.*,
    term.subscription_id,
    term.start_day,
    term.end_day,
    term.anchor,
    CASE term.months WHEN 12 THEN 'year' ELSE 'month' END AS every,
    term.price,
    term.currency,
    term.activation,
    term.price_fact
FROM (
    SELECT
        payee AS partner_id,
        client_id,
        anew.in_all OR position > %(previous_run)s AS touched,
        CASE WHEN NOT anew.in_all AND retracted IS NOT TRUE THEN settled_through END
            AS settled_through,
        position > %(run)s AS moved,
        COALESCE(claim, 0) AS claim,
        first_activated_on,
        CASE WHEN counted_by IS NULL THEN counted_on END AS counted_on,
        partner_id AS claimed_by,
        retracted IS TRUE AS retracted
    FROM payees
    LEFT JOIN settled USING (client_id)
    CROSS JOIN LATERAL (
        SELECT payee IN (SELECT partner_id FROM changed_agreements)
            OR client_id IN (SELECT client_id FROM changed_payments)
            OR client_id IN (SELECT client_id FROM voided)
    ) AS anew (in_all)
    UNION ALL
    SELECT partner_id, '', is_late, NULL, FALSE, 0, NULL, NULL, NULL, FALSE
    FROM partners
) AS taken
LEFT JOIN {terms_of_taken} AS term ON term.client_id = taken.client_id
ORDER BY taken.partner_id, taken.client_id, term.subscription_id, term.start_day;
CREATE INDEX ON accrual_candidates (place, start_day);
"""

_PARTNERS = """
    SELECT partner_id, %(every_partner)s AS is_late
    FROM {tiers}
    WHERE %(every_partner)s
        OR (
            tier <> 'referent'
            AND {next_review} <= %(through)s::date
        )
    UNION
    SELECT partner_id, FALSE
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
    SELECT unnest(ARRAY[
        said.state -> 'before' ->> 'partner_id', said.state -> 'before' ->> 'counted_by',
        said.state -> 'after' ->> 'partner_id', said.state -> 'after' ->> 'counted_by'
    ]),
        LEAST(
            (said.state -> 'before' ->> 'counted_on')::date,
            (said.state -> 'after' ->> 'counted_on')::date
        ) <= %(previous)s::date
    FROM {events} AS told
    CROSS JOIN LATERAL (SELECT convert_from(told.state, 'UTF8')::jsonb OFFSET 0) AS said (state)
    WHERE NOT %(every_partner)s
        AND told.topic = 'ClientStanding/1'
        AND told.position > %(previous_run)s
        AND (
            said.state -> 'before' ->> 'counted_on', said.state -> 'before' ->> 'partner_id',
            said.state -> 'before' ->> 'counted_by', said.state -> 'before' ->> 'claim'
        ) IS DISTINCT FROM (
            said.state -> 'after' ->> 'counted_on', said.state -> 'after' ->> 'partner_id',
            said.state -> 'after' ->> 'counted_by', said.state -> 'after' ->> 'claim'
        )
    UNION
    SELECT COALESCE(counted_by, partner_id), FALSE
    FROM {clients}
    WHERE counted_on BETWEEN %(previous)s::date AND %(through)s::date
    UNION
    -- What a sponsor without an agreement was not due may be due now (D11.3).
    SELECT partner_id, FALSE
    FROM {events}
    WHERE topic = 'SponsorAccepted/1'
        AND convert_from(state, 'UTF8')::jsonb ->> 'sponsor_id' IN ({changed_agreements})
"""

# Counted clients that are new or changed, with a winning claim of a contest's days.
_ENTRANTS = """
CREATE TEMPORARY TABLE accrual_entrants AS
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
SELECT client.partner_id, client.client_id
FROM found
INNER JOIN {clients_of_found} AS client ON client.client_id = found.client_id
-- One look-up each, see above.
CROSS JOIN LATERAL (
    SELECT day
    FROM {events}
    WHERE position = client.claim
    OFFSET 0
) AS told
WHERE client.partner_id IS NOT NULL
    AND client.counted_by IS NULL
    AND client.first_activated_on <= %(activated_through)s::date
    AND client.counted_on <= %(through)s::date
    AND told.day BETWEEN %(claimed_from)s::date AND %(claimed_through)s::date;
ALTER TABLE accrual_entrants ADD PRIMARY KEY (partner_id, client_id)
"""


class Plan:
    """The statements that find what a run takes, on tables of the session's own.

    ``find`` puts the clients into ``accrual_found``, ``are_few`` tells whether they are but a small
    part of all; ``read`` makes ``accrual_candidates`` of them, ``enter`` puts those that a contest
    may be about into ``accrual_entrants``, each with statements for few, and for many.
    """

    def __init__(self, names: Names) -> None:
        tables: dict[str, sql.Composable] = {
            "events": names.events,
            "first_changed": sql.SQL(_FIRST_CHANGED),
            "next_start": _next_start("anchor", "months"),
            "next_review": _next_start("since", "12"),
            "changed_agreements": sql.SQL(_CHANGED_AGREEMENTS).format(events=names.events),
            **{each.name: names.stored(each.name) for each in STORED},
        }
        clients, terms = names.stored("clients"), names.stored("terms")
        self.find = sql.SQL(_SETTINGS + _FOUND).format(**tables)
        self.are_few = sql.SQL(_FEW).format(clients_name=sql.Literal(clients.as_string()))
        self.read: dict[bool, sql.Composed] = {}
        self.enter: dict[bool, sql.Composed] = {}
        partners = sql.SQL(_PARTNERS).format(**tables)
        for few in (False, True):
            joined = {
                **tables,
                "partners": partners,
                "clients_of_found": _looked_up(clients, "found") if few else clients,
                "terms_of_taken": _looked_up(terms, "taken") if few else terms,
            }
            self.read[few] = sql.SQL(_SETTINGS + _CANDIDATES).format(**joined)
            self.enter[few] = sql.SQL(_SETTINGS + _ENTRANTS).format(**joined)


def _looked_up(table: sql.Identifier, of: LiteralString) -> sql.Composed:
    return sql.SQL(_ONE_BY_ONE).format(table=table, of=sql.SQL(of))


def parameters(
    run: Run, *, every_partner: bool, claims: Claims, on_invoices: bool, compares_all: bool
) -> dict[str, object]:
    """What the plans of a run are bound to."""
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
        "compares_all": compares_all,
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
