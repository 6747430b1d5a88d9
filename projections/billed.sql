-- Prices of the periods that began from :since to :day (D4.1), by the partner that holds the client
-- on the first day of each (null: direct) and currency.
SELECT
    holder.partner_id,
    period.currency,
    SUM(period.price) AS amount
FROM (
    SELECT
        term.client_id,
        term.price,
        term.currency,
        term.start_day AS term_start,
        term.end_day AS term_end,
        CAST(term.anchor + MAKE_INTERVAL(months => step) AS date) AS start_day
    FROM (
        SELECT
            every.*,
            CAST(
                (EXTRACT(YEAR FROM :since) - EXTRACT(YEAR FROM anchor)) * 12
                + EXTRACT(MONTH FROM :since) - EXTRACT(MONTH FROM anchor) AS integer
            ) AS months_before,
            CAST(
                (EXTRACT(YEAR FROM :day) - EXTRACT(YEAR FROM anchor)) * 12
                + EXTRACT(MONTH FROM :day) - EXTRACT(MONTH FROM anchor) AS integer
            ) AS months_through
        FROM :terms AS every
        WHERE price > 0
    ) AS term
    -- From the last period that begins in the month of :since or before it.
    CROSS JOIN LATERAL GENERATE_SERIES(
        GREATEST(months_before / CAST(term.months AS integer) * CAST(term.months AS integer), 0),
        months_through,
        CAST(term.months AS integer)
    ) AS step
) AS period
LEFT JOIN :holders AS holder
    ON holder.client_id = period.client_id
        AND period.start_day >= holder.start_day
        AND period.start_day < holder.end_day
WHERE period.start_day BETWEEN :since AND :day
    AND period.start_day >= period.term_start
    AND COALESCE(period.start_day < period.term_end, TRUE)
GROUP BY holder.partner_id, period.currency
