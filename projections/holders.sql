-- The partner that holds each client, and from which day to the eve of which: by claims until finance
-- first assigns it, then by each assignment until the next (D3.6). A period that begins on such a day is
-- that partner's (D4.3). A client of no row on a day is direct then.
SELECT client_id, partner_id, start_day, end_day
FROM (
    SELECT
        standing.client_id,
        standing.partner_id,
        DATE '-infinity' AS start_day,
        COALESCE(MIN(given.from_day), DATE 'infinity') AS end_day
    FROM :clients AS standing
    LEFT JOIN :assignments AS given
        ON given.client_id = standing.client_id
    GROUP BY standing.client_id, standing.partner_id
    UNION ALL
    SELECT
        client_id,
        partner_id,
        from_day,
        LEAD(from_day, 1, DATE 'infinity') OVER (PARTITION BY client_id ORDER BY from_day)
    FROM :assignments AS given
) AS held
WHERE partner_id IS NOT NULL
