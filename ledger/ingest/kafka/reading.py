"""What a worker reads: batches of its partitions, decoded before they are asked for.

Not thread-safe. While batches are read ahead the thread that does it has the reader to itself, but
for :meth:`Reader.landed` and ``leaving``; before and after the worker has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from queue import Empty, SimpleQueue
from time import monotonic

from ledger.dead_letters import Incoming
from ledger.ingest.decoding import Decoded, Decoder, Pending
from ledger.ingest.kafka.ahead import Ahead
from ledger.ingest.kafka.history import Identity, Partition
from ledger.ingest.kafka.messages import Record, incoming, payloads_of
from ledger.ingest.kafka.observer import Observer
from ledger.ingest.kafka.offsets import Move
from ledger.ingest.kafka.subscription import BrokerRefused, Subscription

BATCH_BYTES = 16 * 2**20
"""A batch ends with the poll that reaches this size, however few its messages are."""

_POLL_MS = 250
"""How long one poll waits for a message: a signal is answered between two of them."""

_FILL_MS = 100
"""How long a batch behind a full one waits to be full, too: what is to come is on its way."""

_BEHIND_MS = 500
"""How long it waits, all polls together, while the broker has more: a machine may be slow."""

_AHEAD_BATCHES = 2
"""Batches that are read and decoded before they are asked for; one more is only read."""

_FOLLOW_SECONDS = 0.5


@dataclass(slots=True)
class Owned:
    """A partition that is ours: the next offset to be taken, under which epoch, and of which log.

    ``next_offset`` runs ahead of the ledger by the batches under way.
    """

    next_offset: int
    epoch: int
    identity: Identity


@dataclass(slots=True)
class Batch:
    """A batch under way, and the moves that it makes; ``messages`` once it is decoded.

    ``lags`` are the offsets behind it by partition; ``is_full`` says that a limit ended it.
    """

    records: Mapping[Partition, Sequence[Record]]
    moves: list[Move]
    topic_ids: Mapping[str, str]
    lags: Mapping[Partition, int | None]
    size: int
    is_full: bool
    messages: Sequence[Incoming] = ()


@dataclass(slots=True)
class _Polled:
    """Records by partition, how many, and the bytes of their values."""

    records: dict[Partition, list[Record]] = field(default_factory=dict)
    count: int = 0
    size: int = 0

    def add(self, found: Mapping[Partition, Sequence[Record]]) -> None:
        """Take over what one poll found."""
        for at, records in found.items():
            self.records.setdefault(at, []).extend(records)
            self.count += len(records)
            self.size += sum(len(record.value or b"") for record in records)


class Reader:
    """Takes what a subscription tells, in batches, and keeps whose is what.

    ``fresh`` are partitions that were given to us and are not claimed yet, ``owned`` those that
    are. ``busy_at`` is when a message came last, and ``last`` the place of the batch that was taken
    last. ``leaving`` has no more read.
    """

    def __init__(
        self,
        subscription: Subscription,
        observer: Observer,
        *,
        batch_messages: int,
        horizon_days: int,
        now: Callable[[], datetime],
    ) -> None:
        self._subscription, self._observer = subscription, observer
        self._batch_messages, self._now = batch_messages, now
        self._decoder = Decoder(horizon_days)
        self.owned: dict[Partition, Owned] = {}
        self.fresh: set[Partition] = set()
        self.busy_at = self._followed_at = monotonic()
        self._alone = self.leaving = False
        self._refusal: BrokerRefused | None = None
        self.last: Move | None = None
        self._landings: SimpleQueue[Sequence[Move]] = SimpleQueue()
        self._recorded: dict[Partition, int] = {}
        self._polled = _Polled()

    # --- batches ---------------------------------------------------------------------------------

    def begin(self, *, alone: bool) -> None:
        """Nothing is taken yet; ``alone`` makes batches of one message, and reads none ahead."""
        self._alone, self.last = alone, None

    def first(self) -> Batch | None:
        """What there is, waited for a moment; None if nothing came."""
        batch = self._gather(_POLL_MS)
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
            position = self._subscription.position(at)
            if position is not None and position > owned.next_offset:
                moves.append(Move(at, owned.next_offset, position, owned.epoch))
                owned.next_offset = position
        return moves

    def landed(self, moves: Sequence[Move]) -> None:
        """Leave word that the ledger has moved: the broker is told when its turn comes."""
        self._landings.put(moves)

    def _read(self, batch: Batch | None) -> Iterator[Batch]:
        while batch is not None:
            self.last = batch.moves[-1]
            pending = self._submitted(batch)
            following: Batch | None = None
            problem: Exception | None = None
            if batch.is_full:
                # Read while the process decodes the one before.
                try:
                    following = self._behind(fill=True)
                except Exception as error:  # noqa: BLE001 - raised behind the batch that is there
                    problem = error
            _decode(batch, pending.result())
            del pending  # it holds the payloads
            yield batch
            if problem is not None:
                raise problem
            # Who has few messages is told of them before it is asked whether there are more.
            batch = following if batch.is_full else self._behind(fill=False)

    def _submitted(self, batch: Batch) -> Pending:
        payloads = list(payloads_of(chain.from_iterable(batch.records.values())))
        return self._decoder.submit(payloads, self._now())

    def _behind(self, *, fill: bool) -> Batch | None:
        """What there is behind a batch that may be read ahead."""
        if self._alone or self.leaving:
            return None
        return self._gather(fill=fill)

    def _gather(self, wait_ms: int = 0, *, fill: bool = False) -> Batch | None:
        """The messages that are there, up to the limits; None if there are none.

        The first poll waits; what it finds is enough, so a batch is one message when they are few.
        To ``fill`` a batch all polls wait, for as long together.

        kafka-python keeps the frames of a poll that timed out, those of its callers among them,
        until garbage is collected: what was polled is in none of their variables.
        """
        most = 1 if self._alone else self._batch_messages
        began = monotonic()
        self._polled = _Polled()
        while self._poll(self._patience_ms(began) if fill else wait_ms, most - self._polled.count):
            if self._polled.count >= most or self._polled.size >= BATCH_BYTES:
                return self._taken(is_full=True)
            wait_ms = 0
        return self._taken(is_full=False)

    def _poll(self, wait_ms: int, most: int) -> bool:
        """Add what is told to what was; whether there was anything."""
        if self._refusal is None:
            try:
                found = self._subscription.poll(wait_ms, most)
            except BrokerRefused as refusal:
                # What was read before comes first. Asked once more, the client may never answer.
                self._refusal = refusal
        if self._refusal is not None:
            if not self._polled.count:
                raise self._refusal
            return False
        self.apply_changes()
        self._observer.turned()
        self._polled.add(found)
        return bool(found)

    def _patience_ms(self, began: float) -> int:
        """How long a batch that was begun at an instant still waits to be full."""
        longest = _BEHIND_MS if self._is_behind() else _FILL_MS
        return max(0, longest - round(1000 * (monotonic() - began)))

    def _is_behind(self) -> bool:
        """Whether the broker has more than was polled, by its last answers."""
        for at, owned in self.owned.items():
            records = self._polled.records.get(at)
            following = records[-1].offset + 1 if records else owned.next_offset
            if self._subscription.lag(at, following):
                return True
        return False

    def _taken(self, *, is_full: bool) -> Batch | None:
        """The batch of what was polled, None if nothing of it is to be recorded by us."""
        self._follow(idle=False)
        polled = {at: told for at, told in self._polled.records.items() if at in self.owned}
        size, self._polled = self._polled.size, _Polled()
        if not polled or not self.still_the_same():
            return None
        moves: list[Move] = []
        lags: dict[Partition, int | None] = {}
        for at, records in sorted(polled.items()):
            owned = self.owned[at]
            # Markers of transactions leave gaps: the next is the one after the last, always.
            following = records[-1].offset + 1
            moves.append(Move(at, owned.next_offset, following, owned.epoch))
            owned.next_offset = following
            lags[at] = self._subscription.lag(at, following)
        self.busy_at = monotonic()
        topic_ids = {at.topic: self.owned[at].identity.topic_id for at in polled}
        return Batch(polled, moves, topic_ids, lags, size, is_full)

    # --- whose is what ---------------------------------------------------------------------------

    def apply_changes(self) -> None:
        """Take over what the group has given to us and taken from us."""
        changes = self._subscription.changes()
        for at in changes.taken:
            self.owned.pop(at, None)
            self._recorded.pop(at, None)
        self.fresh -= changes.taken
        self.fresh |= changes.given
        if changes.given or changes.taken:
            self._observer.rebalanced(len(self.owned) + len(self.fresh))

    def still_the_same(self) -> bool:
        """Whether the broker's topics are those that were claimed; if not, begin again."""
        for at, owned in self.owned.items():
            identity = self._subscription.identity(at.topic)
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
        self._subscription.stand_still(self.fresh)

    def stand_still(self) -> None:
        """Stay a member of the group for a moment while nothing can be recorded."""
        # Everything stands still; were something told all the same, it must be told again.
        if self._subscription.poll(50, 1):
            self.begin_again()
        self.apply_changes()
        self._observer.turned()

    # --- the broker's own offset -----------------------------------------------------------------

    def _hear(self) -> None:
        """Take over which batches landed, as far as their partitions are still ours."""
        with suppress(Empty):
            while True:
                for move in self._landings.get_nowait():
                    if move.at in self.owned:
                        self._recorded[move.at] = move.next_offset

    def _follow(self, *, idle: bool) -> None:
        """Tell the broker how far we are: twice a second, and when nothing else is to be done."""
        self._hear()
        now = monotonic()
        if self._recorded and (idle or now - self._followed_at >= _FOLLOW_SECONDS):
            self._subscription.follow(self._recorded)
            self._recorded, self._followed_at = {}, now

    def close(self) -> None:
        """Leave the group, and end the process that decodes."""
        self._decoder.close()
        self._hear()
        self._subscription.close(self._recorded)


def _decode(batch: Batch, decoded: Iterable[Decoded]) -> None:
    """Put messages in the place of a batch's records."""
    each = iter(decoded)
    batch.messages = [
        message
        for at, records in batch.records.items()
        for message in incoming(at, batch.topic_ids[at.topic], records, each)
    ]
    batch.records = {}
