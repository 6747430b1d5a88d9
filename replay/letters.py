"""Dead letters: their bytes are what came in, and what a close lists is kept (D16.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from events.finance import PeriodClosed
from projections.names import Names
from replay.findings import Discrepancy

_CHANGED = """
SELECT id
FROM {letters}
WHERE sha256(payload) <> payload_sha256
ORDER BY id
"""

_LISTED = """
SELECT closes.position, listed.letter ->> 'id'
FROM {events} AS closes
CROSS JOIN LATERAL jsonb_path_query(
    convert_from(closes.state, 'UTF8')::jsonb, '$.letters[*] ? (@.id > 0)'
) AS listed (letter)
WHERE closes.originator_id = 'ledger'
    AND closes.topic = %(topic)s
    AND closes.position <= %(through)s
    AND NOT EXISTS (
        SELECT
        FROM {letters}
        WHERE id = (listed.letter ->> 'id')::bigint
            AND kind = listed.letter ->> 'kind'
            AND encode(payload_sha256, 'hex') = listed.letter ->> 'sha256'
    )
ORDER BY 1, 2
"""


def letters(connection: Connection[Any], names: Names, through: int) -> Iterator[Discrepancy]:
    """Yield the letters whose bytes changed, and those that a close lists and that are not there.

    Of one that was erased the hash says what it was.
    """
    parts = {"letters": names.dead_letters, "events": names.events}
    bound = {"topic": PeriodClosed.topic(), "through": through}
    with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        changed = cursor.execute(sql.SQL(_CHANGED).format(**parts)).fetchall()
        missing = cursor.execute(sql.SQL(_LISTED).format(**parts), bound).fetchall()
    for (letter,) in changed:
        yield Discrepancy("letters", f"dead letter {letter} is not what came in")
    for position, letter in missing:
        what = f"dead letter {letter}, which the close lists, is gone or is another one"
        yield Discrepancy("letters", what, position)
