-- Debits and credits of every account by currency (D17): a signed amount debits, or credits below 0.
SELECT
    account,
    currency,
    SUM(GREATEST(amount, 0)) AS debit,
    SUM(GREATEST(-amount, 0)) AS credit,
    SUM(amount) AS balance
FROM (
    SELECT posting.account, money.currency, posting.amount
    FROM (
        -- Amounts of one kind and one sign post to the same sides, so they are added up first.
        SELECT
            kind,
            currency,
            SUM(amount) AS amount,
            COALESCE(SUM(in_flight), 0) AS in_flight,
            COALESCE(SUM(tax), 0) AS tax,
            SUM(CASE WHEN kind IN ('margin', 'margin_adjustment')
                THEN CAST(:state ->> 'base' AS numeric) END) AS base
        FROM :events
        WHERE :scope
            AND kind IS NOT NULL
            AND currency IS NOT NULL
        GROUP BY kind, currency, amount < 0, COALESCE(amount + in_flight, amount) < 0
    ) AS money
    CROSS JOIN LATERAL (
        VALUES
            ('commission_expense', CASE
                WHEN kind IN ('commission', 'bonus', 'contest', 'reward', 'override', 'prize',
                    'credit', 'adjustment') THEN money.amount END),
            ('opening_balance', CASE WHEN kind = 'opening' THEN money.amount END),
            ('partner_payable', CASE
                WHEN kind IN ('commission', 'bonus', 'contest', 'reward', 'override', 'prize',
                    'credit', 'adjustment', 'opening') THEN -money.amount
                WHEN kind IN ('payout_initiated', 'payout_failed') THEN in_flight
                WHEN kind IN ('payout_settled', 'payout_returned', 'payment')
                    THEN money.amount + in_flight END),
            ('payouts_in_flight', -in_flight),
            ('bank', CASE
                WHEN kind IN ('payout_settled', 'payout_returned', 'payment') THEN -money.amount
                END),
            ('bank', -tax),
            ('input_vat', tax),
            ('partner_receivable', CASE kind
                WHEN 'margin' THEN base - money.amount
                WHEN 'margin_adjustment' THEN -(base + money.amount) END),
            ('wholesale_revenue', CASE kind
                WHEN 'margin' THEN money.amount - base
                WHEN 'margin_adjustment' THEN base + money.amount END)
    ) AS posting (account, amount)
    WHERE posting.amount <> 0
    UNION ALL
    SELECT posting.account, record.currency, posting.amount
    FROM :events AS settled
    CROSS JOIN LATERAL jsonb_to_record(:state) AS record (amount bigint, currency text)
    CROSS JOIN LATERAL (
        VALUES ('bank', record.amount), ('partner_receivable', -record.amount)
    ) AS posting (account, amount)
    WHERE :scope
        AND topic = 'wholesale.settled/1'
        AND originator_id >= 'payments:'
        AND originator_id < 'payments;'
) AS postings
GROUP BY account, currency
