-- Checkpoints: what was signed of the log, and when; a copy that outsiders keep proves it later.
CREATE TABLE {checkpoints} (
    position    bigint      NOT NULL CHECK (position > 0),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    operator    text        NOT NULL,
    -- The signed note, byte for byte as it was given out (C2SP tlog-checkpoint).
    note        text        NOT NULL,
    CONSTRAINT {checkpoints_key} PRIMARY KEY (position, created_at)
);

CREATE TRIGGER refuse_change
    BEFORE UPDATE OR DELETE OR TRUNCATE ON {checkpoints}
    FOR EACH STATEMENT EXECUTE FUNCTION {refuse_change}();

ALTER TABLE {checkpoints} ENABLE ALWAYS TRIGGER refuse_change;

-- Roots of the full subtrees of 4,096 leaves, so that a proof reads thousands of hashes, not all.
-- Derived from the leaves: `verify` computes each anew.
CREATE TABLE {subtrees} (
    number  bigint CONSTRAINT {subtrees_key} PRIMARY KEY CHECK (number >= 0),
    root    bytea  NOT NULL CHECK (octet_length(root) = 32)
);

COMMENT ON TABLE {checkpoints} IS
    'Signed checkpoints of the log, as they were given out; append-only.';
COMMENT ON TABLE {subtrees} IS
    'Merkle roots of each full 4,096 leaves; number 0 is positions 1 to 4,096.';
