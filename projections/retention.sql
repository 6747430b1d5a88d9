-- Clients that paid on a day from :since to :day, and those of them that do not pay on :day, by the
-- partner that holds them on :day (null: direct).
SELECT
    holder.partner_id,
    COUNT(*) AS clients,
    COUNT(*) FILTER (WHERE NOT paying) AS lost
FROM (
    SELECT
        client_id,
        BOOL_OR(COALESCE(end_day > :day, TRUE)) AS paying
    FROM :terms AS term
    WHERE price > 0
        AND start_day <= :day
        AND COALESCE(end_day > :since, TRUE)
    GROUP BY client_id
) AS paid
LEFT JOIN :holders AS holder
    ON holder.client_id = paid.client_id
        AND :day >= holder.start_day
        AND :day < holder.end_day
GROUP BY holder.partner_id
