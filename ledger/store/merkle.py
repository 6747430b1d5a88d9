"""The Merkle tree hash of RFC 9162 over the ledger's leaves, kept as a frontier.

The frontier of n leaves is the roots of its full subtrees, the largest first: one of 32 bytes for
each bit that is set in n. It is all that appending a leaf or telling the root needs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves (RFC 9162, 2.1.1)."""

_sha256 = hashlib.sha256


def leaf_hash(head: bytes) -> bytes:
    """The hash of one leaf: SHA-256 of 0x00 and the leaf's bytes (RFC 9162, 2.1.1)."""
    return _sha256(b"\x00" + head).digest()


def append(frontier: bytes, size: int, leaves: Sequence[bytes]) -> bytes:
    """The frontier after appending leaf hashes to a tree of ``size`` leaves.

    ``frontier`` and the result are concatenated 32-byte roots, the largest subtree first.
    Raises ValueError when the frontier is not one of ``size`` leaves.
    """
    roots = _split(frontier, size)
    level, carried = 0, list(leaves)
    result: list[bytes] = []
    # Level by level: the subtree waiting there, if any, stands to the left of what comes in.
    while carried or size >> level:
        if size >> level & 1:
            carried.insert(0, roots.pop())
        if len(carried) & 1:
            result.append(carried.pop())
        carried = [
            _sha256(b"\x01" + left + right).digest()
            for left, right in zip(carried[::2], carried[1::2], strict=True)
        ]
        level += 1
    return b"".join(reversed(result))


def root(frontier: bytes, size: int) -> bytes:
    """The Merkle tree hash of the ``size`` leaves that the frontier stands for.

    Raises ValueError when the frontier is not one of ``size`` leaves.
    """
    roots = _split(frontier, size)
    if not roots:
        return EMPTY_ROOT
    digest = roots.pop()
    while roots:
        digest = _sha256(b"\x01" + roots.pop() + digest).digest()
    return digest


def _split(frontier: bytes, size: int) -> list[bytes]:
    if size < 0 or len(frontier) != HASH_BYTES * size.bit_count():
        raise ValueError(
            f"a frontier of {size} leaves has {max(size, 0).bit_count()} roots of 32 bytes, "
            f"not {len(frontier)} bytes"
        )
    return [frontier[at : at + HASH_BYTES] for at in range(0, len(frontier), HASH_BYTES)]
