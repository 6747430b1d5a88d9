"""The rows themselves: positions without a gap, instants in order, hashes and the Merkle tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import orjson

from events.catalogue import TOPICS
from events.codec import content_hash
from events.values import format_instant
from ledger.store import merkle
from ledger.store.rows import plain_content_hash
from replay.findings import Discrepancy, StoredRow
from replay.transparency.checking import Signed


class StoredHead(NamedTuple):
    """The head row: the last position, its instant and the frontier of all leaves."""

    position: int
    recorded_at: datetime
    frontier: bytes


class Integrity:
    """Follows the rows in order; ``check`` each page, then ``finish`` against the head."""

    def __init__(self, signed: Signed) -> None:
        self._signed = signed
        self._position = 0
        self._recorded_at: datetime | None = None

    def check(self, rows: Sequence[StoredRow]) -> Iterator[Discrepancy]:
        """Yield what is wrong with a page of rows, in order of position."""
        leaves = []
        for row in rows:
            yield from self._order(row)
            content = content_of(row)
            if content != row.content:
                yield Discrepancy("content", "the content is not what was hashed", row.position)
            leaf = leaf_of(row)
            if leaf != row.leaf:
                yield Discrepancy("leaf", "the leaf is not of this row", row.position)
            leaves.append(leaf)
        yield from self._signed.add(leaves)
        self._position += len(rows)

    def _order(self, row: StoredRow) -> Iterator[Discrepancy]:
        before = self._recorded_at
        if before is not None and row.recorded_at < before:
            yield Discrepancy("recorded_at", f"recorded before {before.isoformat()}", row.position)
        self._recorded_at = row.recorded_at

    def finish(self, head: StoredHead) -> Iterator[Discrepancy]:
        """Yield where the head says something else than the rows up to it."""
        if self._position != head.position:
            yield Discrepancy(
                "head", f"the head says {head.position} events, there are {self._position}"
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
        b'{"content":"%b","position":%d,"recorded_at":"%b","stream":%b,"version":%d}'
        % (
            row.content.hex().encode(),
            row.position,
            format_instant(row.recorded_at).encode(),
            orjson.dumps(row.originator_id),
            row.originator_version,
        )
    )
