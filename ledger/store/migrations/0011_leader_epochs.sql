-- Two logs that parted have the same offsets. By the epoch of the leader that wrote what was read last
-- the broker tells whether its log still holds that: one that came back without the end of its log,
-- and was told more, has the next offset in range and something else before it.
ALTER TABLE {ingest_offsets}
    ADD COLUMN leader_epoch integer NOT NULL DEFAULT -1 CHECK (leader_epoch >= -1);

COMMENT ON COLUMN {ingest_offsets}.leader_epoch IS
    'The epoch of the leader that wrote what is before next_offset, -1 if it is not known.';
