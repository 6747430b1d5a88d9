-- Every money event as it stands in a statement (D16), with its effect on what is payable (D15).
SELECT
    money.partner_id,
    money.currency,
    money.posting_day AS posting_date,
    money.position,
    money.kind,
    record.rule,
    money.day AS service_date,
    record.service_end,
    money.client_id,
    record.subscription_id,
    record.base,
    record.rate,
    money.amount,
    money.tax,
    CASE
        WHEN money.kind IN (
            'commission', 'bonus', 'contest', 'reward', 'override', 'prize', 'credit',
            'adjustment', 'opening'
        ) THEN money.amount
        WHEN money.kind IN ('payout_settled', 'payout_returned', 'payment') THEN -money.amount
        ELSE 0
    END - COALESCE(money.in_flight, 0) AS effect,
    record.payout_id,
    record.line,
    record.reason,
    record.programme_version,
    record.facts,
    record.fact,
    record.command
FROM :events AS money
CROSS JOIN LATERAL jsonb_to_record(:state) AS record (
    rule text,
    service_end date,
    subscription_id text,
    base numeric,
    rate text,
    payout_id text,
    line bigint,
    reason text,
    programme_version text,
    facts jsonb,
    fact bigint,
    command bigint
)
WHERE :scope
    AND kind IS NOT NULL
    AND partner_id IS NOT NULL
    AND currency IS NOT NULL
