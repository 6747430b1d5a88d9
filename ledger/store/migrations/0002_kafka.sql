-- Where each partition of a topic is to be read on: the place that counts, moved in the transaction
-- that records what was read. The broker's own offset of the group only follows.
CREATE TABLE {ingest_offsets} (
    consumer_group  text COLLATE "C" NOT NULL,
    topic           text COLLATE "C" NOT NULL,
    partition       integer     NOT NULL CHECK (partition >= 0),
    next_offset     bigint      NOT NULL CHECK (next_offset >= 0),
    -- Taken anew by each worker that is given the partition; whoever has an older one is fenced.
    epoch           bigint      NOT NULL CHECK (epoch > 0),
    owner           text        NOT NULL,
    -- What the offset is an offset of: a topic made anew can have the same offsets in range.
    cluster_id      text COLLATE "C" NOT NULL,
    topic_id        text COLLATE "C" NOT NULL,
    partitions      integer     NOT NULL CHECK (partitions > partition),
    claimed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT {ingest_offsets_key} PRIMARY KEY (consumer_group, topic, partition)
)
-- Room is left in its pages so that each batch updates its rows in place.
WITH (fillfactor = 10, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);

-- What of a message was outside its bytes, so that it can be read, told of and tried again.
ALTER TABLE {dead_letters}
    ADD COLUMN kafka_topic      text COLLATE "C",
    ADD COLUMN kafka_partition  integer,
    ADD COLUMN kafka_offset     bigint,
    ADD COLUMN kafka_headers    bytea;

COMMENT ON TABLE {ingest_offsets} IS
    'The next offset to read of each partition, and the epoch of the worker that reads it.';
COMMENT ON COLUMN {dead_letters}.kafka_headers IS
    'The headers as JSON: a list of [name, value in base64 or null].';
