-- Every payout with what became of it (D15.2); after a return it is failed, what was settled stays.
SELECT
    sent.payout_id,
    sent.partner_id,
    sent.currency,
    sent.cutoff,
    sent.amount,
    CASE
        WHEN 'payout_returned' = ANY (ends.kinds) OR 'payout_failed' = ANY (ends.kinds)
            THEN 'failed'
        WHEN 'payout_settled' = ANY (ends.kinds) THEN 'settled'
        ELSE 'in_flight'
    END AS status,
    ends.settled_amount,
    ends.flag,
    sent.position
FROM (
    SELECT
        originator_id,
        :state ->> 'payout_id' AS payout_id,
        partner_id,
        currency,
        day AS cutoff,
        amount,
        position
    FROM :events
    WHERE :scope
        AND topic = 'PayoutInitiated/1'
        AND originator_id >= 'payout:'
        AND originator_id < 'payout;'
) AS sent
LEFT JOIN (
    SELECT
        originator_id,
        ARRAY_AGG(kind) AS kinds,
        SUM(amount) FILTER (WHERE kind = 'payout_settled') AS settled_amount,
        MAX(:state ->> 'flag') AS flag
    FROM :events
    WHERE :scope
        AND topic = 'PayoutClosed/1'
        AND originator_id >= 'payout:'
        AND originator_id < 'payout;'
    GROUP BY originator_id
) AS ends
    ON ends.originator_id = sent.originator_id
