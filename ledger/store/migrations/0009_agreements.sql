-- When agreements changed: a run asks who was enrolled, signed, ended or given a brand since the run
-- before, without reading past all the lines that stand between.
CREATE INDEX {events_agreements_idx} ON {events} (position)
    WHERE topic IN (
        'partner.enrolled/1', 'partner.agreement_signed/1', 'partner.agreement_ended/1',
        'WhiteLabelAccepted/1'
    );
