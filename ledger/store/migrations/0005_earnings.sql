-- What a partner was given or refused for its counted clients, and to which client a contest's amount
-- went: a run looks here before it posts another.
CREATE INDEX {events_earnings_idx} ON {events} (partner_id, client_id)
    WHERE topic IN (
        'BonusPosted/1', 'BonusDeclined/1', 'ContestPosted/1', 'BadgeAwarded/1'
    );
