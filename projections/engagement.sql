-- What each partner does: visits, courses, resources; beside it all courses that anybody completed.
SELECT
    partner_id,
    MAX(day) FILTER (WHERE topic = 'portal.visited/1') AS last_visit,
    COUNT(*) FILTER (WHERE topic = 'portal.visited/1') AS visits,
    COUNT(DISTINCT record.course) AS courses,
    (
        SELECT COUNT(DISTINCT :state ->> 'course')
        FROM :events
        WHERE :scope
            AND originator_id >= 'engagement:'
            AND originator_id < 'engagement;'
            AND topic = 'training.completed/1'
    ) AS all_courses,
    COUNT(*) FILTER (WHERE topic = 'resource.downloaded/1') AS downloads,
    COUNT(DISTINCT record.resource) AS resources
FROM :events AS told
CROSS JOIN LATERAL jsonb_to_record(:state) AS record (course text, resource text)
WHERE :scope
    AND originator_id >= 'engagement:'
    AND originator_id < 'engagement;'
GROUP BY partner_id
