-- The partner that holds each client, and from which day to the eve of which: a period that begins
-- on such a day is that partner's (D4.3). A client of no row on a day is direct then.
SELECT
    client_id,
    partner_id,
    DATE '-infinity' AS start_day,
    DATE 'infinity' AS end_day
FROM :clients AS standing
WHERE partner_id IS NOT NULL
