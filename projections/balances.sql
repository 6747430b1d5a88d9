-- What each partner earned, was adjusted by and was paid, by currency (D15, D18).
SELECT
    partner_id,
    currency,
    SUM(CASE
        WHEN kind IN ('commission', 'bonus', 'contest', 'reward', 'override', 'prize', 'credit')
        THEN amount ELSE 0 END) AS earned,
    SUM(CASE WHEN kind IN ('adjustment', 'opening') THEN amount ELSE 0 END) AS adjusted,
    SUM(CASE
        WHEN kind IN ('payout_settled', 'payout_returned', 'payment')
        THEN amount ELSE 0 END) AS paid,
    SUM(COALESCE(in_flight, 0)) AS in_flight
FROM (
    -- Added up by kind first: what a kind counts as is then asked a few times, not for each line.
    SELECT
        partner_id,
        currency,
        kind,
        SUM(amount) AS amount,
        SUM(in_flight) AS in_flight
    FROM :events
    WHERE :scope
        AND kind IS NOT NULL
        AND partner_id IS NOT NULL
        AND currency IS NOT NULL
    GROUP BY partner_id, currency, kind
) AS summed
GROUP BY partner_id, currency
