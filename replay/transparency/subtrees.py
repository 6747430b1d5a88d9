"""Merkle roots of any part of the log, from the leaves as they are stored.

Roots of full subtrees of 4,096 leaves are kept once they were computed, so that a root or a proof
at ten million events reads some thousand hashes. They are as the leaves are: ``verify`` computes
both anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from ledger.errors import Corrupt
from ledger.store import merkle
from projections.names import DEFAULT_NAMES, Names

LEAVES = 4096
"""Leaves of a subtree whose root is kept."""

_PAGE_LEAVES = 12 * LEAVES


class Subtrees:
    """The Merkle tree over the leaves of one ledger; leaf n is the event of position n + 1."""

    def __init__(self, connection: Connection[Any], names: Names = DEFAULT_NAMES) -> None:
        self._connection = connection
        self._names = names

    def root(self, start: int, end: int) -> bytes:
        """Return the Merkle tree hash over leaves ``start`` up to and without ``end``, 32 bytes.

        ``start`` is a multiple of the power of two that the range fits in. Raises Corrupt when
        events are missing.
        """
        full = (end - start) // LEAVES
        first = start // LEAVES
        tiles = self._tiles(first, first + full) if full else []
        rest = self._leaves(start + full * LEAVES, end)
        frontier = merkle.append(b"", 0, tiles) + merkle.append(b"", 0, rest)
        return merkle.root(frontier, end - start)

    def keep(self, through: int) -> int:
        """Keep the roots of full subtrees up to a position; how many were new. Writes."""
        kept = self._kept(0, through // LEAVES)
        new = [number for number in range(through // LEAVES) if number not in kept]
        insert = sql.SQL("INSERT INTO {} VALUES (%s, %s) ON CONFLICT DO NOTHING").format(
            self._names.subtrees
        )
        with self._connection.cursor() as cursor:
            for number in new:
                cursor.execute(insert, (number, self._computed(number)))
        return len(new)

    def _tiles(self, first: int, end: int) -> list[bytes]:
        kept = self._kept(first, end)
        return [kept.get(number) or self._computed(number) for number in range(first, end)]

    def _kept(self, first: int, end: int) -> dict[int, bytes]:
        query = sql.SQL("SELECT number, root FROM {} WHERE number >= %s AND number < %s").format(
            self._names.subtrees
        )
        with self._connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            return dict(cursor.execute(query, (first, end)).fetchall())

    def _computed(self, number: int) -> bytes:
        leaves = self._leaves(number * LEAVES, (number + 1) * LEAVES)
        return merkle.root(merkle.append(b"", 0, leaves), LEAVES)

    def _leaves(self, start: int, end: int) -> list[bytes]:
        return [leaf for page in self._pages(start, end) for leaf in page]

    def _pages(self, start: int, end: int) -> Iterator[list[bytes]]:
        query = sql.SQL(
            "SELECT string_agg(leaf, ''::bytea ORDER BY position) FROM {} "
            "WHERE position > %s AND position <= %s"
        ).format(self._names.events)
        with self._connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            for after in range(start, end, _PAGE_LEAVES):
                through = min(after + _PAGE_LEAVES, end)
                row = cursor.execute(query, (after, through)).fetchone()
                joined = bytes(row[0] or b"") if row else b""
                size = merkle.HASH_BYTES
                leaves = [joined[at : at + size] for at in range(0, len(joined), size)]
                if len(leaves) != through - after:
                    raise Corrupt(
                        f"positions {after + 1} to {through} have {len(leaves)} events; "
                        "run 'commissions verify'"
                    )
                yield leaves


def root_at(connection: Connection[Any], position: int, names: Names = DEFAULT_NAMES) -> bytes:
    """Return the root over positions 1 to ``position``; Corrupt when events are missing."""
    return Subtrees(connection, names).root(0, position)
