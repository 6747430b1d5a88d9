DROP TABLE IF EXISTS
    pg_temp.accrual_changed,
    pg_temp.accrual_found,
    pg_temp.accrual_candidates,
    pg_temp.accrual_entrants;
-- Clients whose partner's agreement or brand changed, or with a period due: each found by an index, so
-- that a day's run costs what is due and what changed. The day of the month tells most of those that
-- are not due.
CREATE TEMPORARY TABLE accrual_found AS
WITH changed_agreements AS ({changed_agreements})
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
-- Whether a contest stands in place of commissions is said by the terms of the counting day.
SELECT client_id
FROM {clients}
WHERE counted_on >= %(recounted_from)s::date
UNION
-- What was paid for a day before the first activation may be decided by the terms or tier of that day.
SELECT client_id
FROM {clients}
WHERE first_activated_on >= %(begun_from)s::date
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
-- Clients whose standing changed. What a change of terms alone leaves as it was is settled: all
-- before the first day on which they differ, L at the latest.
CREATE TEMPORARY TABLE accrual_changed AS
WITH told AS (
    SELECT
        client_id,
        position,
        CASE WHEN %(previous_run)s > 0 AND NOT %(compares_all)s THEN (
            SELECT CASE
                WHEN said.state -> 'before' = said.state -> 'after'
                    AND said.state -> 'after' -> 'retracted' IS NULL
                THEN (
                    SELECT min({first_changed})
                    FROM jsonb_array_elements(said.state -> 'subscriptions') AS change (terms)
                )
            END
            -- Parsed once, whatever the planner believes: that is what OFFSET is for.
            FROM (SELECT convert_from(state, 'UTF8')::jsonb OFFSET 0) AS said (state)
        ) END AS first_day
    FROM {events}
    WHERE topic = 'ClientStanding/1'
        AND position > %(previous_run)s
)
SELECT
    client_id,
    CASE
        WHEN bool_and(COALESCE(first_day > '0001-01-01', FALSE))
        THEN LEAST(min(first_day) - 1, %(previous)s::date)
    END AS settled_through,
    max(position) > %(run)s AS moved
FROM told
GROUP BY client_id;
ANALYZE accrual_changed;
-- Those of which anything of a day up to L may be otherwise. It is asked after the others: what a fact
-- that came meanwhile has hidden from them is found here, as moved.
INSERT INTO accrual_found
SELECT client_id
FROM accrual_changed
WHERE moved
    OR settled_through IS DISTINCT FROM %(previous)s::date
EXCEPT
SELECT client_id
FROM accrual_found;
ANALYZE accrual_found;
