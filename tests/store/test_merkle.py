"""The frontier against RFC 9162's recursive definition, and known vectors of RFC 6962."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.store import merkle

# The leaves and roots of the reference implementation of Certificate Transparency.
VECTOR_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
VECTOR_ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def naive_root(leaves: list[bytes]) -> bytes:
    """The Merkle tree hash, word for word as RFC 9162, 2.1.1 defines it over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(
        b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])
    ).digest()


def test_vectors_of_rfc_6962() -> None:
    """Each prefix of the known leaves has the known root."""
    frontier = b""
    for size, (data, expected) in enumerate(zip(VECTOR_LEAVES, VECTOR_ROOTS, strict=True)):
        frontier = merkle.append(frontier, size, [merkle.leaf_hash(data)])
        assert merkle.root(frontier, size + 1).hex() == expected


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    """RFC 9162: MTH({}) = HASH()."""
    assert merkle.root(b"", 0) == hashlib.sha256(b"").digest()
    assert merkle.append(b"", 0, []) == b""


@given(st.lists(st.integers(0, 70), max_size=6))
def test_appending_in_batches_is_the_tree_of_all_leaves(batches: list[int]) -> None:
    """However the leaves are cut into batches, the root is that of the definition."""
    frontier, leaves = b"", list[bytes]()
    for count in batches:
        fresh = [merkle.leaf_hash(b"%d" % (len(leaves) + n)) for n in range(count)]
        frontier = merkle.append(frontier, len(leaves), fresh)
        leaves += fresh
        assert merkle.root(frontier, len(leaves)) == naive_root(leaves)
        assert len(frontier) == 32 * len(leaves).bit_count()


@pytest.mark.parametrize(("frontier", "size"), [(b"", 1), (b"x" * 32, 3), (b"x" * 32, -1)])
def test_a_frontier_of_another_size_is_refused(frontier: bytes, size: int) -> None:
    """A head row that contradicts itself is not appended to."""
    with pytest.raises(ValueError, match="a frontier of"):
        merkle.append(frontier, size, [])
    with pytest.raises(ValueError, match="a frontier of"):
        merkle.root(frontier, size)
