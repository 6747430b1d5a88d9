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
from replay.invariants import MESSAGE_KEY, Key, unique_keys

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

_KEYS: tuple[Key, ...] = (
    (("originator_id", "originator_version"), None),
    (("position",), None),
    MESSAGE_KEY,
)
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
    found = unique_keys(connection, names.events)
    for key in _KEYS:
        if key not in found:
            name, columns = names.events.as_string(connection), ", ".join(key[0])
            what = f"no unique index of {name} is on {columns}"
            yield Discrepancy("guards", what)
