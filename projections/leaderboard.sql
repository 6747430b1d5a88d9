-- Partners by the clients counted in a quarter, each under its programme of the quarter's last day:
-- the ranking as a close recorded it, else computed from all that is known (D12.1).
SELECT ranking AS quarter, programme, rank, partner_id, clients, prize, currency, position
FROM :ranking_places AS recorded
WHERE counts = 'quarter'
    AND partner_id IS NOT NULL
UNION ALL
SELECT
    quarter,
    programme,
    ROW_NUMBER() OVER (
        PARTITION BY quarter, programme
        ORDER BY clients DESC, last_activation, partner_id
    ) AS rank,
    partner_id,
    clients,
    NULL AS prize,
    NULL AS currency,
    NULL AS position
FROM (
    SELECT
        totals.quarter,
        COALESCE(assigned.programme, :first_programme) AS programme,
        totals.partner_id,
        totals.clients,
        totals.last_activation,
        ROW_NUMBER() OVER (
            PARTITION BY totals.quarter, totals.partner_id
            ORDER BY assigned.day DESC NULLS LAST, assigned.position DESC
        ) AS newest
    FROM (
        SELECT
            quarter,
            partner_id,
            COUNT(*) AS clients,
            CAST(
                DATE_TRUNC('quarter', CAST(MAX(counted_on) AS timestamp))
                + INTERVAL '3 months' - INTERVAL '1 day' AS date
            ) AS last_day,
            -- Of the last counted: by counting day, then first activation, then client id.
            MAX(first_activated_at) FILTER (WHERE from_last = 1) AS last_activation
        FROM (
            SELECT
                TO_CHAR(counted_on, 'YYYY"Q"Q') AS quarter,
                COALESCE(counted_by, partner_id) AS partner_id,
                counted_on,
                first_activated_at,
                ROW_NUMBER() OVER (
                    PARTITION BY
                        TO_CHAR(counted_on, 'YYYY"Q"Q'),
                        COALESCE(counted_by, partner_id)
                    ORDER BY counted_on DESC, first_activated_at DESC, client_id DESC
                ) AS from_last
            FROM :clients AS standing
            WHERE COALESCE(counted_by, partner_id) IS NOT NULL
                AND counted_on IS NOT NULL
                AND (CAST(:until AS date) IS NULL OR counted_on <= :until)
        ) AS counted
        GROUP BY quarter, partner_id
    ) AS totals
    LEFT JOIN :assigned_programmes AS assigned
        ON assigned.partner_id = totals.partner_id
        AND assigned.day <= totals.last_day
) AS placed
WHERE newest = 1
    AND NOT EXISTS (
        SELECT 1
        FROM :ranking_places AS recorded
        WHERE recorded.counts = 'quarter'
            AND recorded.ranking = placed.quarter
            AND recorded.programme = placed.programme
    )
