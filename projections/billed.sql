-- Prices of the periods that began from :since to :day (D4.1), by the partner that holds the client
-- on the first day of each (null: direct) and currency.
SELECT
    holder.partner_id,
    term.currency,
    SUM(term.price) AS amount
FROM :terms AS term
CROSS JOIN LATERAL (
    SELECT CAST(term.anchor + MAKE_INTERVAL(months => step) AS date) AS start_day
    FROM GENERATE_SERIES(
        0,
        CAST(
            (EXTRACT(YEAR FROM :day) - EXTRACT(YEAR FROM term.anchor)) * 12
            + EXTRACT(MONTH FROM :day) - EXTRACT(MONTH FROM term.anchor) AS integer
        ),
        CAST(term.months AS integer)
    ) AS step
) AS period
LEFT JOIN :holders AS holder
    ON holder.client_id = term.client_id
        AND period.start_day >= holder.start_day
        AND period.start_day < holder.end_day
WHERE term.price > 0
    AND period.start_day BETWEEN :since AND :day
    AND period.start_day >= term.start_day
    AND COALESCE(period.start_day < term.end_day, TRUE)
GROUP BY holder.partner_id, term.currency
