-- Every change of a tier, the enrolment's first (D6); all of them stand in the partners' streams.
SELECT
    changes.partner_id,
    record.from_tier,
    record.to_tier,
    changes.day AS effective_day,
    changes.position,
    record.cause,
    record.rule,
    record.programme_version,
    record.measures
FROM :events AS changes
CROSS JOIN LATERAL jsonb_to_record(:state) AS record (
    from_tier text,
    to_tier text,
    cause text,
    rule text,
    programme_version text,
    measures jsonb
)
WHERE :scope
    AND topic = 'TierChanged/1'
    AND originator_id >= 'partner:'
    AND originator_id < 'partner;'
