-- Clients counted up to each of some days (D6.1), by the partner that they count for (null: direct).
SELECT
    days.on_day,
    counting.partner_id,
    SUM(counting.clients) AS clients
FROM :days AS days
INNER JOIN :counting AS counting
    ON counting.counted_on <= days.on_day
GROUP BY days.on_day, counting.partner_id
