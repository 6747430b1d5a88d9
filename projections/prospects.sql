-- Every prospect, a client or a lead whose client is not known, with the partner that it counts for:
-- once activated the client's holder on that day, before that whose claim stands, of a lead without
-- client who captured it.
WITH leads AS (
    -- Of several words about a lead the first recorded stand, and the first that names a client (D3.1).
    SELECT
        SUBSTR(originator_id, LENGTH('lead:') + 1) AS lead_id,
        MAX(partner_id) FILTER (WHERE topic = 'lead.captured/1') AS captured_by,
        MAX(day) FILTER (WHERE topic = 'lead.captured/1') AS captured_on,
        MAX(client_id) FILTER (WHERE naming = 1) AS client_id
    FROM (
        SELECT
            words.*,
            ROW_NUMBER() OVER (
                PARTITION BY originator_id, client_id IS NULL
                ORDER BY position
            ) AS naming
        FROM (
            SELECT
                originator_id,
                topic,
                position,
                day,
                partner_id,
                client_id,
                ROW_NUMBER() OVER (PARTITION BY originator_id, topic ORDER BY position) AS word
            FROM :events
            WHERE :scope
                AND originator_id >= 'lead:'
                AND originator_id < 'lead;'
                AND topic IN ('lead.captured/1', 'lead.converted/1')
                AND (position, originator_id) NOT IN (
                    SELECT position, originator_id FROM :voided AS never
                )
        ) AS words
        WHERE word = 1
    ) AS first_words
    GROUP BY originator_id
),
claims AS (
    SELECT DISTINCT ON (client_id)
        client_id,
        partner_id,
        live_through
    FROM (
        SELECT DISTINCT ON (record.claim)
            answers.client_id,
            answers.partner_id,
            answers.topic,
            answers.position,
            record.live_through
        FROM :events AS answers
        CROSS JOIN LATERAL jsonb_to_record(:state) AS record (claim bigint, live_through date)
        WHERE :scope
            AND topic IN ('ReferralAccepted/1', 'ReferralRejected/1', 'ReferralLapsed/1')
        ORDER BY record.claim, answers.position DESC
    ) AS answered
    WHERE topic = 'ReferralAccepted/1'
    ORDER BY client_id, position DESC
),
steps AS (
    SELECT
        COALESCE(told.client_id, leads.client_id) AS client_id,
        record.lead_id,
        told.topic,
        told.day,
        record.co_hosted,
        record.outcome
    FROM :events AS told
    CROSS JOIN LATERAL jsonb_to_record(:state) AS record (
        lead_id text,
        co_hosted boolean,
        outcome text
    )
    LEFT JOIN leads
        ON leads.lead_id = record.lead_id
    WHERE :scope
        AND originator_id >= 'funnel:'
        AND originator_id < 'funnel;'
        AND (position, originator_id) NOT IN (SELECT position, originator_id FROM :voided AS never)
),
known AS (
    SELECT client_id, lead_id, NULL AS captured_by, CAST(NULL AS date) AS captured_on, topic, day,
        co_hosted, outcome
    FROM steps
    UNION ALL
    SELECT client_id, lead_id, captured_by, captured_on, NULL, NULL, NULL, NULL
    FROM leads
    WHERE captured_on IS NOT NULL
    UNION ALL
    SELECT client_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM claims
),
grouped AS (
    SELECT
        client_id,
        CASE WHEN client_id IS NULL THEN lead_id END AS lead_id,
        MAX(captured_by) AS captured_by,
        MAX(captured_on) AS captured_on,
        COUNT(*) FILTER (WHERE topic = 'demo.held/1') AS demos,
        COUNT(*) FILTER (WHERE topic = 'demo.held/1' AND co_hosted) AS co_hosted_demos,
        MIN(day) FILTER (WHERE topic = 'demo.held/1') AS first_demo_on,
        MIN(day) FILTER (WHERE topic = 'trial.started/1') AS first_trial_on,
        MAX(day) FILTER (WHERE topic = 'trial.started/1') AS last_trial_on,
        MAX(day) FILTER (WHERE topic = 'trial.ended/1' AND outcome = 'lost') AS lost_on
    FROM known
    GROUP BY client_id, CASE WHEN client_id IS NULL THEN lead_id END
)
SELECT
    grouped.client_id,
    grouped.lead_id,
    CASE
        WHEN standing.client_id IS NOT NULL THEN holder.partner_id
        WHEN grouped.client_id IS NOT NULL THEN claims.partner_id
        ELSE grouped.captured_by
    END AS partner_id,
    grouped.captured_on,
    claims.live_through,
    grouped.demos,
    grouped.co_hosted_demos,
    grouped.first_demo_on,
    grouped.first_trial_on,
    grouped.last_trial_on,
    grouped.lost_on,
    standing.first_activated_on AS activated_on,
    paid.paid_on
FROM grouped
LEFT JOIN claims
    ON claims.client_id = grouped.client_id
LEFT JOIN :clients AS standing
    ON standing.client_id = grouped.client_id
        AND standing.first_activated_on <= :until
LEFT JOIN :holders AS holder
    ON holder.client_id = standing.client_id
        AND standing.first_activated_on >= holder.start_day
        AND standing.first_activated_on < holder.end_day
LEFT JOIN (
    SELECT client_id, MIN(start_day) AS paid_on
    FROM :terms AS term
    WHERE price > 0
        AND start_day <= :until
    GROUP BY client_id
) AS paid
    ON paid.client_id = grouped.client_id
