"""Who watches a worker: it tells what it does, and asks nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from ledger.dead_letters import Incoming
from ledger.ingest.kafka.history import Gap, Partition
from ledger.recording import Recording


class Taken(NamedTuple):
    """A batch: its messages, the bytes of their values, and how much is left by partition."""

    messages: Sequence[Incoming]
    size_bytes: int
    lag: Mapping[Partition, int | None]


class Observer(Protocol):
    """Metrics, log and counts of one worker."""

    def recorded(self, taken: Taken, recording: Recording) -> None:
        """A batch is durable."""

    def passed(self, lag: Mapping[Partition, int | None]) -> None:
        """What stood there was no message; how much is left by partition."""

    def turned(self) -> None:
        """The worker is alive: it has polled."""

    def ready(self, partitions: int) -> None:
        """The partitions given are claimed; so many are being read."""

    def rebalanced(self, partitions: int) -> None:
        """The group has given or taken; so many are ours now."""

    def fenced(self) -> None:
        """A batch was dropped, since its partitions are another's by now."""

    def away(self, error: Exception) -> None:
        """The database is not there; the place is kept."""

    def gap_accepted(self, gap: Gap) -> None:
        """Messages were missed knowingly."""
