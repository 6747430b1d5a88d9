-- Claims, sponsors, payments and facts that wait or had no effect; the last word on each counts. What
-- finance has looked at is listed no more, unless something was noted of it since (D9.5).
SELECT
    noted.position,
    COALESCE(SPLIT_PART(told.topic, '/', 1), noted.type) AS type,
    noted.client_id,
    noted.partner_id,
    noted.reason
FROM (
    SELECT
        COALESCE(record.decision, record.fact, record.claim, notes.position) AS position,
        COALESCE(record.decision, record.fact, record.claim) IS NOT NULL AS names_fact,
        SPLIT_PART(notes.topic, '/', 1) AS type,
        notes.client_id,
        notes.partner_id,
        CASE notes.topic
            WHEN 'ReferralWaiting/1' THEN 'unknown_partner'
            WHEN 'ReferralUnchanged/1' THEN 'no_effect'
            WHEN 'SponsorWaiting/1' THEN 'unknown_sponsor'
            ELSE COALESCE(record.reason, record.flag)
        END AS reason,
        notes.topic IN (
            'FactUnresolved/1', 'ReferralWaiting/1', 'ReferralUnchanged/1', 'SponsorWaiting/1',
            'PaymentBooked/1', 'PayoutClosed/1', 'DifferenceUnresolved/1', 'DecisionUnresolved/1'
        )
            AND record.reason IS DISTINCT FROM 'settled'
            -- A payout that was settled as it was initiated is in order.
            AND (notes.topic <> 'PayoutClosed/1' OR record.flag IS NOT NULL) AS open,
        notes.position AS noted_at,
        MAX(CASE WHEN notes.topic = 'DecisionResolved/1' THEN notes.position END) OVER (
            PARTITION BY COALESCE(record.decision, record.fact, record.claim, notes.position)
        ) AS resolved_at,
        ROW_NUMBER() OVER (
            PARTITION BY
                CASE
                    WHEN notes.topic = 'DecisionResolved/1' THEN 'resolution'
                    WHEN notes.topic LIKE 'Fact%' THEN 'fact'
                    WHEN notes.topic LIKE 'Referral%' THEN 'claim'
                    WHEN notes.topic LIKE 'Sponsor%' THEN 'sponsor'
                    WHEN notes.topic LIKE 'Enrolment%' THEN 'sponsor'
                    WHEN notes.topic LIKE 'Pay%' THEN 'payment'
                    WHEN notes.topic LIKE 'Decision%' THEN 'decision'
                    ELSE 'difference'
                END,
                CASE WHEN notes.topic LIKE 'Sponsor%' OR notes.topic LIKE 'Enrolment%'
                    THEN NULL ELSE COALESCE(record.decision, record.fact, record.claim, record.line) END,
                -- Of a partner's sponsors only the one named last is waited for (D9.6).
                CASE WHEN notes.topic LIKE 'Sponsor%' OR notes.topic LIKE 'Enrolment%'
                    THEN notes.partner_id END
            ORDER BY notes.position DESC
        ) AS newest
    FROM :events AS notes
    CROSS JOIN LATERAL jsonb_to_record(:state) AS record (
        decision bigint,
        fact bigint,
        claim bigint,
        line bigint,
        reason text,
        flag text,
        sponsor_id text,
        cleared jsonb
    )
    WHERE :scope
        AND (
            topic <> 'EnrolmentCorrected/1'
            OR record.sponsor_id IS NOT NULL
            OR record.cleared @> '["sponsor_id"]'
        )
        AND topic IN (
            'EnrolmentCorrected/1', 'FactUnresolved/1', 'FactResolved/1', 'FactVoided/1',
            'ReferralAccepted/1', 'ReferralRejected/1', 'ReferralLapsed/1',
            'ReferralUnchanged/1', 'ReferralWaiting/1',
            'SponsorAccepted/1', 'SponsorRejected/1', 'SponsorWaiting/1',
            'PaymentBooked/1', 'PayoutClosed/1',
            'DifferenceUnresolved/1', 'DecisionUnresolved/1', 'DecisionResolved/1'
        )
) AS noted
LEFT JOIN :events AS told
    ON noted.names_fact AND told.position = noted.position
WHERE noted.newest = 1
    AND noted.open
    AND (noted.resolved_at IS NULL OR noted.resolved_at < noted.noted_at)
