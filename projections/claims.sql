-- Every claim of a partner to a client with its last answer (D3).
SELECT claim AS position, client_id, partner_id, day, answer, reason
FROM (
    SELECT
        record.claim,
        answers.client_id,
        answers.partner_id,
        answers.day,
        CASE answers.topic
            WHEN 'ReferralAccepted/1' THEN 'accepted'
            WHEN 'ReferralRejected/1' THEN 'rejected'
            WHEN 'ReferralLapsed/1' THEN 'lapsed'
            WHEN 'ReferralUnchanged/1' THEN 'no_effect'
            ELSE 'waiting'
        END AS answer,
        record.reason,
        ROW_NUMBER() OVER (PARTITION BY record.claim ORDER BY answers.position DESC) AS newest
    FROM :events AS answers
    CROSS JOIN LATERAL jsonb_to_record(:state) AS record (claim bigint, reason text)
    WHERE :scope
        AND topic IN (
            'ReferralAccepted/1', 'ReferralRejected/1', 'ReferralLapsed/1',
            'ReferralUnchanged/1', 'ReferralWaiting/1'
        )
) AS answered
WHERE newest = 1
