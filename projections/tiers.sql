-- The last tier of each partner, by its first day (D6).
SELECT partner_id, tier, since, position
FROM (
    SELECT
        partner_id,
        :state ->> 'to_tier' AS tier,
        day AS since,
        position,
        ROW_NUMBER() OVER (PARTITION BY partner_id ORDER BY day DESC, position DESC) AS newest
    FROM :events
    WHERE :scope
        AND topic = 'TierChanged/1'
        AND originator_id >= 'partner:'
        AND originator_id < 'partner;'
) AS changes
WHERE newest = 1
