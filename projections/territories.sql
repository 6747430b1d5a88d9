-- Every department asked for, with its answer: who holds it from which day to the eve of which (D14).
SELECT
    record.fact AS position,
    record.department,
    answers.partner_id,
    answers.day,
    record."end",
    CASE answers.topic WHEN 'TerritoryAccepted/1' THEN 'accepted' ELSE 'rejected' END AS answer,
    record.reason
FROM :events AS answers
CROSS JOIN LATERAL jsonb_to_record(:state) AS record (
    fact bigint,
    department text,
    "end" date,
    reason text
)
WHERE :scope
    AND originator_id >= 'department:'
    AND originator_id < 'department;'
    AND topic IN ('TerritoryAccepted/1', 'TerritoryRejected/1')
