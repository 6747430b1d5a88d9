-- Partners by all clients counted up to a day, each under its programme of that day: the ranking of
-- the year as a close recorded it, else computed from all that is known (D12.3).
SELECT programme, rank, partner_id, clients, prize, currency, position
FROM :ranking_places AS recorded
WHERE counts = 'year'
    AND ranking = CAST(:year AS text)
    AND partner_id IS NOT NULL
UNION ALL
SELECT
    programme,
    ROW_NUMBER() OVER (
        PARTITION BY programme
        ORDER BY clients DESC, last_activation, partner_id
    ) AS rank,
    partner_id,
    clients,
    NULL AS prize,
    NULL AS currency,
    NULL AS position
FROM (
    SELECT
        COALESCE(assigned.programme, :first_programme) AS programme,
        totals.partner_id,
        totals.clients,
        totals.last_activation,
        ROW_NUMBER() OVER (
            PARTITION BY totals.partner_id
            ORDER BY assigned.day DESC NULLS LAST, assigned.position DESC
        ) AS newest
    FROM (
        SELECT
            partner_id,
            COUNT(*) AS clients,
            -- Of the last counted: by counting day, then first activation, then client id.
            MAX(first_activated_at) FILTER (WHERE from_last = 1) AS last_activation
        FROM (
            SELECT
                COALESCE(counted_by, partner_id) AS partner_id,
                first_activated_at,
                ROW_NUMBER() OVER (
                    PARTITION BY COALESCE(counted_by, partner_id)
                    ORDER BY counted_on DESC, first_activated_at DESC, client_id DESC
                ) AS from_last
            FROM :clients AS standing
            WHERE COALESCE(counted_by, partner_id) IS NOT NULL
                AND counted_on IS NOT NULL
                AND (CAST(:last AS date) IS NULL OR counted_on <= :last)
                AND (CAST(:until AS date) IS NULL OR counted_on <= :until)
        ) AS counted
        GROUP BY partner_id
    ) AS totals
    LEFT JOIN :assigned_programmes AS assigned
        ON assigned.partner_id = totals.partner_id
        AND (CAST(:last AS date) IS NULL OR assigned.day <= :last)
) AS placed
WHERE newest = 1
    AND NOT EXISTS (
        SELECT 1
        FROM :ranking_places AS recorded
        WHERE recorded.counts = 'year'
            AND recorded.ranking = CAST(:year AS text)
            AND recorded.programme = placed.programme
    )
