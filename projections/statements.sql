-- The lines of every partner's statements, month by month, with the balance after each (D16).
SELECT
    partner_id,
    TO_CHAR(posting_date, 'YYYY-MM') AS month,
    currency,
    posting_date,
    position,
    kind,
    rule,
    service_date,
    service_end,
    client_id,
    subscription_id,
    base,
    rate,
    amount,
    effect,
    SUM(effect) OVER (
        PARTITION BY partner_id, currency
        ORDER BY posting_date, position
    ) AS balance,
    payout_id,
    reason,
    line,
    tax,
    programme_version,
    facts,
    fact,
    command
FROM :statement_lines AS lines
