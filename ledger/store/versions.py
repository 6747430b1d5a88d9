"""Last versions of streams used lately, so that an append need not look each of them up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

LIMIT = 60_000
"""Streams remembered at most, some 7 MiB."""

Place = tuple[int, bytes]
"""A position, and the Merkle frontier of the ledger there."""

_NOWHERE: Place = (-1, b"")


class KnownVersions:
    """Versions as of one place of one ledger.

    The frontier is the proof that they hold: the leaves bind each event's stream and version, so
    whatever was rolled back, or appended by others, is another place, where nothing is known.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._half = max(1, limit // 2)
        self._place = _NOWHERE
        # Two generations: when the young one is full it becomes the old, and the old one goes.
        self._young: dict[str, int] = {}
        self._old: dict[str, int] = {}
        # The positions after which each has all that was appended.
        self._young_from = self._old_from = 0

    def __len__(self) -> int:
        """How many entries there are; a stream used again may have two."""
        return len(self._young) + len(self._old)

    def find(self, place: Place, streams: Iterable[str]) -> dict[str, int]:
        """The versions known at a place, of those streams that are known there."""
        if place != self._place:
            return {}
        young, old = self._young, self._old
        found: dict[str, int] = {}
        for stream in streams:
            version = young.get(stream) or old.get(stream)
            if version is not None:
                found[stream] = version
        return found

    def missing(self, streams: Iterable[str]) -> list[str]:
        """Those of the streams that are not remembered of wherever the ledger was last seen.

        It may be asked while another thread learns.
        """
        young, old = self._young, self._old
        return [stream for stream in streams if stream not in young and stream not in old]

    def covers(self, position: int, place: Place) -> bool:
        """Whether all that was appended after a position, up to a place, is remembered."""
        return place == self._place and position >= self._old_from

    def learn(self, before: Place, after: Place, versions: Mapping[str, int]) -> None:
        """Take over the versions of an append that led from one place to another."""
        if before != self._place:
            self._young, self._old = {}, {}
            self._young_from = self._old_from = before[0]
        if len(self._young) + len(versions) > self._half:
            self._young, self._old = {}, self._young
            self._young_from, self._old_from = before[0], self._young_from
        self._young.update(versions)
        self._place = after
