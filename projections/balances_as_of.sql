-- Balances as the ledger knew them at an instant, of what had happened by a day; from events alone.
CREATE OR REPLACE FUNCTION :balances_as_of (
    known_at timestamptz DEFAULT NULL,
    effective_at date DEFAULT NULL
)
RETURNS TABLE (
    partner_id text,
    currency text,
    earned numeric,
    adjusted numeric,
    paid numeric,
    in_flight numeric,
    payable numeric
)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
SELECT *
FROM (:partner_balances) AS balances
ORDER BY partner_id, currency
$body$
