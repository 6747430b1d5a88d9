-- Counted clients that are new or changed, with a winning claim of a contest's days.
CREATE TEMPORARY TABLE accrual_entrants AS
WITH found AS (
    SELECT client_id
    FROM {clients}
    WHERE counted_on BETWEEN %(previous)s::date AND %(through)s::date
    UNION
    SELECT client_id
    FROM accrual_changed
    WHERE settled_through IS NULL
    UNION
    SELECT client_id
    FROM {clients}
    WHERE partner_id IN ({changed_agreements})
)
SELECT client.partner_id, client.client_id
FROM found
INNER JOIN {clients_of_found} AS client ON client.client_id = found.client_id
-- One look-up each, see above.
CROSS JOIN LATERAL (
    SELECT day
    FROM {events}
    WHERE position = client.claim
    OFFSET 0
) AS told
WHERE client.partner_id IS NOT NULL
    AND client.counted_by IS NULL
    AND client.first_activated_on <= %(activated_through)s::date
    -- What a fact that came meanwhile has un-counted may have counted as of the run.
    AND (client.counted_on <= %(through)s::date OR client.position > %(run)s)
    AND told.day BETWEEN %(claimed_from)s::date AND %(claimed_through)s::date;
ALTER TABLE accrual_entrants ADD PRIMARY KEY (partner_id, client_id)
