-- What each partner brought, and what became of its prospects (null: those of no partner).
SELECT
    partner_id,
    SUM(leads) AS leads,
    SUM(referrals) AS referrals,
    SUM(demos) AS demos,
    SUM(co_hosted_demos) AS co_hosted_demos,
    SUM(shown) AS shown,
    SUM(shown_and_tried) AS shown_and_tried,
    SUM(tried) AS tried,
    SUM(tried_and_paid) AS tried_and_paid
FROM (
    SELECT
        partner_id,
        COUNT(*) AS leads,
        0 AS referrals,
        0 AS demos,
        0 AS co_hosted_demos,
        0 AS shown,
        0 AS shown_and_tried,
        0 AS tried,
        0 AS tried_and_paid
    FROM (
        -- The first capture of a lead stands (D3.1).
        SELECT DISTINCT ON (originator_id) partner_id
        FROM :events
        WHERE :scope
            AND originator_id >= 'lead:'
            AND originator_id < 'lead;'
            AND topic = 'lead.captured/1'
            AND (position, originator_id) NOT IN (SELECT position, originator_id FROM :voided AS never)
        ORDER BY originator_id, position
    ) AS captured
    GROUP BY partner_id
    UNION ALL
    SELECT partner_id, 0, COUNT(DISTINCT client_id), 0, 0, 0, 0, 0, 0
    FROM :events
    WHERE :scope
        AND originator_id >= 'client:'
        AND originator_id < 'client;'
        AND topic = 'referral.registered/1'
        AND (position, originator_id) NOT IN (SELECT position, originator_id FROM :voided AS never)
    GROUP BY partner_id
    UNION ALL
    SELECT
        partner_id,
        0,
        0,
        SUM(demos),
        SUM(co_hosted_demos),
        COUNT(first_demo_on),
        COUNT(*) FILTER (WHERE last_trial_on >= first_demo_on),
        COUNT(first_trial_on),
        COUNT(*) FILTER (WHERE paid_on >= first_trial_on)
    FROM :prospects AS prospect
    GROUP BY partner_id
) AS brought
GROUP BY partner_id
