-- The badges of each partner (D12.2); all of them stand in the partners' streams.
SELECT partner_id, :state ->> 'badge' AS badge, day, position
FROM :events
WHERE :scope
    AND topic = 'BadgeAwarded/1'
    AND originator_id >= 'partner:'
    AND originator_id < 'partner;'
