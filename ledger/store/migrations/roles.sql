-- Roles and what they may do. Run after the numbered migrations, again whenever a right is missing.
-- The owner of the tables is whoever migrates. Roles belong to the whole cluster: another database
-- may be making the same ones at this moment.
DO $roles$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['ledger_writer', 'finance_reader'] LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            CONTINUE;
        END IF;
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role % is missing and % may not create it', role_name, current_user;
        END;
    END LOOP;

    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ledger_writer') THEN
        GRANT USAGE ON SCHEMA {schema} TO ledger_writer;
        GRANT SELECT, INSERT ON {events} TO ledger_writer;
        GRANT SELECT ON {head} TO ledger_writer;
        GRANT UPDATE (position, recorded_at, frontier) ON {head} TO ledger_writer;
        GRANT SELECT, INSERT, UPDATE ON {tracking} TO ledger_writer;
        GRANT SELECT, INSERT, UPDATE ON {dead_letters} TO ledger_writer;
        GRANT SELECT, INSERT ON {dead_letter_retries} TO ledger_writer;
        GRANT SELECT, INSERT, UPDATE ON {relays} TO ledger_writer;
        GRANT SELECT, INSERT, UPDATE ON {ingest_offsets} TO ledger_writer;
        GRANT SELECT, INSERT ON {checkpoints}, {subtrees} TO ledger_writer;
        -- Batches are staged in a temporary table before the head is locked.
        IF NOT has_database_privilege('ledger_writer', current_database(), 'TEMPORARY') THEN
            EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO ledger_writer', current_database());
        END IF;
    END IF;
END
$roles$;
