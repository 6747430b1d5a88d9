-- Terms of clients with a holder under which periods may begin after :since, up to :through, and how
-- many clients have each alike. What begins or ends after :until has not happened.
SELECT
    holder.partner_id,
    standing.first_activated_on,
    GREATEST(term.start_day, holder.start_day) AS start_day,
    NULLIF(
        LEAST(
            CASE WHEN term.end_day <= :until THEN term.end_day ELSE DATE 'infinity' END,
            holder.end_day
        ),
        DATE 'infinity'
    ) AS end_day,
    term.anchor,
    term.months,
    term.price,
    term.currency,
    COUNT(*) AS alike
FROM :terms AS term
INNER JOIN :clients AS standing
    ON standing.client_id = term.client_id
INNER JOIN :holders AS holder
    ON holder.client_id = term.client_id
        AND holder.start_day <= :through
        AND holder.end_day > :since
WHERE term.price > 0
    AND standing.first_activated_on IS NOT NULL
    AND term.start_day <= LEAST(:through, :until)
    AND COALESCE(term.end_day > :since, TRUE)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
