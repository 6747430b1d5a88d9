"""Is what the broker has the log that the ledger was reading, with nothing missing? Pure.

An offset is a number in one log. A topic made anew, another cluster, or a log whose beginning was
deleted can answer to the same number with something else, or with nothing, and say nothing of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from ledger.errors import LedgerError

Reason = Literal["deleted", "truncated", "topic_anew", "other_cluster", "partitions_changed"]


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Place(NamedTuple):
    """Where a partition is read on: an offset, and under which leader what is before was written.

    Two logs that parted have the same offsets. By the leader's epoch, -1 if it is not known, the
    broker tells whether its log still holds what was read (KIP-320).
    """

    offset: int
    leader_epoch: int = -1


class Identity(NamedTuple):
    """What a topic is on its broker: where it lives, its id, and into how many it is parted."""

    cluster_id: str
    topic_id: str
    partitions: int


class Kept(NamedTuple):
    """What the ledger keeps of a partition: the offset to read next, and of what."""

    next_offset: int
    identity: Identity


class Found(NamedTuple):
    """What the broker says of a partition: its first offset, and the one after its last."""

    beginning: int
    end: int
    identity: Identity


class Gap(NamedTuple):
    """Messages that may be missing; reading would go on at ``found``."""

    at: Partition
    expected: int
    found: int
    reason: Reason
    detail: str

    @property
    def flag(self) -> str:
        """What accepts this gap and no other: ``topic/partition@expected``."""
        return f"{self.at.topic}/{self.at.partition}@{self.expected}"


class MissingHistory(LedgerError):
    """Messages may be missing; nothing is read until somebody has decided."""

    def __init__(self, gaps: Sequence[Gap]) -> None:
        super().__init__(gaps)
        self.gaps = gaps

    def __str__(self) -> str:
        """Each gap with what was expected and found, and what to do."""
        told = "; ".join(
            f"topic {gap.at.topic}, partition {gap.at.partition}: {gap.detail} (expected offset"
            f" {gap.expected}, found {gap.found})"
            for gap in self.gaps
        )
        accept = " ".join(f"--accept-gap {gap.flag}" for gap in self.gaps)
        return (
            f"messages may be missing: {told}. Have them sent again (what is recorded already is"
            " told by its id) or bring the old log back; to go on without them, which is recorded:"
            f" {accept}"
        )


def gaps(
    wanted: Iterable[Partition],
    kept: Mapping[Partition, Kept],
    found: Mapping[Partition, Found],
    parted: Mapping[Partition, int | None],
) -> Iterator[Gap]:
    """The gaps of the partitions wanted; ``kept`` holds all that is known of their topics.

    ``parted`` are those whose log the broker says is not the one that was read, from an offset on
    if it knows from where.
    """
    counts: dict[str, int] = {}
    for at, known in kept.items():
        counts[at.topic] = known.identity.partitions
    for at in sorted(wanted):
        gap = _another_log(at, kept.get(at), found[at])
        if gap is None and at in parted:
            gap = _parted(at, kept.get(at), found[at], parted[at])
        if gap is None:
            gap = _out_of_range(at, kept.get(at), found[at], counts.get(at.topic))
        if gap is not None:
            yield gap


def _another_log(at: Partition, kept: Kept | None, found: Found) -> Gap | None:
    if kept is None:
        return None
    expected, identity = kept.next_offset, found.identity
    if kept.identity.cluster_id != identity.cluster_id:
        detail = f"the cluster is {identity.cluster_id}, not {kept.identity.cluster_id}"
        return Gap(at, expected, found.beginning, "other_cluster", detail)
    if kept.identity.topic_id != identity.topic_id:
        detail = f"the topic was made anew: its id is {identity.topic_id}, not "
        return Gap(at, expected, found.beginning, "topic_anew", detail + kept.identity.topic_id)
    return None


def _parted(at: Partition, kept: Kept | None, found: Found, parted: int | None) -> Gap | None:
    expected = kept.next_offset if kept is not None else 0
    since = found.beginning if parted is None else max(parted, found.beginning)
    if since > expected or (since == expected and parted is not None):
        return None
    detail = f"the broker's log is another from offset {since} on: it lost what was read"
    return Gap(at, expected, since, "truncated", detail)


def _out_of_range(at: Partition, kept: Kept | None, found: Found, count: int | None) -> Gap | None:
    identity = found.identity
    expected = kept.next_offset if kept is not None else 0
    if expected < found.beginning:
        detail = "the broker has deleted what was to be read next"
        return Gap(at, expected, found.beginning, "deleted", detail)
    if expected > found.end:
        detail = f"the broker's log ends at {found.end}: it lost what was read"
        return Gap(at, expected, found.beginning, "truncated", detail)
    before = kept.identity.partitions if kept is not None else count
    if before is not None and before != identity.partitions:
        detail = (
            f"the topic has {identity.partitions} partitions, not {before}, so messages of one"
            " key may stand in another order"
        )
        return Gap(at, expected, expected, "partitions_changed", detail)
    return None


def not_accepted(found: Sequence[Gap], accepted: Collection[str]) -> list[Gap]:
    """The gaps that nobody has accepted."""
    return [gap for gap in found if gap.flag not in accepted]
