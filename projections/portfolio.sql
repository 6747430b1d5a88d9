-- Clients that pay on each of some days and what that makes in a year, by partner (null: direct) and
-- currency; the row without currency counts each client once.
SELECT
    on_day,
    partner_id,
    currency,
    COUNT(DISTINCT client_id) AS clients,
    CASE WHEN GROUPING(currency) = 0 THEN SUM(yearly) END AS arr
FROM (
    SELECT
        days.on_day,
        holder.partner_id,
        term.client_id,
        term.currency,
        term.yearly
    FROM :days AS days
    INNER JOIN :prices AS term
        ON term.start_day <= days.on_day
            AND COALESCE(term.end_day > days.on_day, TRUE)
            AND term.price > 0
    LEFT JOIN :holders AS holder
        ON holder.client_id = term.client_id
            AND days.on_day >= holder.start_day
            AND days.on_day < holder.end_day
) AS paying
GROUP BY GROUPING SETS ((on_day, partner_id), (on_day, partner_id, currency))
