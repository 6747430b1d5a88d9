"""The root of the ledger's Merkle tree at a position, from the leaves up to it."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from ledger.errors import Corrupt
from ledger.store import merkle
from projections.names import DEFAULT_NAMES, Names

PAGE_LEAVES = 50_000
"""Leaves that are in memory at a time."""


def root_at(connection: Connection[Any], position: int, names: Names = DEFAULT_NAMES) -> bytes:
    """Return the Merkle tree hash over the leaves of positions 1 to ``position``, 32 bytes.

    Raises Corrupt when events are missing.
    """
    frontier = b""
    query = sql.SQL(
        "SELECT string_agg(leaf, ''::bytea ORDER BY position) FROM {} "
        "WHERE position > %s AND position <= %s"
    ).format(names.events)
    with connection.cursor(row_factory=tuple_row) as cursor:
        for after in range(0, position, PAGE_LEAVES):
            through = min(after + PAGE_LEAVES, position)
            row = cursor.execute(query, (after, through)).fetchone()
            joined = bytes(row[0] or b"") if row else b""
            leaves = [joined[at : at + 32] for at in range(0, len(joined), 32)]
            if len(leaves) != through - after:
                raise Corrupt(
                    f"positions {after + 1} to {through} have {len(leaves)} events; "
                    "run 'commissions verify'"
                )
            frontier = merkle.append(frontier, after, leaves)
    return merkle.root(frontier, position)
