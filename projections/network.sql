-- The partners enrolled by each of some days, and whether their agreement is in force then (D4.4).
SELECT
    days.on_day,
    enrolment.partner_id,
    enrolment.enrolled_on,
    COALESCE(agreement.signed, TRUE) AS in_force
FROM :days AS days
INNER JOIN (
    -- The first enrolment recorded stands (D11).
    SELECT DISTINCT ON (partner_id) partner_id, day AS enrolled_on
    FROM :events
    WHERE :known
        AND originator_id >= 'partner:'
        AND originator_id < 'partner;'
        AND topic = 'partner.enrolled/1'
    ORDER BY partner_id, position
) AS enrolment
    ON enrolment.enrolled_on <= days.on_day
LEFT JOIN LATERAL (
    SELECT topic = 'partner.agreement_signed/1' AS signed
    FROM :events AS told
    WHERE :known
        AND originator_id = 'partner:' || enrolment.partner_id
        AND topic IN ('partner.agreement_signed/1', 'partner.agreement_ended/1')
        AND day BETWEEN enrolment.enrolled_on AND days.on_day
    ORDER BY day DESC, effective_at DESC, position DESC
    LIMIT 1
) AS agreement
    ON TRUE
