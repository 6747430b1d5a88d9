"""Which subtrees a proof is made of (RFC 9162, 2.1.3.1 and 2.1.4.1); leaves count from 0.

A proof is a list of roots of ranges ``(start, end)`` of leaves. Every range begins at a multiple
of the power of two that it fits in, so it is a tree of its own.
"""

from __future__ import annotations

Range = tuple[int, int]
"""Leaves from the first, up to and without the second."""


def inclusion(index: int, size: int) -> list[Range]:
    """Return the ranges that show leaf ``index`` in a tree of ``size`` leaves, the lowest first.

    Raises ValueError unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    start, end = 0, size
    path: list[Range] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return path[::-1]


def consistency(old: int, size: int) -> list[Range]:
    """Return the ranges that show the first ``old`` leaves to be those of a tree of ``size``.

    Raises ValueError unless 0 < old <= size.
    """
    if not 0 < old <= size:
        raise ValueError(f"a tree of {size} leaves has no earlier one of {old}")
    start, end, known = 0, size, True
    path: list[Range] = []
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start, known = middle, False
    # The old tree itself is no part of the proof where it is one full subtree from the start.
    return ([] if known else [(start, end)]) + path[::-1]


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1
