"""The rows themselves: positions without a gap, instants in order, hashes and the Merkle tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import orjson

from events.catalogue import TOPICS
from events.codec import content_hash
from events.values import format_instant
from ledger.store import merkle
from ledger.store.rows import LEAF, plain_content_hash
from replay.findings import Discrepancy, StoredRow

if TYPE_CHECKING:
    # See replay.pages.
    from replay.transparency.checking import Signed

_BACKWARDS = "recorded before {}"


class StoredHead(NamedTuple):
    """The head row: the last position, its instant and the frontier of all leaves."""

    position: int
    recorded_at: datetime | None
    frontier: bytes


class Order(NamedTuple):
    """How many rows a page has, and the instants of its first and last."""

    rows: int
    first: datetime | None
    last: datetime | None


def check_rows(rows: Sequence[StoredRow], leaves: list[bytes]) -> Iterator[Discrepancy]:
    """Yield what is wrong with the rows of a page, in order; their leaves are put in ``leaves``."""
    before: datetime | None = None
    for row in rows:
        if before is not None and row.recorded_at < before:
            yield Discrepancy("recorded_at", _BACKWARDS.format(before.isoformat()), row.position)
        before = row.recorded_at
        if content_of(row) != row.content:
            yield Discrepancy("content", "the content is not what was hashed", row.position)
        leaf = leaf_of(row)
        if leaf != row.leaf:
            yield Discrepancy("leaf", "the leaf is not of this row", row.position)
        leaves.append(leaf)


class Integrity:
    """Puts the pages together in order: ``take`` each, then ``finish`` against the head."""

    def __init__(self, signed: Signed) -> None:
        self._signed = signed
        self._rows = 0
        self._recorded_at: datetime | None = None

    def take(self, after: int, order: Order, leaves: Sequence[bytes]) -> Iterator[Discrepancy]:
        """Yield what is wrong between a page and those before it."""
        before = self._recorded_at
        if before is not None and order.first is not None and order.first < before:
            yield Discrepancy("recorded_at", _BACKWARDS.format(before.isoformat()), after + 1)
        self._recorded_at = order.last or before
        yield from self._signed.add(leaves)
        self._rows += order.rows

    def finish(self, head: StoredHead) -> Iterator[Discrepancy]:
        """Yield where the head says something else than the rows up to it."""
        if self._rows != head.position:
            yield Discrepancy(
                "head", f"the head says {head.position} events, there are {self._rows}"
            )
        elif self._signed.frontier != head.frontier:
            yield Discrepancy("frontier", "the head's frontier is not of these leaves")
        if self._recorded_at is not None and self._recorded_at != head.recorded_at:
            yield Discrepancy("head", "the head's instant is not the last event's", head.position)
        yield from self._signed.finish()


def gaps(rows: Sequence[StoredRow], after: int) -> Iterator[Discrepancy]:
    """Yield the positions at which a page that begins after ``after`` leaves some out."""
    expected = after + 1
    for row in rows:
        if row.position < expected:
            yield Discrepancy("positions", f"position {row.position} is there twice", row.position)
        elif row.position > expected:
            yield Discrepancy("positions", f"position {expected} is missing", expected)
        expected = row.position + 1


def content_of(row: StoredRow) -> bytes:
    """Compute the content hash of a row anew; of a plain event over the hex of its state."""
    if row.topic not in TOPICS:
        return plain_content_hash(row.topic, row.state)
    return content_hash(row.topic, row.state, row.effective_at, row.source, row.event_id)


def leaf_of(row: StoredRow) -> bytes:
    """Compute the Merkle leaf of a row anew, from its content as stored."""
    return merkle.leaf_hash(
        LEAF
        % (
            row.content.hex().encode(),
            row.position,
            _instant(row.recorded_at),
            orjson.dumps(row.originator_id),
            row.originator_version,
        )
    )


@lru_cache(maxsize=1024)
def _instant(recorded_at: datetime) -> bytes:
    """An instant as a leaf holds it; an append has one for all of its events."""
    return format_instant(recorded_at).encode()
