-- Clients whose standing changed, or their partner's agreement or brand, or with a period due: each
-- found by an index, so that a day's run costs what is due and what changed. The day of the month
-- tells most of those that are not due.
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
