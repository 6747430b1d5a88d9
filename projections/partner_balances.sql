-- Balances with what is payable: earned + adjusted − paid − in flight (D15).
SELECT
    partner_id,
    currency,
    earned,
    adjusted,
    paid,
    in_flight,
    earned + adjusted - paid - in_flight AS payable
FROM :balances AS totals
