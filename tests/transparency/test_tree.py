"""Proofs of the tree against the recursive definitions of RFC 9162, and known vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.transparency import tree
from replay.transparency.verifier import NotShown, check_consistency, check_inclusion
from tests.store.test_merkle import VECTOR_LEAVES, VECTOR_ROOTS, naive_root

HASHES = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in VECTOR_LEAVES]

INCLUSION_VECTORS = [
    (0, 8, ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"]),
    (5, 8, ["bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"]),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (1, 5, ["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"]),
]  # fmt: skip
"""Leaf, size and path: of the reference implementation of Certificate Transparency."""

CONSISTENCY_VECTORS = [
    (1, 1, []),
    (1, 8, ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"]),
    (6, 8, ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"]),
    (2, 5, ["5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"]),
]  # fmt: skip
"""Two sizes and the path between them, of the same source."""


def roots(leaves: Sequence[bytes], ranges: Sequence[tree.Range]) -> list[bytes]:
    """The roots of ranges by the definition."""
    return [naive_root(list(leaves[start:end])) for start, end in ranges]


def naive_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH(m, D_n), word for word as RFC 9162, 2.1.3.1 defines it over leaf hashes."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if index < k:
        return [*naive_path(index, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(index - k, leaves[k:]), naive_root(leaves[:k])]


def naive_proof(old: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF(m, D_n, b), word for word as RFC 9162, 2.1.4.1 defines it over leaf hashes."""
    if old == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if old <= k:
        return [*naive_proof(old, leaves[:k], whole=whole), naive_root(leaves[k:])]
    return [*naive_proof(old - k, leaves[k:], whole=False), naive_root(leaves[:k])]


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION_VECTORS)
def test_the_known_paths_of_inclusion(index: int, size: int, path: list[str]) -> None:
    """Made and accepted as they are known."""
    made = roots(HASHES, tree.inclusion(index, size))
    assert [each.hex() for each in made] == path
    check_inclusion(HASHES[index], index, size, made, bytes.fromhex(VECTOR_ROOTS[size - 1]))


@pytest.mark.parametrize(("old", "size", "path"), CONSISTENCY_VECTORS)
def test_the_known_paths_of_consistency(old: int, size: int, path: list[str]) -> None:
    """Made and accepted as they are known."""
    made = roots(HASHES, tree.consistency(old, size))
    assert [each.hex() for each in made] == path
    before, after = (bytes.fromhex(VECTOR_ROOTS[n - 1]) for n in (old, size))
    check_consistency(old, size, made, before, after)


def leaves_of(size: int) -> list[bytes]:
    """So many leaf hashes, all different."""
    return [hashlib.sha256(b"\x00%d" % n).digest() for n in range(size)]


@given(st.data())
def test_any_leaf_of_any_tree_is_shown_and_no_other(data: st.DataObject) -> None:
    """The path is the RFC's; another leaf, place, size, root or path is refused."""
    size = data.draw(st.integers(1, 130))
    index = data.draw(st.integers(0, size - 1))
    leaves = leaves_of(size)
    path, root = roots(leaves, tree.inclusion(index, size)), naive_root(leaves)
    assert path == naive_path(index, leaves)
    check_inclusion(leaves[index], index, size, path, root)
    other = bytes([leaves[index][0] ^ 1]) + leaves[index][1:]
    wrong = [
        (other, index, size, path, root),
        (leaves[index], index, size, path, other),
        (leaves[index], index, size, [*path, other], root),
        (leaves[index], size, size, path, root),
        (leaves[index], -1, size, path, root),
    ]
    if path:
        which = data.draw(st.integers(0, len(path) - 1))
        wrong.append((leaves[index], index, size, [*path[:which], *path[which + 1 :]], root))
        changed = [bytes([h[0] ^ (n == which)]) + h[1:] for n, h in enumerate(path)]
        wrong.append((leaves[index], index, size, changed, root))
        wrong.append((leaves[index], index ^ 1, size, path, root))
    for given_ in wrong:
        with pytest.raises(NotShown):
            check_inclusion(*given_)


@given(st.data())
def test_any_two_sizes_are_consistent_and_no_fork_is(data: st.DataObject) -> None:
    """The proof is the RFC's; with any leaf of the earlier tree changed there is none."""
    size = data.draw(st.integers(1, 130))
    old = data.draw(st.integers(1, size))
    leaves = leaves_of(size)
    proof, root = roots(leaves, tree.consistency(old, size)), naive_root(leaves)
    assert proof == naive_proof(old, leaves)
    before = naive_root(leaves[:old])
    check_consistency(old, size, proof, before, root)
    forked = list(leaves)
    place = data.draw(st.integers(0, old - 1))
    forked[place] = hashlib.sha256(b"another").digest()
    with pytest.raises(NotShown, match="fork"):
        check_consistency(old, size, proof, naive_root(forked[:old]), root)
    made = roots(forked, tree.consistency(old, size))
    with pytest.raises(NotShown, match="fork"):
        check_consistency(old, size, made, before, naive_root(forked))
    with pytest.raises(NotShown, match="fork"):
        check_consistency(old, size, [*proof, root], before, root)
    if proof:
        with pytest.raises(NotShown, match="fork"):
            check_consistency(old, size, proof[:-1], before, root)


@pytest.mark.parametrize(("part", "size"), [(0, 0), (-1, 3), (3, 3)])
def test_no_path_of_a_leaf_that_is_not_there(part: int, size: int) -> None:
    """Refused by name."""
    with pytest.raises(ValueError, match="there is no leaf"):
        tree.inclusion(part, size)


@pytest.mark.parametrize(("old", "size"), [(0, 3), (4, 3)])
def test_no_proof_between_sizes_out_of_order(old: int, size: int) -> None:
    """An empty tree is consistent with any and proves nothing."""
    with pytest.raises(ValueError, match="no earlier one"):
        tree.consistency(old, size)
    with pytest.raises(NotShown):
        check_consistency(old, size, [], b"", b"")
