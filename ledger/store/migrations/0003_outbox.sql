-- How far each topic of decisions was published: moved after the broker has all that lies before.
CREATE TABLE {relays} (
    cluster_id  text COLLATE "C" NOT NULL,
    topic       text COLLATE "C" NOT NULL,
    -- A topic made anew under the old name is empty.
    topic_id    text COLLATE "C" NOT NULL,
    position    bigint      NOT NULL CHECK (position >= 0),
    -- The leaf of that position: the same position of a restored backup has another one.
    leaf        bytea       CHECK (octet_length(leaf) = 32),
    moved_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT {relays_key} PRIMARY KEY (cluster_id, topic),
    CONSTRAINT {relays_place_check} CHECK ((position = 0) = (leaf IS NULL))
)
-- Room is left in its pages so that each page of decisions updates its row in place.
WITH (fillfactor = 10, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);

-- The bytes may hold personal data: they go when a letter is discarded, or with time. What stays
-- says that there was a message, which (its hash), what was wrong with it, and who let it go why.
ALTER TABLE {dead_letters}
    ALTER COLUMN payload DROP NOT NULL,
    ADD COLUMN reason        text,
    ADD COLUMN erased_at     timestamptz,
    ADD COLUMN erased_by     text,
    ADD COLUMN published_at  timestamptz,
    ADD CONSTRAINT {dead_letters_erased_check} CHECK (
        (payload IS NULL) = (erased_at IS NOT NULL)
        AND (erased_at IS NULL) = (erased_by IS NULL)
    );

-- The relay looks here for what is new.
CREATE INDEX {dead_letters_unpublished_idx} ON {dead_letters} (id)
    WHERE published_at IS NULL;

-- Who tried a letter again, when, and what came of it; also of those that were refused once more.
CREATE TABLE {dead_letter_retries} (
    letter      bigint      NOT NULL REFERENCES {dead_letters} (id),
    retried_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    operator    text        NOT NULL,
    outcome     text        NOT NULL
                CHECK (outcome IN ('recorded', 'duplicate', 'rejected', 'quarantined')),
    reason      text
);

CREATE INDEX {dead_letter_retries_idx} ON {dead_letter_retries} (letter, retried_at);

COMMENT ON TABLE {relays} IS
    'The last position that was published to each topic of decisions, and its leaf.';
COMMENT ON TABLE {dead_letter_retries} IS
    'Each attempt to take a dead letter in after all: by whom, when, and its outcome.';
