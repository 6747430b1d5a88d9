-- Counted clients by counting day (D6.1) and the partner that they count for (null: direct).
SELECT
    COALESCE(counted_by, partner_id) AS partner_id,
    counted_on,
    COUNT(*) AS clients
FROM :clients AS standing
WHERE counted_on IS NOT NULL
GROUP BY COALESCE(counted_by, partner_id), counted_on
