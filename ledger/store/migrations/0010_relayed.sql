-- Where each partition ended when its topic's place was remembered. What a restored backup's topic
-- holds behind these was published later, whatever the clock of the machine said that published it.
ALTER TABLE {relays}
    -- By the partition's number, from 0; a partition beyond them ended at 0.
    ADD COLUMN ends bigint[] NOT NULL DEFAULT '{{}}' CHECK (0 <= ALL (ends));

COMMENT ON COLUMN {relays}.ends IS
    'The offset behind the last record of each partition when the place was remembered.';
