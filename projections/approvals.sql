-- Every command that was proposed, with who decided on it (D16.1).
SELECT
    asked.position,
    split_part(asked.said ->> 'topic', '/', 1) AS type,
    asked.said -> 'members' ->> 'partner_id' AS partner_id,
    asked.said ->> 'operator' AS operator,
    CASE answers.topic
        WHEN 'proposal.approved/1' THEN 'approved'
        WHEN 'proposal.rejected/1' THEN 'rejected'
        ELSE 'waiting'
    END AS status,
    answers.said ->> 'operator' AS decided_by,
    answers.position AS decided_at,
    CASE WHEN answers.topic = 'proposal.approved/1' THEN answers.position + 1 END AS command,
    answers.said ->> 'reason' AS reason
FROM (
    SELECT position, :state AS said
    FROM :events
    WHERE :scope AND originator_id = 'ledger' AND topic = 'command.proposed/1'
) AS asked
LEFT JOIN (
    SELECT position, topic, :state AS said
    FROM :events
    WHERE :scope
        AND originator_id = 'ledger'
        AND topic IN ('proposal.approved/1', 'proposal.rejected/1')
) AS answers
    ON (answers.said ->> 'proposal')::bigint = asked.position
