-- Every client with its holder, its first activation and how many subscriptions it has open (D4).
SELECT
    standing.client_id,
    standing.partner_id,
    CASE WHEN CAST(:until AS date) IS NULL OR first_activated_on <= :until
        THEN first_activated_on END AS first_activated_on,
    CASE WHEN CAST(:until AS date) IS NULL OR counted_on <= :until
        THEN counted_on END AS counted_on,
    COALESCE(held.subscriptions, 0) AS open_subscriptions,
    standing.claim,
    standing.position
FROM :clients AS standing
LEFT JOIN (
    SELECT client_id, COUNT(*) AS subscriptions
    FROM :terms AS stretch
    WHERE CASE WHEN CAST(:until AS date) IS NULL
        THEN end_day IS NULL
        ELSE start_day <= :until AND COALESCE(end_day > :until, TRUE) END
    GROUP BY client_id
) AS held
    ON held.client_id = standing.client_id
