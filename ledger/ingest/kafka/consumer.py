"""The worker: takes batches from its partitions, and records each with the place that it moves to.

Whatever goes wrong, there is one way on: stand still, ask the group whether the partitions are
still ours, claim them again, and read on from where the ledger says. Nothing is ever executed again
blindly, so it does not matter whether a COMMIT without an answer took place.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

import psycopg
from eventsourcing.persistence import PersistenceError

from events.envelope import HORIZON_DAYS
from ledger.application import CommissionLedger
from ledger.application import Gap as AcceptedGap
from ledger.dead_letters import Incoming
from ledger.errors import Fenced, LedgerError, NotReady
from ledger.ingest.kafka.history import Gap, Identity, MissingHistory, Partition, gaps, not_accepted
from ledger.ingest.kafka.messages import Record, incoming
from ledger.ingest.kafka.observer import Observer, Taken
from ledger.ingest.kafka.offsets import Move, Offsets
from ledger.ingest.kafka.subscription import BrokerRefused, LostPlace, Subscription
from ledger.recording import Placed, Recording

BATCH_MESSAGES = 5_000
BATCH_BYTES = 16 * 2**20
"""A batch ends with the poll that reaches this size, however few its messages are."""

FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 5.0
"""How long a worker waits before it tries a database again that went away."""

_POLL_MS = 250
"""How long one poll waits for a message: a signal is answered between two of them."""

_FOLLOW_SECONDS = 0.5
_GONE_SECONDS = 30


class Stuck(LedgerError):
    """A message that cannot be decided: a bug, which skipping would only hide."""

    def __init__(self, at: Partition, offset: int, error: Exception) -> None:
        super().__init__(at, offset)
        self.at, self.offset, self.error = at, offset, error

    def __str__(self) -> str:
        """Where, what was raised, and what to do."""
        return (
            f"topic {self.at.topic}, partition {self.at.partition}, offset {self.offset} cannot be"
            f" decided ({type(self.error).__name__}); nothing after it was read. This is a bug:"
            " report it with the traceback, and start again with a release that corrects it"
        )


class NoTopic(LedgerError):
    """A topic that the broker does not have."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker keeps to; ``until_idle`` ends it when nothing came for so many seconds."""

    batch_messages: int = BATCH_MESSAGES
    horizon_days: int = HORIZON_DAYS
    until_idle: float | None = None
    accepted_gaps: Collection[str] = ()


@dataclass(slots=True)
class _Owned:
    """A partition that is ours: the next offset to be taken, under which epoch, and of which log.

    ``next_offset`` runs ahead of the ledger by the batches under way.
    """

    next_offset: int
    epoch: int
    identity: Identity


@dataclass(slots=True)
class _Batch:
    """A batch under way, and the moves that it makes."""

    messages: list[Incoming]
    moves: list[Move]
    size: int = 0


@dataclass(slots=True)
class _Careful:
    """After an error of unknown cause: one message at a time, for as many as were under way."""

    messages: int = 0
    last: Move | None = field(default=None)


class Worker:
    """One member of a group, recording what its partitions hold until it is stopped."""

    def __init__(
        self,
        ledger: CommissionLedger,
        offsets: Offsets,
        subscription: Subscription,
        observer: Observer,
        limits: Limits | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ledger, self._offsets, self._subscription = ledger, offsets, subscription
        self._observer, self._limits, self._now = observer, limits or Limits(), now
        self._owned: dict[Partition, _Owned] = {}
        self._fresh: set[Partition] = set()
        self._recorded: dict[Partition, int] = {}
        self._followed_at = self._busy_at = self._seen_at = monotonic()
        self._stopping = self._doubtful = self._joined = False
        self._problem: Exception | None = None
        self._wait_seconds = FIRST_WAIT_SECONDS
        self._careful = _Careful()

    def stop(self) -> None:
        """Leave when the batches under way are recorded; may be called by a signal's handler."""
        self._stopping = True

    def run(self) -> None:
        """Work until stopped, or idle for as long as the limits say; leaves the group at the end.

        Raises MissingHistory, Stuck, NoTopic, BrokerRefused: nothing was skipped.
        """
        missing = self._subscription.missing_topics()
        if missing:
            raise NoTopic(f"the broker has no topic {', '.join(missing)}; create it, or correct it")
        try:
            while not (self._stopping or self._is_idle()):
                try:
                    self._turn()
                except Fenced:
                    self._observer.fenced()
                    self._begin_again()
                    self._doubtful = True
                except (psycopg.Error, PersistenceError) as error:
                    if not is_away(error):
                        self._look_closer(error)
                        continue
                    self._observer.away(error)
                    self._begin_again()
                    self._wait()
                except LostPlace:
                    self._begin_again()
                except (MissingHistory, NoTopic, BrokerRefused, NotReady, Stuck):
                    raise
                except Exception as error:  # noqa: BLE001 - raised again once its message is known
                    self._look_closer(error)
        finally:
            self._subscription.close(self._recorded)

    # --- one turn --------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._problem = self._careful.last = None
        if self._fresh:
            self._settle()
        batch = self._gather(_POLL_MS)
        if batch is None:
            self._follow(idle=True)
            self._watch_topics()
            if not self._fresh and self._subscription.joined:
                self._observer.ready(len(self._owned))
            return
        under_way: deque[_Batch] = deque()
        for recording in self._ledger.record_placed(self._ahead(batch, under_way)):
            self._landed(under_way.popleft(), recording)
        problem, self._problem = self._problem, None
        if problem is not None:
            raise problem

    def _ahead(self, batch: _Batch | None, under_way: deque[_Batch]) -> Iterator[Placed]:
        """A batch and those that wait behind it, each taken while the one before is appended."""
        while batch is not None:
            under_way.append(batch)
            if batch.moves:
                self._careful.last = batch.moves[-1]
            yield Placed(batch.messages, self._offsets.place(batch.moves))
            batch = None
            if not (self._stopping or self._careful.messages):
                try:
                    batch = self._gather(0)
                except Exception as error:  # noqa: BLE001 - raised when what is under way landed
                    self._problem = error

    def _gather(self, wait_ms: int) -> _Batch | None:
        """The messages that are there, up to the limits; None if there are none.

        The first poll waits; what it finds is enough, so a batch is one message when they are few.
        """
        most = 1 if self._careful.messages else self._limits.batch_messages
        records: list[Record] = []
        size = 0
        while len(records) < most and size < BATCH_BYTES:
            polled = self._subscription.poll(wait_ms, most - len(records))
            self._apply_changes()
            self._observer.turned()
            if not polled:
                break
            records += polled
            size += sum(len(record.value or b"") for record in polled)
            wait_ms = 0
        records = [r for r in records if Partition(r.topic, r.partition) in self._owned]
        if not records or not self._still_the_same():
            return None
        return self._decoded(records, size)

    def _decoded(self, records: Sequence[Record], size: int) -> _Batch:
        received_at = self._now()
        last: dict[Partition, int] = {}
        messages: list[Incoming] = []
        for record in records:
            at = Partition(record.topic, record.partition)
            topic_id = self._owned[at].identity.topic_id
            messages.append(incoming(record, topic_id, received_at, self._limits.horizon_days))
            last[at] = record.offset
        moves = []
        for at, offset in sorted(last.items()):
            owned = self._owned[at]
            # Markers of transactions leave gaps: the next is the one after the last, always.
            moves.append(Move(at, owned.next_offset, offset + 1, owned.epoch))
            owned.next_offset = offset + 1
        self._busy_at = monotonic()
        return _Batch(messages, moves, size)

    def _landed(self, batch: _Batch, recording: Recording) -> None:
        """A batch is recorded: tell the broker, and whoever watches."""
        self._wait_seconds = FIRST_WAIT_SECONDS
        self._careful.messages = max(0, self._careful.messages - len(batch.messages))
        for move in batch.moves:
            if move.at in self._owned:
                self._recorded[move.at] = move.next_offset
        lags = {move.at: self._subscription.lag(move.at, move.next_offset) for move in batch.moves}
        self._observer.recorded(Taken(batch.messages, batch.size, lags), recording)
        self._follow(idle=False)

    def _follow(self, *, idle: bool) -> None:
        """Tell the broker how far we are: twice a second, and when nothing else is to be done."""
        now = monotonic()
        if now - self._followed_at >= _FOLLOW_SECONDS or (idle and self._recorded):
            self._subscription.follow(self._recorded)
            self._recorded, self._followed_at = {}, now

    # --- whose is what ---------------------------------------------------------------------------

    def _apply_changes(self) -> None:
        changes = self._subscription.changes()
        for at in changes.taken:
            self._owned.pop(at, None)
            self._recorded.pop(at, None)
        self._fresh -= changes.taken
        self._fresh |= changes.given
        if changes.given or changes.taken:
            self._observer.rebalanced(len(self._owned) + len(self._fresh))

    def _settle(self) -> None:
        """Claim what was given to us, and go on from where the ledger says."""
        kept = self._offsets.kept(self._subscription.topics)
        if self._doubtful:
            # Somebody else claimed what was ours: has the group put us out meanwhile?
            ours = {at: kept[at].next_offset for at in self._fresh if at in kept}
            if not self._subscription.is_member(ours):
                return
            self._doubtful = False
        fresh = set(self._fresh)
        found = self._subscription.look(fresh)
        if found is None:
            return
        missing = list(gaps(fresh, kept, found))
        refused = not_accepted(missing, self._limits.accepted_gaps)
        if refused:
            raise MissingHistory(refused)
        for gap in missing:
            self._accept(gap, found[gap.at].identity)
        claims = self._offsets.claim({at: found[at].identity for at in fresh})
        self._apply_changes()
        for at in fresh & self._fresh:
            claim = claims[at]
            if self._subscription.go_on(at, claim.next_offset):
                self._owned[at] = _Owned(claim.next_offset, claim.epoch, found[at].identity)
        self._fresh -= fresh
        self._busy_at = monotonic()

    def _accept(self, gap: Gap, identity: Identity) -> None:
        place = self._offsets.restart(gap.at, gap.expected, gap.found, identity)
        told = AcceptedGap(self._offsets.group, *gap.at, gap.expected, gap.found, gap.reason)
        self._ledger.accept_gap(told, place, self._now())
        self._observer.gap_accepted(gap)

    def _still_the_same(self) -> bool:
        """Whether the broker's topics are those that were claimed; if not, look at them again."""
        for at, owned in self._owned.items():
            identity = self._subscription.identity(at.topic)
            if identity is not None and identity != owned.identity:
                self._begin_again()
                return False
        return True

    def _watch_topics(self) -> None:
        """Notice a topic that changed or went away while nothing came of it."""
        if not self._still_the_same():
            return
        if all(self._subscription.identity(topic) for topic in self._subscription.topics):
            self._seen_at = monotonic()
        elif monotonic() - self._seen_at > _GONE_SECONDS:
            missing = self._subscription.missing_topics()
            if missing:
                raise NoTopic(
                    f"the broker has no topic {', '.join(missing)} any more; what it held may be"
                    " missing: make it again, then start again to be told from where"
                )
            self._seen_at = monotonic()

    # --- when something goes wrong ---------------------------------------------------------------

    def _begin_again(self) -> None:
        """Stand still; what was taken and not recorded is taken again once it is claimed anew."""
        self._fresh |= self._owned.keys()
        self._owned.clear()
        self._recorded.clear()
        self._subscription.stand_still(self._fresh)

    def _wait(self) -> None:
        """Wait for the database, longer each time, and stay a member of the group meanwhile."""
        until = monotonic() + self._wait_seconds * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        self._wait_seconds = min(LONGEST_WAIT_SECONDS, self._wait_seconds * 2)
        while monotonic() < until and not self._stopping:
            # Everything stands still; were something told all the same, it must be told again.
            if self._subscription.poll(50, 1):
                self._begin_again()
            self._apply_changes()
            self._observer.turned()
        self._busy_at = monotonic()

    def _look_closer(self, error: Exception) -> None:
        """Find the message that an error of unknown cause is about, by taking them one by one."""
        careful = self._careful
        if careful.messages and careful.last is None:
            raise error
        if careful.last is not None and careful.messages:
            raise Stuck(careful.last.at, careful.last.next_offset - 1, error) from error
        careful.messages = 2 * self._limits.batch_messages
        self._begin_again()

    def _is_idle(self) -> bool:
        if self._limits.until_idle is None:
            return False
        if not self._joined:
            self._joined = self._subscription.joined
            self._busy_at = monotonic()
            return False
        if self._fresh or monotonic() - self._busy_at < self._limits.until_idle:
            return False
        at_end = self._subscription.is_at_end(self._owned)
        if not at_end:
            self._busy_at = monotonic()
        return at_end


def is_away(error: Exception) -> bool:
    """Whether an error says that the database is not there, or not for us, at the moment."""
    cause = error.__cause__ if isinstance(error, PersistenceError) else error
    if isinstance(cause, (psycopg.OperationalError, psycopg.InterfaceError)):
        return True
    # A session that the server ended since it stood still in a transaction.
    return isinstance(cause, psycopg.Error) and (cause.sqlstate or "").startswith("25P")
