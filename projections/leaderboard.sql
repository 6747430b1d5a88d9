-- Counted clients of each partner by quarter of their counting day (D12.1).
SELECT
    quarter,
    ROW_NUMBER() OVER (
        PARTITION BY quarter
        ORDER BY clients DESC, last_activation, partner_id
    ) AS rank,
    partner_id,
    clients
FROM (
    SELECT
        quarter,
        partner_id,
        COUNT(*) AS clients,
        -- Of the last counted: by counting day, then first activation, then client id.
        MAX(first_activated_at) FILTER (WHERE from_last = 1) AS last_activation
    FROM (
        SELECT
            TO_CHAR(counted_on, 'YYYY"Q"Q') AS quarter,
            partner_id,
            first_activated_at,
            ROW_NUMBER() OVER (
                PARTITION BY TO_CHAR(counted_on, 'YYYY"Q"Q'), partner_id
                ORDER BY counted_on DESC, first_activated_at DESC, client_id DESC
            ) AS from_last
        FROM :clients AS standing
        WHERE partner_id IS NOT NULL
            AND counted_on IS NOT NULL
            AND (CAST(:until AS date) IS NULL OR counted_on <= :until)
    ) AS counted
    GROUP BY quarter, partner_id
) AS totals
