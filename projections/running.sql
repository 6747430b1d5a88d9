-- Terms of clients with a holder under which periods may begin after :since, up to :through, and how
-- many clients have each alike. What begins or ends after :until has not happened, but for the switch
-- of a schedule that a change told before brings at its next period start (D4.1).
SELECT
    holder.partner_id,
    standing.first_activated_on,
    GREATEST(term.start_day, holder.start_day) AS start_day,
    NULLIF(
        LEAST(
            CASE WHEN term.end_day <= :until OR term.is_switched THEN term.end_day
                ELSE DATE 'infinity' END,
            holder.end_day
        ),
        DATE 'infinity'
    ) AS end_day,
    term.anchor,
    term.months,
    term.price,
    term.currency,
    COUNT(*) AS alike
FROM (
    SELECT
        every.*,
        COALESCE(
            LAG(price_fact) OVER subscription = price_fact
            AND LAG(end_day) OVER subscription = start_day
            AND LAG(start_day) OVER subscription <= :until,
            FALSE
        ) AS is_switch,
        COALESCE(
            LEAD(price_fact) OVER subscription = price_fact
            AND LEAD(start_day) OVER subscription = end_day,
            FALSE
        ) AS is_switched
    FROM :terms AS every
    WINDOW subscription AS (PARTITION BY client_id, subscription_id ORDER BY start_day)
) AS term
INNER JOIN :clients AS standing
    ON standing.client_id = term.client_id
INNER JOIN :holders AS holder
    ON holder.client_id = term.client_id
        AND holder.start_day <= :through
        AND holder.end_day > :since
WHERE term.price > 0
    AND standing.first_activated_on IS NOT NULL
    AND (term.start_day <= :until OR term.is_switch)
    AND term.start_day <= :through
    AND COALESCE(term.end_day > :since, TRUE)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
