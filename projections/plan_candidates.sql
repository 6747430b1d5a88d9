-- What a run reads of them, on one snapshot: a row for each term of each client of each partner, and
-- of a partner whose tier can change one of its own before its clients.
CREATE TEMPORARY TABLE accrual_candidates AS
WITH changed_agreements AS ({changed_agreements}),
changed_payments AS (
    SELECT DISTINCT client_id
    FROM {payments}
    WHERE %(on_invoices)s
        AND GREATEST(payment, revision) > %(previous_run)s
        AND (%(both_ways)s OR revision > %(previous_run)s)
),
voided AS (
    SELECT DISTINCT client_id
    FROM {events}
    WHERE topic = 'FactVoided/1'
        AND position > %(previous_run)s
        AND client_id IS NOT NULL
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
        anew.in_all OR payees.position > %(previous_run)s AS touched,
        CASE WHEN NOT anew.in_all THEN settled_through END AS settled_through,
        payees.position > %(run)s AS moved,
        COALESCE(claim, 0) AS claim,
        first_activated_on,
        CASE WHEN counted_by IS NULL THEN counted_on END AS counted_on,
        partner_id AS claimed_by,
        retracted IS TRUE AS retracted
    FROM payees
    LEFT JOIN accrual_changed USING (client_id)
    CROSS JOIN LATERAL (
        SELECT payee IN (SELECT partner_id FROM changed_agreements)
            OR client_id IN (SELECT client_id FROM changed_payments)
            OR client_id IN (SELECT client_id FROM voided)
            OR COALESCE(counted_on >= %(recounted_from)s::date, FALSE)
            OR COALESCE(first_activated_on >= %(begun_from)s::date, FALSE)
    ) AS anew (in_all)
    UNION ALL
    SELECT partner_id, '', is_late, NULL, FALSE, 0, NULL, NULL, NULL, FALSE
    FROM partners
) AS taken
LEFT JOIN {terms_of_taken} AS term ON term.client_id = taken.client_id
ORDER BY taken.partner_id, taken.client_id, term.subscription_id, term.start_day;
CREATE INDEX ON accrual_candidates (place, start_day);
