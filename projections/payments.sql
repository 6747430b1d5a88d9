-- Each payment as it stands: its own fact until a refund changes it, and of one payment the first.
SELECT
    invoice_id,
    payment_id,
    client_id,
    subscription_id,
    period_start,
    net,
    currency,
    payment,
    refunds,
    revision,
    gone
FROM (
    SELECT
        record.invoice_id,
        COALESCE(record.payment_id, '') AS payment_id,
        told.client_id,
        record.subscription_id,
        record.period_start,
        COALESCE(record.after, record.net_amount) AS net,
        record.currency,
        COALESCE(record.payment, told.position) AS payment,
        COALESCE(record.refunds, '{}') AS refunds,
        told.revision,
        COALESCE(record.gone, FALSE) AS gone,
        ROW_NUMBER() OVER (
            PARTITION BY record.invoice_id, record.payment_id
            ORDER BY told.revision DESC
        ) AS newest
    FROM (
        SELECT
            client_id,
            state,
            position,
            CASE topic WHEN 'invoice.paid/1' THEN -position ELSE position END AS revision
        FROM :events
        WHERE :scope
            AND topic IN ('invoice.paid/1', 'PaymentStanding/1')
            AND originator_id >= 'invoice:'
            AND originator_id < 'invoice;'
    ) AS told
    CROSS JOIN LATERAL jsonb_to_record(:state) AS record (
        invoice_id text,
        payment_id text,
        subscription_id text,
        period_start date,
        net_amount bigint,
        after bigint,
        currency text,
        payment bigint,
        refunds bigint[],
        gone boolean
    )
) AS every
WHERE newest = 1
