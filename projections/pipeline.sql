-- Prospects of partners that may still become clients, by the stage that they have reached.
SELECT
    partner_id,
    COUNT(*) FILTER (WHERE last_trial_on IS NOT NULL) AS in_trial,
    COUNT(*) FILTER (WHERE last_trial_on IS NULL AND first_demo_on IS NOT NULL) AS shown,
    COUNT(*) FILTER (WHERE last_trial_on IS NULL AND first_demo_on IS NULL) AS claimed
FROM :prospects AS prospect
WHERE partner_id IS NOT NULL
    AND activated_on IS NULL
    AND (lost_on IS NULL OR last_trial_on > lost_on)
    AND GREATEST(live_through, captured_on + :window_days) >= :day
GROUP BY partner_id
