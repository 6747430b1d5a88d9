"""What keeps events from being changed in the database: its triggers and unique indexes are there.

Whoever owns the tables can put them away. What is wrong with events is found by what they say, with
guards or without; that a guard is gone is worth knowing by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import Connection
from psycopg.rows import tuple_row

from ledger.store.migrations import refusal
from projections.names import Names
from replay.findings import Discrepancy

_BEFORE, _DELETE, _UPDATE, _TRUNCATE = 2, 8, 16, 32
"""Bits of ``pg_trigger.tgtype``; none of them: for each row."""

_NEVER_REMOVED = _BEFORE | _DELETE | _TRUNCATE
_NEVER_CHANGED = _NEVER_REMOVED | _UPDATE

_TRIGGERS = """
SELECT count(*)
FROM pg_trigger AS guard
INNER JOIN pg_proc AS function ON function.oid = guard.tgfoid
WHERE guard.tgrelid = %(table)s::regclass
    AND guard.tgname = 'refuse_change'
    -- Always, whatever a session says of replication.
    AND guard.tgenabled = 'A'
    AND guard.tgtype = %(type)s
    AND function.prosrc = %(body)s
"""

_UNIQUE = """
SELECT array_agg(attribute.attname::text ORDER BY key.number)
FROM pg_index AS index
CROSS JOIN LATERAL unnest(index.indkey::int2[]) WITH ORDINALITY AS key (attribute, number)
INNER JOIN pg_attribute AS attribute
    ON attribute.attrelid = index.indrelid
    AND attribute.attnum = key.attribute
WHERE index.indrelid = %(table)s::regclass
    AND index.indisunique
    AND index.indisvalid
    AND COALESCE(pg_get_expr(index.indpred, index.indrelid), '(event_id IS NOT NULL)')
        = '(event_id IS NOT NULL)'
GROUP BY index.indexrelid
"""

_KEYS = (("originator_id", "originator_version"), ("position",), ("source", "event_id"))
"""What no two events share."""


def guards(connection: Connection[Any], names: Names) -> Iterator[Discrepancy]:
    """Yield each table that lacks its trigger as the migrations made it, and each key its index."""
    guarded = (
        (names.events, _NEVER_CHANGED),
        (names.head, _NEVER_REMOVED),
        (names.checkpoints, _NEVER_CHANGED),
    )
    with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        for table, kind in guarded:
            name = table.as_string(connection)
            bound = {"table": name, "type": kind, "body": refusal()}
            if cursor.execute(_TRIGGERS, bound).fetchone() != (1,):
                what = f"nothing keeps rows of {name} from being changed: its trigger is gone"
                yield Discrepancy("guards", f"{what} or is off")
        name = names.events.as_string(connection)
        found = {tuple(columns) for (columns,) in cursor.execute(_UNIQUE, {"table": name})}
    for columns in _KEYS:
        if columns not in found:
            what = f"no unique index of {name} is on {', '.join(columns)}"
            yield Discrepancy("guards", what)
