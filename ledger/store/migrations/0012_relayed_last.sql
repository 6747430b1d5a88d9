-- What a relay published last to each partition. A topic that lost its end and was written to since ends
-- where it should, or behind that, and has something else there.
ALTER TABLE {relays}
    -- By the partition's number, from 0; 0 where nothing was published, nor beyond them.
    ADD COLUMN lasts bigint[] NOT NULL DEFAULT '{{}}' CHECK (0 <= ALL (lasts));

COMMENT ON COLUMN {relays}.lasts IS
    'The position that stands before the end of each partition, as it was remembered.';
