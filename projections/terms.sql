-- The terms of each subscription: what a fact took away goes, what it put there comes (D4.1).
SELECT
    client_id,
    subscription_id,
    start_day,
    end_day,
    anchor,
    months,
    plan,
    price,
    currency,
    activation,
    price_fact,
    position,
    gone
FROM (
    SELECT
        standing.client_id,
        change.subscription_id,
        term."start" AS start_day,
        term."end" AS end_day,
        term.anchor,
        CAST(CASE term."interval" WHEN 'year' THEN 12 ELSE 1 END AS smallint) AS months,
        term.plan,
        term.price,
        term.currency,
        term.activation,
        term.price_fact,
        standing.position,
        side.gone,
        ROW_NUMBER() OVER (
            PARTITION BY standing.client_id, change.subscription_id, term."start"
            ORDER BY standing.position DESC, side.gone
        ) AS newest
    FROM (
        SELECT client_id, state, position
        FROM :events
        WHERE :scope
            AND topic = 'ClientStanding/1'
    ) AS standing
    CROSS JOIN LATERAL jsonb_to_recordset(:state -> 'subscriptions') AS change (
        subscription_id text,
        before jsonb,
        after jsonb
    )
    CROSS JOIN LATERAL (VALUES (FALSE, change.after), (TRUE, change.before)) AS side (gone, terms)
    CROSS JOIN LATERAL jsonb_to_recordset(side.terms) AS term (
        "start" date,
        "end" date,
        anchor date,
        "interval" text,
        plan text,
        price bigint,
        currency text,
        activation bigint,
        price_fact bigint
    )
    -- Most facts take nothing away: that is told before anything is made of it.
    WHERE jsonb_array_length(side.terms) > 0
) AS every
WHERE newest = 1
