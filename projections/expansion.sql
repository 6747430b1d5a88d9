-- What clients that paid already pay more in a year, from the day after :since to :day: by a change
-- of a running subscription, or by a further one beside it; by partner (null: direct) and currency.
SELECT
    holder.partner_id,
    grown.currency,
    COUNT(*) FILTER (WHERE changed AND grown.plan <> grown.plan_before) AS upsells,
    SUM(CASE WHEN changed THEN yearly - yearly_before ELSE yearly END) AS expansion
FROM (
    SELECT
        term.*,
        -- A term that begins where the one before ends is the same subscription, changed.
        COALESCE(end_before = start_day AND yearly_before > 0, FALSE) AS changed
    FROM (
        SELECT
            client_id,
            subscription_id,
            start_day,
            currency,
            plan,
            yearly,
            LAG(yearly) OVER subscription AS yearly_before,
            LAG(plan) OVER subscription AS plan_before,
            LAG(currency) OVER subscription AS currency_before,
            LAG(end_day) OVER subscription AS end_before
        FROM :prices AS every
        WINDOW subscription AS (PARTITION BY client_id, subscription_id ORDER BY start_day)
    ) AS term
    WHERE start_day > :since
        AND start_day <= :day
        AND yearly > 0
) AS grown
LEFT JOIN (
    SELECT DISTINCT later.client_id, later.subscription_id, later.start_day
    FROM :prices AS later
    INNER JOIN :prices AS other
        ON other.client_id = later.client_id
            AND other.subscription_id <> later.subscription_id
            AND other.price > 0
            AND other.start_day < later.start_day
            AND COALESCE(other.end_day > later.start_day, TRUE)
) AS beside
    ON beside.client_id = grown.client_id
        AND beside.subscription_id = grown.subscription_id
        AND beside.start_day = grown.start_day
LEFT JOIN :holders AS holder
    ON holder.client_id = grown.client_id
        AND grown.start_day >= holder.start_day
        AND grown.start_day < holder.end_day
WHERE CASE
    WHEN changed THEN yearly > yearly_before AND grown.currency = currency_before
    ELSE beside.client_id IS NOT NULL
END
GROUP BY holder.partner_id, grown.currency
