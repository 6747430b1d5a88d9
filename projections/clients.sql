-- How each client stands since its last ClientStanding (D4.5).
SELECT
    latest.client_id,
    standing.partner_id,
    standing.claim,
    standing.first_activated_on,
    standing.first_activated_at,
    standing.counted_on,
    standing.counted_by,
    COALESCE(standing.retracted, FALSE) AS retracted,
    latest.position
FROM (
    SELECT
        client_id,
        state,
        position,
        ROW_NUMBER() OVER (PARTITION BY client_id ORDER BY position DESC) AS newest
    FROM :events
    WHERE :scope
        AND topic = 'ClientStanding/1'
) AS latest
CROSS JOIN LATERAL jsonb_to_record(:state -> 'after') AS standing (
    partner_id text,
    claim bigint,
    first_activated_on date,
    first_activated_at timestamptz,
    counted_on date,
    counted_by text,
    retracted boolean
)
WHERE latest.newest = 1
