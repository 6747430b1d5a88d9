"""What verification asks of checkpoints: that the log is still the one that was signed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from ledger.store import merkle
from projections.names import DEFAULT_NAMES, Names
from replay.findings import Discrepancy
from replay.transparency.checkpoints import Checkpoints, StoredCheckpoint, origin_of
from replay.transparency.subtrees import LEAVES
from replay.transparency.verifier import NotShown, read_checkpoint, read_note


class Signed:
    """Builds the tree of the leaves in order, as they were computed anew from the rows.

    ``add`` each page of leaves, then ``finish``: checkpoints and kept subtrees are held against
    them. A signature is not checked here: who has the log's database could have any key. ``sizes``
    are further ones of which the roots are wanted, in ``roots``.
    """

    def __init__(
        self,
        connection: Connection[Any],
        names: Names = DEFAULT_NAMES,
        sizes: Collection[int] = (),
    ) -> None:
        self._checkpoints = list(Checkpoints(connection, names).stored())
        self._sizes = sorted({*sizes, *(one.position for one in self._checkpoints)})
        self.roots: dict[int, bytes] = {}
        self._subtrees = _subtrees(connection, names)
        self._size, self._tiles, self._tile = 0, b"", b""
        self._first: bytes | None = None

    @property
    def frontier(self) -> bytes:
        """The frontier of all leaves so far: of the full subtrees, then of the one begun."""
        return self._tiles + self._tile

    def add(self, leaves: Sequence[bytes]) -> Iterator[Discrepancy]:
        """Take the next leaves; yields which kept subtrees are not theirs."""
        start, at = self._size, 0
        self._first = self._first or (leaves[0] if leaves else None)
        for stop in self._stops(start, start + len(leaves)):
            part = leaves[at : stop - start]
            self._tile = merkle.append(self._tile, self._size % LEAVES, part)
            self._size, at = stop, stop - start
            if stop % LEAVES == 0:
                number, root = stop // LEAVES - 1, merkle.root(self._tile, LEAVES)
                self._tiles = merkle.append(self._tiles, number, [root])
                self._tile = b""
                yield from self._subtree(number, root)
            self.roots[stop] = merkle.root(self.frontier, stop)

    def finish(self) -> Iterator[Discrepancy]:
        """Yield each checkpoint that is not of this log."""
        for one in self._checkpoints:
            reason = self._wrong(one)
            if reason is not None:
                yield Discrepancy("checkpoint", reason, one.position)
        for number in sorted(self._subtrees):
            yield Discrepancy("subtree", "no such leaves are there", number * LEAVES + 1)

    def _stops(self, start: int, end: int) -> list[int]:
        """Where to stop and look: after full subtrees, at checkpoints, at the end."""
        tiles = range(start - start % LEAVES + LEAVES, end + 1, LEAVES)
        sizes = (size for size in self._sizes if start < size <= end)
        return sorted({*tiles, *sizes, end} - {start})

    def _subtree(self, number: int, root: bytes) -> Iterator[Discrepancy]:
        if self._subtrees.pop(number, root) != root:
            yield Discrepancy(
                "subtree", "the kept root is not of these leaves", number * LEAVES + 1
            )

    def _wrong(self, one: StoredCheckpoint) -> str | None:
        try:
            told = read_checkpoint(read_note(one.note).text)
        except NotShown as error:
            return str(error)
        if self._first is None or told.origin != origin_of(self._first):
            return f"it is of another ledger: {told.origin}"
        if told.size != one.position:
            return f"it says {told.size} events and is kept as of {one.position}"
        root = self.roots.get(told.size)
        if root is None:
            return f"{told.size} events were signed, and {self._size} are there"
        return None if root == told.root else "the log up to here is not the one that was signed"


def _subtrees(connection: Connection[Any], names: Names) -> dict[int, bytes]:
    query = sql.SQL("SELECT number, root FROM {}").format(names.subtrees)
    with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        return dict(cursor.execute(query).fetchall())
