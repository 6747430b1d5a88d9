-- The last position recorded at or before an instant; the whole ledger for NULL. recorded_at grows
-- with position, so a binary search needs no index of its own.
CREATE OR REPLACE FUNCTION :position_at (known_at timestamptz)
RETURNS bigint
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    low bigint := 0;
    high bigint;
    middle bigint;
    instant timestamptz;
BEGIN
    SELECT COALESCE(MAX(position), 0) INTO high FROM :events;
    IF known_at IS NULL THEN
        RETURN high;
    END IF;
    WHILE low < high LOOP
        middle := (low + high + 1) / 2;
        SELECT recorded_at INTO instant FROM :events WHERE position = middle;
        IF instant <= known_at THEN
            low := middle;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;
    RETURN low;
END
$body$
