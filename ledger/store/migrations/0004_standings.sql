-- How clients stand, in order: what clients and their terms are folded from, without reading past all
-- the lines that stand between.
CREATE INDEX {events_standing_idx} ON {events} (position)
    WHERE topic = 'ClientStanding/1';
