-- Claims that lost against what another partner holds: a claim, a department, an assignment (D3.3).
SELECT
    lost.claim AS position,
    lost.client_id,
    lost.partner_id,
    lost.day,
    lost.reason,
    lost.standing_claim,
    SPLIT_PART(told.topic, '/', 1) AS standing_type,
    -- A lead without a partner is the claim of who holds its department.
    COALESCE(told.partner_id, winner.partner_id) AS standing_partner_id,
    told.day AS standing_day
FROM (
    SELECT DISTINCT ON (record.claim)
        record.claim,
        answers.topic,
        answers.client_id,
        answers.partner_id,
        answers.day,
        answers.position,
        record.reason,
        record.standing_claim
    FROM :events AS answers
    CROSS JOIN LATERAL jsonb_to_record(:state) AS record (
        claim bigint,
        reason text,
        standing_claim bigint
    )
    WHERE :scope
        AND topic IN (
            'ReferralAccepted/1', 'ReferralRejected/1', 'ReferralLapsed/1',
            'ReferralUnchanged/1', 'ReferralWaiting/1'
        )
    ORDER BY record.claim, answers.position DESC
) AS lost
LEFT JOIN :events AS told
    ON told.position = lost.standing_claim
LEFT JOIN LATERAL (
    SELECT accepted.partner_id
    FROM :events AS accepted
    WHERE accepted.originator_id = 'client:' || lost.client_id
        AND accepted.topic = 'ReferralAccepted/1'
        AND CAST(convert_from(accepted.state, 'UTF8') AS jsonb) ->> 'claim'
            = CAST(lost.standing_claim AS text)
        -- What is accepted later has no part in an answer that was given.
        AND accepted.position < lost.position
    ORDER BY accepted.position DESC
    LIMIT 1
) AS winner
    ON told.partner_id IS NULL
WHERE lost.topic = 'ReferralRejected/1'
    AND lost.reason IN ('already_attributed', 'territory')
