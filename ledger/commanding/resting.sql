-- The decisions that rested on a retracted fact and stay: what is no line of a period, and tiers.
WITH shares AS (
    -- A sponsor's shares on lines that rest on the fact.
    SELECT share.position, share.partner_id, share.client_id, share.day
    FROM {events} AS share
    INNER JOIN {events} AS line
        ON line.position = (convert_from(share.state, 'UTF8')::jsonb ->> 'line')::bigint
    WHERE share.client_id = ANY(%(clients)s)
        AND share.kind = 'override'
        AND EXISTS (
            SELECT FROM jsonb_array_elements_text(convert_from(line.state, 'UTF8')::jsonb -> 'facts')
                AS named (fact)
            WHERE named.fact::bigint = ANY(%(voided)s)
        )
),
counts AS (
    -- What the client's count brought its partner, and the partner's sponsor; where it counts as
    -- before, but by another claim, the contest's amount alone.
    SELECT line.position, line.partner_id, line.client_id, line.day
    FROM {events} AS line
    WHERE line.partner_id = %(partner)s
        AND line.day >= %(counted_on)s::date
        AND (
            (line.kind IN ('bonus', 'prize', 'prize_in_kind') AND NOT %(by_another_claim)s)
            OR (line.kind = 'contest' AND line.client_id = ANY(%(clients)s))
        )
    UNION ALL
    SELECT reward.position, reward.partner_id, reward.client_id, reward.day
    FROM {events} AS reward
    WHERE reward.kind = 'reward'
        AND NOT %(by_another_claim)s
        AND reward.day >= %(counted_on)s::date
        AND convert_from(reward.state, 'UTF8')::jsonb ->> 'sponsored_id' = %(partner)s
        AND reward.partner_id IN (
            SELECT convert_from(tie.state, 'UTF8')::jsonb ->> 'sponsor_id'
            FROM {events} AS tie
            WHERE tie.originator_id = 'partner:' || %(partner)s
                AND tie.topic = 'SponsorAccepted/1'
        )
    UNION ALL
    SELECT tier.position, tier.partner_id, tier.client_id, tier.day
    FROM {events} AS tier
    WHERE tier.originator_id = 'partner:' || %(partner)s
        AND tier.topic = 'TierChanged/1'
        AND NOT %(by_another_claim)s
        AND convert_from(tier.state, 'UTF8')::jsonb ->> 'cause' = 'promotion'
        AND (convert_from(tier.state, 'UTF8')::jsonb ->> 'evaluated_on')::date
            >= %(counted_on)s::date
),
reports AS (
    -- Tiers that a partner's report was measured for.
    SELECT tier.position, tier.partner_id, tier.client_id, tier.day
    FROM {events} AS tier
    WHERE tier.originator_id = %(reported)s
        AND tier.topic = 'TierChanged/1'
        AND EXISTS (
            SELECT FROM jsonb_array_elements_text(convert_from(tier.state, 'UTF8')::jsonb -> 'facts')
                AS named (fact)
            WHERE named.fact::bigint = ANY(%(voided)s)
        )
)
SELECT position, partner_id, client_id, day FROM shares
UNION
SELECT position, partner_id, client_id, day FROM counts
UNION
SELECT position, partner_id, client_id, day FROM reports
ORDER BY position
