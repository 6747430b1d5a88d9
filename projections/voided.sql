-- Facts that were never true, each in its own stream (D9.5).
SELECT
    CAST(:state ->> 'fact' AS bigint) AS position,
    originator_id
FROM :events
WHERE :known
    AND topic = 'FactVoided/1'
