"""The Merkle tree as an archive grows: the frontier, and roots of the subtrees that become full."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.store import merkle
from replay.transparency.subtrees import LEAVES


class GrowingTree:
    """A tree of ``size`` leaves to which more are added; ``full`` are subtrees since the start."""

    def __init__(self, frontier: bytes = b"", size: int = 0) -> None:
        self.size = size
        self.full: list[bytes] = []
        split = (size // LEAVES).bit_count() * merkle.HASH_BYTES
        self._tiles, self._tile = frontier[:split], frontier[split:]

    def add(self, leaves: Sequence[bytes]) -> None:
        """Add leaves, 32 bytes each."""
        at = 0
        while at < len(leaves):
            part = leaves[at : at + LEAVES - self.size % LEAVES]
            self._tile = merkle.append(self._tile, self.size % LEAVES, part)
            self.size += len(part)
            at += len(part)
            if self.size % LEAVES == 0:
                root = merkle.root(self._tile, LEAVES)
                self._tiles = merkle.append(self._tiles, self.size // LEAVES - 1, [root])
                self._tile = b""
                self.full.append(root)

    @property
    def frontier(self) -> bytes:
        """The frontier of all leaves."""
        return self._tiles + self._tile

    @property
    def root(self) -> bytes:
        """The root of all leaves."""
        return merkle.root(self.frontier, self.size)
