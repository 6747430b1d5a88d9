-- The clients counted from one day to another, with what decisions name of each (D6.1).
SELECT
    standing.client_id,
    COALESCE(standing.counted_by, standing.partner_id) AS partner_id,
    standing.counted_on,
    standing.first_activated_at,
    -- Whom an assignment lets count it has no winning claim to it (D3.6).
    CASE WHEN standing.counted_by IS NULL THEN standing.claim END AS claim,
    claims.day AS claimed_on,
    activation.position AS activation
FROM :clients AS standing
LEFT JOIN LATERAL (
    SELECT told.day
    FROM :events AS told
    WHERE standing.counted_by IS NULL
        AND told.position = standing.claim
    OFFSET 0
) AS claims ON TRUE
CROSS JOIN LATERAL (
    SELECT MIN(told.position) AS position
    FROM :events AS told
    WHERE :known
        AND told.originator_id = 'client:' || standing.client_id
        AND told.topic = 'client.activated/1'
        AND told.effective_at = standing.first_activated_at
        AND (told.position, told.originator_id) NOT IN (
            SELECT position, originator_id FROM :voided AS never
        )
    OFFSET 0
) AS activation
WHERE standing.counted_on >= :since
    AND standing.counted_on <= :day
    AND COALESCE(standing.counted_by, standing.partner_id) IS NOT NULL
