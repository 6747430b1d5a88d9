"""What a run reads of counted clients, as of its position: how many by day, and which (D6.1)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any

from psycopg import Cursor, sql
from psycopg.rows import tuple_row

from ledger.engine.counted import CountedClient
from ledger.engine.state import Run
from ledger.ports import Entrant
from projections.names import DEFAULT_NAMES, Names
from projections.projector import Projector

# Facts are recorded all the while: a client that moved since the run began counts as it stood then,
# which is what the first standing after the run says of before. One statement, so one snapshot.
# Who counts a client is the holder by claims, or who was assigned it; only a retraction takes it
# from either.
_COUNTED = """
SELECT client_id, counter, counted_on, first_activated_at, claim, retracted
FROM (
    SELECT
        client.client_id,
        COALESCE(client.counted_by, client.partner_id) AS counter,
        client.counted_on,
        client.first_activated_at,
        CASE WHEN client.counted_by IS NULL THEN client.claim END AS claim,
        client.retracted
    FROM ({holdings}) AS client
    WHERE client.position <= %(run)s
    UNION ALL
    SELECT
        client.client_id,
        COALESCE(before.counted_by, before.partner_id),
        before.counted_on,
        before.first_activated_at,
        CASE WHEN before.counted_by IS NULL THEN before.claim END,
        before.retracted
    FROM ({holdings}) AS client
    CROSS JOIN LATERAL (
        SELECT convert_from(state, 'UTF8')::jsonb -> 'before' AS standing
        FROM {events}
        WHERE originator_id = 'client:' || client.client_id
            AND topic = 'ClientStanding/1'
            AND position + 0 > %(run)s
        ORDER BY originator_version
        LIMIT 1
    ) AS moved
    CROSS JOIN LATERAL jsonb_to_record(moved.standing) AS before (
        partner_id text COLLATE "C",
        counted_by text COLLATE "C",
        counted_on date,
        first_activated_at timestamptz,
        claim bigint,
        retracted boolean
    )
    WHERE client.position > %(run)s
) AS standing
WHERE counter {of}
    AND counted_on IS NOT NULL
"""

_HOLDINGS = """
SELECT *
FROM {clients}
WHERE partner_id {of}
    AND {among}
UNION ALL
SELECT *
FROM {clients}
WHERE client_id = ANY (ARRAY(
    SELECT client_id
    FROM {assignments}
    WHERE partner_id {of}
    UNION
    SELECT client_id
    FROM {events}
    WHERE topic = 'FactVoided/1'
        AND position > %(run)s
        AND client_id IS NOT NULL
))
    AND (partner_id {of}) IS NOT TRUE
    AND {among}
"""

_BY_DAY = """
SELECT counter, counted_on, count(*)
FROM ({counted}) AS counted
GROUP BY counter, counted_on
"""

# What a decision names of a client: one look-up each.
_GROUNDS = """
LEFT JOIN LATERAL (
    SELECT day
    FROM {events}
    WHERE position = counted.claim
    OFFSET 0
) AS told ON TRUE
CROSS JOIN LATERAL (
    SELECT min(position) AS position
    FROM {events}
    WHERE originator_id = 'client:' || counted.client_id
        AND topic LIKE 'client.activated/%%'
        AND effective_at = counted.first_activated_at
        AND position + 0 <= %(run)s
        -- One that was never true is no ground (D9.5).
        AND (
            counted.retracted IS NOT TRUE
            OR position NOT IN (
                SELECT (convert_from(state, 'UTF8')::jsonb ->> 'fact')::bigint
                FROM {events}
                WHERE originator_id = 'client:' || counted.client_id
                    AND topic = 'FactVoided/1'
                    AND position + 0 <= %(run)s
            )
        )
    OFFSET 0
) AS activation
"""

_CLIENT = """
    counted.client_id,
    counted.counted_on,
    counted.first_activated_at,
    counted.claim,
    told.day,
    activation.position
"""

_AT_PLACES = """
SELECT {client}
FROM unnest(%(days)s::date[], %(places)s::bigint[]) AS wanted (day, place)
INNER JOIN (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY counted_on
            ORDER BY first_activated_at, client_id
        ) AS place
    FROM ({counted}) AS every
    WHERE counted_on = ANY (%(days)s::date[])
) AS counted
    ON counted.counted_on = wanted.day AND counted.place = wanted.place
{grounds}
ORDER BY wanted.day, wanted.place
"""

_ENTRANTS = """
SELECT {client},
    ARRAY(
        SELECT convert_from(state, 'UTF8')::jsonb ->> 'contest'
        FROM {events}
        WHERE topic = 'ContestPosted/1'
            AND partner_id = %(partner_id)s
            AND client_id = counted.client_id
    )
FROM ({counted}) AS counted
{grounds}
ORDER BY counted.client_id
"""

_OF_PARTNER = "= %(partner_id)s"
_OF_PARTNERS = "= ANY (%(partners)s)"
_ALL = "TRUE"
_AMONG = "client_id = ANY (%(clients)s)"

_NEXT_ENTRANTS = """
SELECT client_id
FROM accrual_entrants
WHERE partner_id = %(partner_id)s
    AND client_id > %(after)s
ORDER BY client_id
LIMIT %(limit)s
"""


class CountedReader(Projector):
    """The projections, with what runs read of counted clients in them and in the events."""

    def __init__(self, names: Names = DEFAULT_NAMES) -> None:
        super().__init__(names)
        tables = {
            "clients": names.stored("clients"),
            "assignments": names.stored("assignments"),
            "events": names.events,
        }

        def filled(text: str, of: str, among: str = _ALL) -> sql.Composed:
            chosen = {"of": sql.SQL(of), "among": sql.SQL(among), **tables}
            holdings = sql.SQL(_HOLDINGS).format(**chosen)
            counted = sql.SQL(_COUNTED).format(holdings=holdings, **chosen)
            parts = {"grounds": sql.SQL(_GROUNDS).format(**tables), "client": sql.SQL(_CLIENT)}
            return sql.SQL(text).format(counted=counted, **parts, **tables)

        self._by_day = filled(_BY_DAY, _OF_PARTNERS)
        self._at_places = filled(_AT_PLACES, _OF_PARTNER)
        self._entrants = filled(_ENTRANTS, _OF_PARTNER, _AMONG)

    def counts(
        self, cursor: Cursor[Any], run: Run, partners: Collection[str]
    ) -> dict[str, dict[date, int]]:
        """How many clients count for each partner on each counting day."""
        found: dict[str, dict[date, int]] = {}
        for partner_id, day, count in _read(
            cursor, self._by_day, {"partners": list(partners), "run": run.position}
        ):
            found.setdefault(partner_id, {})[day] = count
        return found

    def at_places(
        self, cursor: Cursor[Any], run: Run, partner_id: str, places: Sequence[tuple[date, int]]
    ) -> list[CountedClient]:
        """The clients at places (counting day, n-th of that day), in the order of the places."""
        parameters = {
            "partner_id": partner_id,
            "run": run.position,
            "days": [day for day, _ in places],
            "places": [place for _, place in places],
        }
        return [CountedClient(*row) for row in _read(cursor, self._at_places, parameters)]

    def entrants(
        self, cursor: Cursor[Any], run: Run, partner_id: str, limit: int
    ) -> Iterator[list[Entrant]]:
        """The partner's clients that a contest may be about, by id, so many at a time."""
        known: dict[str, object] = {"partner_id": partner_id, "run": run.position, "limit": limit}
        after = ""
        while True:
            page = _read(cursor, sql.SQL(_NEXT_ENTRANTS), {**known, "after": after})
            clients = [client_id for (client_id,) in page]
            if clients:
                rows = _read(cursor, self._entrants, {**known, "clients": clients})
                yield [Entrant(CountedClient(*row[:-1]), tuple(row[-1])) for row in rows]
            if len(clients) < limit:
                return
            after = clients[-1]


def _read(
    cursor: Cursor[Any], query: sql.SQL | sql.Composed, parameters: dict[str, object]
) -> Iterator[tuple[Any, ...]]:
    with cursor.connection.cursor(row_factory=tuple_row, binary=True) as own:
        own.execute(query, parameters)
        yield from own
