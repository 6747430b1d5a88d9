-- Counted clients by counting day (D6.1) and the partner that they count for: who holds them on their
-- first activation day (null: direct).
SELECT
    holder.partner_id,
    standing.counted_on,
    COUNT(*) AS clients
FROM :clients AS standing
LEFT JOIN :holders AS holder
    ON holder.client_id = standing.client_id
        AND standing.first_activated_on >= holder.start_day
        AND standing.first_activated_on < holder.end_day
WHERE standing.counted_on IS NOT NULL
GROUP BY holder.partner_id, standing.counted_on
