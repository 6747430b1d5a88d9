-- The ledger's tables: events, its head, tracking and dead letters. Names in braces are parameters.

-- One row an event, ordered by position; see docs/adr and the catalogue of events for the topics.
CREATE TABLE {events} (
    position            bigint      NOT NULL CHECK (position > 0),
    recorded_at         timestamptz NOT NULL,
    originator_id       text COLLATE "C" NOT NULL,
    originator_version  bigint      NOT NULL,
    topic               text COLLATE "C" NOT NULL,
    state               bytea       NOT NULL,
    effective_at        timestamptz,
    day                 date,
    source              text COLLATE "C",
    event_id            text COLLATE "C",
    partner_id          text COLLATE "C",
    client_id           text COLLATE "C",
    kind                text COLLATE "C",
    currency            text COLLATE "C",
    amount              bigint,
    in_flight           bigint,
    tax                 bigint,
    posting_day         date,
    content             bytea       NOT NULL CHECK (octet_length(content) = 32),
    leaf                bytea       NOT NULL CHECK (octet_length(leaf) = 32),
    -- Reads one entity's stream in order, and is the last guard against two writers of one stream.
    CONSTRAINT {events_stream_key} PRIMARY KEY (originator_id, originator_version)
)
-- Rows are never changed, so pages are filled; vacuum has only to freeze and to mark visible.
WITH (fillfactor = 100, autovacuum_analyze_scale_factor = 0.02);

-- Streams and clients have few events each; a sample of the table cannot tell.
ALTER TABLE {events} ALTER COLUMN originator_id SET (n_distinct = -0.2);
ALTER TABLE {events} ALTER COLUMN client_id SET (n_distinct = -0.1);

-- Reads ranges of positions: every projection, notification and as-of query; positions are unique.
CREATE UNIQUE INDEX {events_position_key} ON {events} (position);

-- One message is recorded once, for ever; finds a duplicate and what it was recorded as.
CREATE UNIQUE INDEX {events_message_key} ON {events} (source, event_id)
    WHERE event_id IS NOT NULL;

-- The money events of one client: the lines that a correction or a client's account rests on.
CREATE INDEX {events_client_idx} ON {events} (client_id)
    WHERE kind IS NOT NULL;

-- The money events of one partner in order: history, statement and balances as of a position, the
-- last from the index alone.
CREATE INDEX {events_partner_idx} ON {events} (partner_id, position)
    INCLUDE (day, kind, currency, amount, in_flight)
    WHERE kind IS NOT NULL;

-- Lines of a month, and lines posted after a cut-off: posting days rise with positions, nearly.
CREATE INDEX {events_posting_idx} ON {events} USING brin (posting_day)
    WITH (pages_per_range = 32, autosummarize = on);

-- The last position and instant, and the Merkle frontier: 32-byte roots of the full subtrees of
-- the leaves so far, the largest first. Its one row is the lock that all appends pass, one by one.
-- Room is left in its page so that each append updates it in place.
CREATE TABLE {head} (
    singleton       boolean     NOT NULL DEFAULT true CHECK (singleton),
    position        bigint      NOT NULL CHECK (position >= 0),
    recorded_at     timestamptz NOT NULL,
    frontier        bytea       NOT NULL CHECK (octet_length(frontier) % 32 = 0),
    schema_version  integer     NOT NULL,
    CONSTRAINT {head_key} PRIMARY KEY (singleton)
)
WITH (fillfactor = 10, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);

INSERT INTO {head} (position, recorded_at, frontier, schema_version)
VALUES (0, '0001-01-01T00:00:00Z', '', 0);

-- How far each upstream log was read, as eventsourcing's single-row tracking keeps it. The row
-- __migration__ tells the library that the table is of that kind.
CREATE TABLE IF NOT EXISTS {tracking} (
    application_name  text   NOT NULL PRIMARY KEY,
    notification_id   bigint NOT NULL
);

INSERT INTO {tracking} (application_name, notification_id)
VALUES ('__migration__', 1)
ON CONFLICT DO NOTHING;

-- Messages that were not recorded: rejected (malformed) or quarantined (same source and id as the
-- event at first_position, other content), from files and Kafka alike.
CREATE TABLE {dead_letters} (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind            text        NOT NULL CHECK (kind IN ('rejected', 'quarantined')),
    origin          text COLLATE "C" NOT NULL,
    error           text        NOT NULL,
    member          text,
    message         text,
    source          text COLLATE "C",
    event_id        text COLLATE "C",
    payload         bytea       NOT NULL,
    payload_sha256  bytea       NOT NULL CHECK (octet_length(payload_sha256) = 32),
    first_position  bigint,
    status          text        NOT NULL DEFAULT 'open'
                    CHECK (status IN ('open', 'retried', 'discarded')),
    operator        text,
    closed_at       timestamptz,
    -- The same bad line read again from the same place is kept once.
    CONSTRAINT {dead_letters_origin_key} UNIQUE (origin, payload_sha256)
);

-- Events never change: a correction is a new event. Refused to everybody, the owner included, and
-- with triggers switched to replica mode too.
CREATE FUNCTION {refuse_change}() RETURNS trigger
LANGUAGE plpgsql
AS $refuse$
BEGIN
    RAISE EXCEPTION '% of %.% is refused: recorded events never change; record a correcting event',
        TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'object_not_in_prerequisite_state';
END
$refuse$;

CREATE TRIGGER refuse_change
    BEFORE UPDATE OR DELETE OR TRUNCATE ON {events}
    FOR EACH STATEMENT EXECUTE FUNCTION {refuse_change}();

ALTER TABLE {events} ENABLE ALWAYS TRIGGER refuse_change;

CREATE TRIGGER refuse_change
    BEFORE DELETE OR TRUNCATE ON {head}
    FOR EACH STATEMENT EXECUTE FUNCTION {refuse_change}();

ALTER TABLE {head} ENABLE ALWAYS TRIGGER refuse_change;

COMMENT ON TABLE {events} IS
    'Every event of the ledger, in the order of recording; append-only.';
COMMENT ON TABLE {head} IS
    'One row: the last position, its instant, and the Merkle frontier of all leaves.';
COMMENT ON TABLE {dead_letters} IS
    'Messages that were rejected or quarantined, with their bytes and the reason.';
