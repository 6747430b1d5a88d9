    SELECT partner_id, %(every_partner)s AS is_late
    FROM {tiers}
    WHERE %(every_partner)s
        OR (
            tier <> 'referent'
            AND {next_review} <= %(through)s::date
        )
    UNION
    SELECT partner_id, FALSE
    FROM {events}
    WHERE originator_id >= 'partner:'
        AND originator_id < 'partner;'
        AND partner_id IS NOT NULL
        AND (
            position > %(previous_run)s
            OR day BETWEEN %(previous)s::date AND %(through)s::date
        )
    UNION
    -- What changes whose client it is, by which claim, or when it counts; a price changes nothing.
    SELECT unnest(ARRAY[
        said.state -> 'before' ->> 'partner_id', said.state -> 'before' ->> 'counted_by',
        said.state -> 'after' ->> 'partner_id', said.state -> 'after' ->> 'counted_by'
    ]),
        LEAST(
            (said.state -> 'before' ->> 'counted_on')::date,
            (said.state -> 'after' ->> 'counted_on')::date
        ) <= %(previous)s::date
    FROM {events} AS told
    CROSS JOIN LATERAL (SELECT convert_from(told.state, 'UTF8')::jsonb OFFSET 0) AS said (state)
    WHERE NOT %(every_partner)s
        AND told.topic = 'ClientStanding/1'
        AND told.position > %(previous_run)s
        AND told.client_id IN (SELECT client_id FROM accrual_changed WHERE settled_through IS NULL)
        AND (
            said.state -> 'before' ->> 'counted_on', said.state -> 'before' ->> 'partner_id',
            said.state -> 'before' ->> 'counted_by', said.state -> 'before' ->> 'claim'
        ) IS DISTINCT FROM (
            said.state -> 'after' ->> 'counted_on', said.state -> 'after' ->> 'partner_id',
            said.state -> 'after' ->> 'counted_by', said.state -> 'after' ->> 'claim'
        )
    UNION
    SELECT COALESCE(counted_by, partner_id), FALSE
    FROM {clients}
    WHERE counted_on BETWEEN %(previous)s::date AND %(through)s::date
    UNION
    -- What a sponsor without an agreement was not due may be due now (D11.3).
    SELECT partner_id, FALSE
    FROM {events}
    WHERE topic = 'SponsorAccepted/1'
        AND convert_from(state, 'UTF8')::jsonb ->> 'sponsor_id' IN ({changed_agreements})
