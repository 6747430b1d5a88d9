-- The last score and the last use of each partner's clients, summed; the last score reported of them.
SELECT
    partner_id,
    SUM(score) AS score_sum,
    COUNT(score) AS scored_clients,
    SUM(used) AS used_sum,
    COUNT(used) AS used_clients,
    MAX(reported) AS reported
FROM (
    SELECT
        holder.partner_id,
        CASE WHEN topic = 'client.nps_reported/1' THEN value END AS score,
        CASE WHEN topic = 'client.usage_reported/1' AND paying.client_id IS NOT NULL
            THEN value END AS used,
        NULL AS reported
    FROM (
        SELECT DISTINCT ON (told.client_id, told.topic)
            told.client_id,
            told.topic,
            COALESCE(record.score, record.features_used) AS value
        FROM :events AS told
        CROSS JOIN LATERAL jsonb_to_record(:state) AS record (score integer, features_used integer)
        WHERE :scope
            AND originator_id >= 'usage:'
            AND originator_id < 'usage;'
            AND (position, originator_id) NOT IN (
                SELECT position, originator_id FROM :voided AS never
            )
        ORDER BY told.client_id, told.topic, told.day DESC, told.effective_at DESC,
            told.position DESC
    ) AS latest
    INNER JOIN :holders AS holder
        ON holder.client_id = latest.client_id
            AND :until >= holder.start_day
            AND :until < holder.end_day
    LEFT JOIN (
        SELECT DISTINCT client_id
        FROM :terms AS term
        WHERE price > 0
            AND start_day <= :until
            AND COALESCE(end_day > :until, TRUE)
    ) AS paying
        ON paying.client_id = latest.client_id
    UNION ALL
    SELECT *
    FROM (
        SELECT DISTINCT ON (partner_id)
            partner_id,
            CAST(NULL AS integer) AS score,
            CAST(NULL AS integer) AS used,
            CAST(:state ->> 'score' AS integer) AS reported
        FROM :events
        WHERE :scope
            AND originator_id >= 'partner:'
            AND originator_id < 'partner;'
            AND topic = 'partner.nps_reported/1'
            AND (position, originator_id) NOT IN (
                SELECT position, originator_id FROM :voided AS never
            )
        ORDER BY partner_id, day DESC, effective_at DESC, position DESC
    ) AS reports
) AS every
GROUP BY partner_id
