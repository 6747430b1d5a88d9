-- Who is under which programme from when, where it is not the first adopted (D7.3).
SELECT partner_id, :state ->> 'programme' AS programme, day, position
FROM :events
WHERE :scope
    AND topic = 'ProgrammeAssigned/1'
    AND originator_id >= 'partner:'
    AND originator_id < 'partner;'
