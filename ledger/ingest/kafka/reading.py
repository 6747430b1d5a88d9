"""What a worker reads: batches of its partitions, decoded before they are asked for.

Not thread-safe. While batches are read ahead the thread that does it has the reader to itself, but
for :meth:`Reader.landed` and ``leaving``; before and after the worker has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue
from time import monotonic

from ledger.dead_letters import Incoming
from ledger.ingest.kafka.ahead import Ahead
from ledger.ingest.kafka.fetching import Fetched, Fetching, Wanted
from ledger.ingest.kafka.history import Identity, Partition, Place
from ledger.ingest.kafka.messages import Told, incoming
from ledger.ingest.kafka.observer import Observer
from ledger.ingest.kafka.offsets import Move
from ledger.ingest.kafka.subscription import Subscription

_POLL_MS = 250
"""How long a message is waited for: a signal is answered between two waits."""

_AHEAD_BATCHES = 2
"""Batches that are made ready before they are asked for; one more is fetched."""

_STILL_MS = 50
_FOLLOW_SECONDS = 0.5


@dataclass(slots=True)
class Owned:
    """A partition that is ours: the place to be taken next, under which epoch, and of which log.

    ``place`` runs ahead of the ledger by the batches under way.
    """

    place: Place
    epoch: int
    identity: Identity


@dataclass(slots=True)
class Batch:
    """A batch under way, and the moves that it makes; ``messages`` once it is made ready.

    ``lags`` are the offsets behind it by partition; ``is_full`` says that a limit ended it.
    """

    told: Mapping[Partition, Told]
    moves: list[Move]
    topic_ids: Mapping[str, str]
    lags: Mapping[Partition, int | None]
    size: int
    is_full: bool
    messages: Sequence[Incoming] = ()


class Reader:
    """Takes what is fetched of what is ours, in batches, and keeps whose is what.

    ``fresh`` are partitions that were given to us and are not claimed yet, ``owned`` those that
    are. ``busy_at`` is when a message came last, and ``last`` the place of the batch that was taken
    last. ``leaving`` has no more read.
    """

    def __init__(
        self,
        subscription: Subscription,
        fetching: Fetching,
        observer: Observer,
        *,
        batch_messages: int,
        horizon_days: int,
        now: Callable[[], datetime],
    ) -> None:
        self._subscription, self._fetching, self._observer = subscription, fetching, observer
        self._batch_messages, self._horizon_days, self._now = batch_messages, horizon_days, now
        self.owned: dict[Partition, Owned] = {}
        self.fresh: set[Partition] = set()
        self.busy_at = self._followed_at = monotonic()
        self._alone = self.leaving = False
        self.last: Move | None = None
        self._landings: SimpleQueue[Sequence[Move]] = SimpleQueue()
        self._recorded: dict[Partition, int] = {}
        self._positions: Mapping[Partition, Place | None] = {}
        self._ends: Mapping[Partition, int | None] = {}

    # --- batches ---------------------------------------------------------------------------------

    def begin(self, *, alone: bool) -> None:
        """Nothing is taken yet; ``alone`` makes batches of one message, and reads none ahead."""
        self._alone, self.last = alone, None

    def first(self) -> Batch | None:
        """What there is, waited for a moment; None if nothing came."""
        self._positions = {}
        self._attend(0 if self.owned else _POLL_MS)
        batch = None
        if self.owned:
            self._ask(_POLL_MS)
            batch = self._taken()
        if batch is None:
            self._follow(idle=True)
        return batch

    def ahead(self, batch: Batch) -> Ahead[Batch]:
        """A batch and those that wait behind it, decoded by a thread while others are recorded."""
        return Ahead(self._read(batch), _AHEAD_BATCHES)

    def passed(self) -> list[Move]:
        """The moves over what stands behind the last message and is none, when nothing came.

        Markers of transactions and what was aborted are there, and are told to nobody.
        """
        moves: list[Move] = []
        for at, owned in sorted(self.owned.items()):
            position = self._positions.get(at)
            if position is not None and position.offset > owned.place.offset:
                moves.append(Move(at, owned.place.offset, position, owned.epoch))
                owned.place = position
        return moves

    def lag(self, at: Partition, next_offset: int) -> int | None:
        """How many offsets are still to be read, as far as the last fetch knew."""
        end = self._ends.get(at)
        return None if end is None else max(0, end - next_offset)

    def landed(self, moves: Sequence[Move]) -> None:
        """Leave word that the ledger has moved: the broker is told when its turn comes."""
        self._landings.put(moves)

    def _read(self, batch: Batch | None) -> Iterator[Batch]:
        while batch is not None:
            self.last = batch.moves[-1]
            is_asked = batch.is_full and self._goes_on()
            if is_asked:
                # Read while this one is made ready.
                self._ask(fill=True)
            batch.messages = _messages(batch)
            yield batch
            self._attend(0)
            # Who has few messages is told of them before it is asked whether there are more.
            if not batch.is_full and self._goes_on():
                is_asked = True
                self._ask()
            batch = self._taken() if is_asked else None

    def _goes_on(self) -> bool:
        """Whether batches may be read ahead, and none of what was given to us waits for that."""
        return not (self._alone or self.leaving or self.fresh)

    def _ask(self, wait_ms: int = 0, *, fill: bool = False) -> None:
        """Have the next batch fetched."""
        most = 1 if self._alone else self._batch_messages
        places = {at: owned.place for at, owned in self.owned.items()}
        self._fetching.ask(Wanted(places, most, wait_ms, fill, self._now(), self._horizon_days))

    def _taken(self) -> Batch | None:
        """The batch that was fetched, None if nothing of it is to be recorded by us."""
        return self._batch(self._fetching.answer())

    def _batch(self, fetched: Fetched) -> Batch | None:
        self._follow(idle=False)
        told = {at: each for at, each in fetched.told.items() if at in self.owned}
        self._positions, self._ends = fetched.positions, fetched.ends
        if not self._still_the_same(fetched.identities) or not told:
            return None
        moves: list[Move] = []
        lags: dict[Partition, int | None] = {}
        for at, each in sorted(told.items()):
            owned = self.owned[at]
            moves.append(Move(at, owned.place.offset, each.following, owned.epoch))
            owned.place = each.following
            lags[at] = self.lag(at, each.following.offset)
        self.busy_at = monotonic()
        topic_ids = {at.topic: self.owned[at].identity.topic_id for at in told}
        return Batch(told, moves, topic_ids, lags, fetched.size, fetched.is_full)

    # --- whose is what ---------------------------------------------------------------------------

    def _attend(self, wait_ms: int) -> None:
        """Take part in the group, and take over what it has changed."""
        self._subscription.attend(wait_ms)
        self.apply_changes()
        self._observer.turned()

    def apply_changes(self) -> None:
        """Take over what the group has given to us and taken from us."""
        changes = self._subscription.changes()
        # What is given was lost before, if we had it, and is claimed anew.
        for at in changes.taken | changes.given:
            self.owned.pop(at, None)
            self._recorded.pop(at, None)
        self.fresh -= changes.taken
        self.fresh |= changes.given
        if changes.given or changes.taken:
            self._observer.rebalanced(len(self.owned) + len(self.fresh))

    def _still_the_same(self, identities: Mapping[str, Identity | None]) -> bool:
        """Whether the broker's topics are those that were claimed; if not, begin again."""
        for at, owned in self.owned.items():
            identity = identities.get(at.topic)
            if identity is not None and identity != owned.identity:
                self.begin_again()
                return False
        return True

    def begin_again(self) -> None:
        """Stand still; what was taken and not recorded is taken again once it is claimed anew."""
        self.fresh |= self.owned.keys()
        self.owned.clear()
        self._hear()
        self._recorded.clear()

    def stand_still(self) -> None:
        """Stay a member of the group for a moment while nothing can be recorded."""
        self._attend(_STILL_MS)

    # --- the broker's own offset -----------------------------------------------------------------

    def _hear(self) -> None:
        """Take over which batches landed, as far as their partitions are still ours."""
        with suppress(Empty):
            while True:
                for move in self._landings.get_nowait():
                    if move.at in self.owned:
                        self._recorded[move.at] = move.following.offset

    def _follow(self, *, idle: bool) -> None:
        """Tell the broker how far we are: twice a second, and when nothing else is to be done."""
        self._hear()
        now = monotonic()
        if self._recorded and (idle or now - self._followed_at >= _FOLLOW_SECONDS):
            self._subscription.follow(self._recorded)
            self._recorded, self._followed_at = {}, now

    def close(self) -> None:
        """Leave the group."""
        self._hear()
        self._subscription.close(self._recorded)


def _messages(batch: Batch) -> list[Incoming]:
    """The messages of a batch, in place of what was told of it."""
    told, batch.told = batch.told, {}
    return [
        message
        for at, each in told.items()
        for message in incoming(at, batch.topic_ids[at.topic], each)
    ]
