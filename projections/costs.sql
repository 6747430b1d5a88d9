-- What the programme cost from :since to :day, beside commissions, by currency.
SELECT
    record.currency,
    SUM(record.amount) AS amount
FROM :events AS told
CROSS JOIN LATERAL jsonb_to_record(:state) AS record (amount bigint, currency text)
WHERE :known
    AND originator_id = 'costs'
    AND topic = 'cost.recorded/1'
    AND day BETWEEN :since AND :day
GROUP BY record.currency
