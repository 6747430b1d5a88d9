-- A payout is a total: of a million clients at the largest price it is beyond bigint. The table is
-- written anew. Views on it stand in the way; those of finance are made again when the read models
-- are installed, which the missing comment asks for.
DO $views$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT DISTINCT dependent.oid::regclass AS name
        FROM pg_depend
        INNER JOIN pg_rewrite
            ON pg_rewrite.oid = pg_depend.objid
        INNER JOIN pg_class AS dependent
            ON dependent.oid = pg_rewrite.ev_class
        WHERE pg_depend.classid = 'pg_rewrite'::regclass
            AND pg_depend.refobjid = (
                SELECT typrelid FROM pg_type WHERE oid = pg_typeof(NULL::{events})::oid
            )
            AND dependent.relnamespace = to_regnamespace('finance')
    LOOP
        EXECUTE 'DROP VIEW ' || found.name;
    END LOOP;
    IF to_regnamespace('projections') IS NOT NULL THEN
        COMMENT ON SCHEMA projections IS NULL;
    END IF;
END
$views$;

ALTER TABLE {events}
    ALTER COLUMN amount TYPE numeric(38, 0),
    ALTER COLUMN in_flight TYPE numeric(38, 0);
