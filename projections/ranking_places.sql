-- Every place of every recorded ranking with its prize (D12); of an empty one, an empty place. The
-- prizes of a ranking stand right after it, at most one a place.
SELECT
    COALESCE(rankings.record ->> 'of', 'quarter') AS counts,
    rankings.record ->> 'ranking' AS ranking,
    rankings.record ->> 'programme' AS programme,
    place.rank,
    place.pair ->> 0 AS partner_id,
    CAST(place.pair ->> 1 AS bigint) AS clients,
    prize.amount AS prize,
    prize.currency,
    rankings.position
FROM (
    SELECT position, :state AS record
    FROM :events
    WHERE :scope
        AND topic = 'RankingRecorded/1'
        AND originator_id >= 'ranking:'
        AND originator_id < 'ranking;'
) AS rankings
LEFT JOIN LATERAL jsonb_array_elements(rankings.record -> 'places') WITH ORDINALITY
    AS place (pair, rank)
    ON TRUE
LEFT JOIN LATERAL (
    SELECT CAST(:state ->> 'rank' AS bigint) AS rank, amount, currency
    FROM :events AS prizes
    WHERE :scope
        AND prizes.position > rankings.position
        AND prizes.position <= rankings.position + jsonb_array_length(rankings.record -> 'places')
        AND prizes.topic = 'PrizePosted/1'
        AND CAST(:state ->> 'ranking' AS bigint) = rankings.position
) AS prize
    ON prize.rank = place.rank
