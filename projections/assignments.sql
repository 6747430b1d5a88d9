-- Who holds a client from a day on by finance's word; of one day the last recorded (D3.6).
SELECT client_id, from_day, partner_id, position
FROM (
    SELECT
        client_id,
        day AS from_day,
        partner_id,
        position,
        ROW_NUMBER() OVER (PARTITION BY client_id, day ORDER BY position DESC) AS newest
    FROM :events
    WHERE :scope
        AND topic = 'AttributionAssigned/1'
) AS assigned
WHERE newest = 1
