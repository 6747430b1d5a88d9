-- Every client with its holder, its first activation and how many subscriptions it has open (D4).
SELECT
    COALESCE(standing.client_id, assigned.client_id) AS client_id,
    CASE WHEN assigned.client_id IS NULL
        THEN CASE WHEN CAST(:until AS date) IS NULL OR claimed.day <= :until
            THEN standing.partner_id END
        ELSE assigned.partner_id END AS partner_id,
    CASE WHEN CAST(:until AS date) IS NULL OR first_activated_on <= :until
        THEN first_activated_on END AS first_activated_on,
    CASE WHEN CAST(:until AS date) IS NULL OR counted_on <= :until
        THEN counted_on END AS counted_on,
    CASE WHEN CAST(:until AS date) IS NULL OR counted_on <= :until
        THEN CASE WHEN counted_on IS NOT NULL
            THEN COALESCE(standing.counted_by, standing.partner_id) END END AS counted_by,
    COALESCE(held.subscriptions, 0) AS open_subscriptions,
    CASE WHEN assigned.client_id IS NULL
            AND (CAST(:until AS date) IS NULL OR claimed.day <= :until)
        THEN standing.claim END AS claim,
    assigned.from_day AS assigned_from,
    GREATEST(standing.position, assigned.position) AS position
FROM :clients AS standing
FULL JOIN (
    -- The assignment of the latest day holds (D3.6).
    SELECT DISTINCT ON (client_id) client_id, from_day, partner_id, position
    FROM :assignments AS given
    ORDER BY client_id, from_day DESC
) AS assigned
    ON assigned.client_id = standing.client_id
LEFT JOIN (
    SELECT client_id, COUNT(*) AS subscriptions
    FROM :terms AS stretch
    WHERE CASE WHEN CAST(:until AS date) IS NULL
        THEN end_day IS NULL
        ELSE start_day <= :until AND COALESCE(end_day > :until, TRUE) END
    GROUP BY client_id
) AS held
    ON held.client_id = standing.client_id
-- A fact of an early day, told late, finds claims of later days: up to a day they hold nothing yet.
LEFT JOIN :events AS claimed
    ON CAST(:until AS date) IS NOT NULL
        AND claimed.position = standing.claim
