-- Terms with what each makes in a year. A change to another interval takes its price at once and its
-- schedule at the next period start (D4.1): until then the price is that of the interval last named.
SELECT
    client_id,
    subscription_id,
    start_day,
    end_day,
    plan,
    price,
    currency,
    price * (12 / COALESCE(MAX(named) OVER named_since, months)) AS yearly
FROM (
    SELECT
        term.*,
        CASE change.named WHEN 'year' THEN 12 WHEN 'month' THEN 1 END AS named,
        COUNT(change.named) OVER (
            PARTITION BY client_id, subscription_id, activation
            ORDER BY start_day
        ) AS times_named
    FROM :terms AS term
    LEFT JOIN (
        SELECT position AS price_fact, :state ->> 'interval' AS named
        FROM :events
        WHERE :known
            AND originator_id >= 'client:'
            AND originator_id < 'client;'
            AND topic = 'client.plan_changed/1'
    ) AS change USING (price_fact)
) AS told
WINDOW named_since AS (PARTITION BY client_id, subscription_id, activation, times_named)
