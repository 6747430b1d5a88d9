"""The end of the ledger, and what an append puts after it: instant, leaves, versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from events.values import format_instant
from ledger.store import merkle
from ledger.store.rows import Row, leaf_bytes

_MICROSECOND = timedelta(microseconds=1)


class Head(NamedTuple):
    """The end of the ledger: its last position and instant, and the frontier of its leaves.

    ``clock`` is the database's clock when the head was read (under the lock, when it was locked).
    """

    position: int
    recorded_at: datetime
    frontier: bytes
    clock: datetime


class Appended(NamedTuple):
    """What an append assigned: positions ``first`` to ``last``, one instant for them all.

    ``versions`` is the last version of each stream of the batch; ``head`` goes on from here in the
    same transaction.
    """

    first: int
    last: int
    recorded_at: datetime
    versions: Mapping[str, int]
    head: Head


class Versions(NamedTuple):
    """The last version of some streams (0: no event yet) as of a position."""

    position: int
    of: dict[str, int]


class Recorded(NamedTuple):
    """Where a message was recorded, and the hash of its content."""

    position: int
    content: bytes


def instant_after(head: Head) -> datetime:
    """The instant of the next append: the clock's, if that is later than the last append's."""
    return max(head.clock, head.recorded_at + _MICROSECOND).astimezone(UTC)


def leaves_after(
    position: int, recorded_at: datetime, rows: Sequence[Row], assigned: Sequence[int]
) -> list[bytes]:
    """Leaf hashes of rows that follow ``position``."""
    instant, leaf = format_instant(recorded_at), merkle.leaf_hash
    return [
        leaf(leaf_bytes(at, instant, row.stream, version, row.content))
        for at, (row, version) in enumerate(zip(rows, assigned, strict=True), start=position + 1)
    ]
