-- Decisions that are few, and of which a run asks whether there are new ones, or any at all.
CREATE INDEX {events_few_idx} ON {events} (topic, position)
    WHERE topic IN (
        'AttributionAssigned/1', 'FactVoided/1', 'SponsorAccepted/1', 'RewardPosted/1'
    );
