-- Every line (D18) with its arithmetic, those that carry no money included.
SELECT
    lines.position,
    lines.partner_id,
    CASE lines.kind
        WHEN 'opening' THEN 'adjustment'
        WHEN 'margin_adjustment' THEN 'adjustment'
        WHEN 'prize_in_kind' THEN 'prize'
        ELSE lines.kind
    END AS kind,
    record.rule,
    lines.client_id,
    record.subscription_id,
    lines.day AS service_date,
    record.service_end,
    lines.posting_day AS posting_date,
    record.base,
    record.rate,
    lines.amount,
    lines.currency,
    record.programme_version,
    record.facts,
    record.client_year,
    record.tier,
    record.line,
    record.run,
    record.command,
    record.reason,
    record.sponsored_id,
    COALESCE(record.contest, record.prize) AS award,
    COALESCE(record.ordinal, record.rank) AS ordinal,
    lines.kind NOT IN ('waiver', 'margin', 'margin_adjustment', 'prize_in_kind') AS in_balance,
    record.invoice_id,
    record.payment_id
FROM :events AS lines
CROSS JOIN LATERAL jsonb_to_record(:state) AS record (
    rule text,
    subscription_id text,
    service_end date,
    base numeric,
    rate text,
    programme_version text,
    facts jsonb,
    client_year integer,
    tier text,
    line bigint,
    run bigint,
    command bigint,
    reason text,
    sponsored_id text,
    contest text,
    prize text,
    ordinal integer,
    rank integer,
    invoice_id text,
    payment_id text
)
WHERE :scope
    AND kind IN (
        'commission', 'margin', 'waiver', 'bonus', 'contest', 'reward', 'override', 'prize',
        'prize_in_kind', 'credit', 'adjustment', 'margin_adjustment', 'opening'
    )
