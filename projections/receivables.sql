-- What each partner under its own brand owes, paid and still owes, by currency (D13, D17).
SELECT
    partner_id,
    currency,
    SUM(owed) AS owed,
    SUM(settled) AS settled,
    SUM(owed) - SUM(settled) AS open
FROM (
    SELECT
        partner_id,
        currency,
        CASE kind
            WHEN 'margin' THEN CAST(:state ->> 'base' AS numeric) - amount
            ELSE -(CAST(:state ->> 'base' AS numeric) + amount)
        END AS owed,
        0 AS settled
    FROM :events
    WHERE :scope
        AND kind IN ('margin', 'margin_adjustment')
    UNION ALL
    SELECT partner_id, record.currency, 0 AS owed, record.amount AS settled
    FROM :events AS told
    CROSS JOIN LATERAL jsonb_to_record(:state) AS record (amount numeric, currency text)
    WHERE :scope
        AND topic = 'wholesale.settled/1'
        AND originator_id >= 'payments:'
        AND originator_id < 'payments;'
) AS postings
GROUP BY partner_id, currency
