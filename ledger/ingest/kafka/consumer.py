"""The worker: takes batches from its partitions, and records each with the place that it moves to.

While batches are recorded, a thread fetches those behind them.

Whatever goes wrong, there is one way on: stand still, ask the group whether the partitions are
still ours, claim them again, and read on from where the ledger says. Nothing is ever executed again
blindly, so it does not matter whether a COMMIT without an answer took place.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

import psycopg
from eventsourcing.persistence import PersistenceError

from events.envelope import HORIZON_DAYS
from ledger.application import CommissionLedger
from ledger.application import Gap as AcceptedGap
from ledger.errors import Fenced, LedgerError, NotReady
from ledger.ingest.kafka.fetching import Fetching
from ledger.ingest.kafka.history import Gap, Identity, MissingHistory, Partition, gaps, not_accepted
from ledger.ingest.kafka.log import BrokerRefused, LostPlace
from ledger.ingest.kafka.observer import Observer, Taken
from ledger.ingest.kafka.offsets import Offsets
from ledger.ingest.kafka.reading import Batch, Owned, Reader
from ledger.ingest.kafka.subscription import Subscription
from ledger.recording import Placed, Recording

BATCH_MESSAGES = 5_000
FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 1.0
"""How long a worker waits, at least, before it goes on with a database that went away."""

KNOCK_SECONDS = 0.2
"""How often it is seen from then on whether the database is there again: what an outage leaves
behind grows until it is over, and for as long as that goes unnoticed."""

UNSEEN_SECONDS = 30
"""After so long the worker goes on, though the database does not seem to be there."""

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


class Worker:
    """One member of a group, recording what its partitions hold until it is stopped."""

    def __init__(
        self,
        ledger: CommissionLedger,
        offsets: Offsets,
        subscription: Subscription,
        fetching: Fetching,
        observer: Observer,
        *,
        limits: Limits | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ledger, self._offsets, self._subscription = ledger, offsets, subscription
        self._observer, self._limits, self._now = observer, limits or Limits(), now
        self._reader = Reader(
            subscription,
            fetching,
            observer,
            batch_messages=self._limits.batch_messages,
            horizon_days=self._limits.horizon_days,
            now=now,
        )
        self._seen_at = monotonic()
        self._stopping = self._doubtful = self._joined = False
        self._problem: Exception | None = None
        self._parted: dict[Partition, int | None] = {}
        self._wait_seconds = FIRST_WAIT_SECONDS
        self._careful = 0
        """After an error of unknown cause: so many messages are still taken one at a time."""

    def stop(self) -> None:
        """Leave when the batches under way are recorded; may be called by a signal's handler."""
        self._stopping = self._reader.leaving = True

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
                    self._reader.begin_again()
                    self._doubtful = True
                except (psycopg.Error, PersistenceError) as error:
                    if not is_away(error):
                        self._look_closer(error)
                        continue
                    self._observer.away(error)
                    self._reader.begin_again()
                    self._wait()
                except LostPlace as lost:
                    self._parted.update(lost.parted)
                    self._reader.begin_again()
                except (MissingHistory, NoTopic, BrokerRefused, NotReady, Stuck):
                    raise
                except Exception as error:  # noqa: BLE001 - raised again once its message is known
                    self._look_closer(error)
        finally:
            self._reader.close()

    # --- one turn --------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._problem = None
        self._reader.begin(alone=self._careful > 0)
        # Who has a partition meanwhile may have settled it, and gone on.
        self._parted = {at: it for at, it in self._parted.items() if at in self._reader.fresh}
        if self._reader.fresh:
            self._settle()
        batch = self._reader.first()
        if batch is None:
            self._pass_over()
            self._watch_topics()
            if not self._reader.fresh and self._subscription.joined:
                self._observer.ready(len(self._reader.owned))
            return
        under_way: deque[Batch] = deque()
        with self._reader.ahead(batch) as read:
            for recording in self._ledger.record_placed(self._placed(read, under_way)):
                self._landed(under_way.popleft(), recording)
        problem, self._problem = self._problem, None
        if problem is not None:
            raise problem

    def _placed(self, read: Iterable[Batch], under_way: deque[Batch]) -> Iterator[Placed]:
        """Batches with their places as they are read; none any more once the worker is to leave."""
        try:
            for batch in read:
                if self._stopping:
                    return
                under_way.append(batch)
                yield Placed(batch.messages, self._offsets.place(batch.moves))
        except Exception as error:  # noqa: BLE001 - raised when what is under way landed
            self._problem = error

    def _landed(self, batch: Batch, recording: Recording) -> None:
        """A batch is recorded: leave word of it, and tell whoever watches."""
        self._wait_seconds = FIRST_WAIT_SECONDS
        self._careful = max(0, self._careful - len(batch.messages))
        self._reader.landed(batch.moves)
        self._observer.recorded(Taken(batch.messages, batch.size, batch.lags), recording)

    def _pass_over(self) -> None:
        """Move on over what stands at the ends of partitions and is no message.

        The place would else stay before it, and be missing once the broker deletes that.
        """
        moves = self._reader.passed()
        if moves:
            self._offsets.move(moves)
            self._reader.landed(moves)
            lags = {it.at: self._reader.lag(it.at, it.following.offset) for it in moves}
            self._observer.passed(lags)

    # --- whose is what ---------------------------------------------------------------------------

    def _settle(self) -> None:
        """Claim what was given to us, and go on from where the ledger says."""
        kept = self._offsets.kept(self._subscription.topics)
        if self._doubtful:
            # Somebody else claimed what was ours: has the group put us out meanwhile?
            ours = {at: kept[at].next_offset for at in self._reader.fresh if at in kept}
            if not self._subscription.is_member(ours):
                return
            self._doubtful = False
        fresh = set(self._reader.fresh)
        found = self._subscription.look(fresh)
        if found is None:
            return
        missing = list(gaps(fresh, kept, found, self._parted))
        refused = not_accepted(missing, self._limits.accepted_gaps)
        if refused:
            raise MissingHistory(refused)
        for gap in missing:
            self._accept(gap, found[gap.at].identity)
        claims = self._offsets.claim({at: found[at].identity for at in fresh})
        self._reader.apply_changes()
        for at in fresh & self._reader.fresh:
            claim = claims[at]
            if self._subscription.has(at):
                self._reader.owned[at] = Owned(claim.place, claim.epoch, found[at].identity)
        self._reader.fresh -= fresh
        self._parted.clear()
        self._reader.busy_at = monotonic()

    def _accept(self, gap: Gap, identity: Identity) -> None:
        place = self._offsets.restart(gap.at, gap.expected, gap.found, identity)
        told = AcceptedGap(self._offsets.group, *gap.at, gap.expected, gap.found, gap.reason)
        self._ledger.accept_gap(told, place, self._now())
        self._observer.gap_accepted(gap)

    def _watch_topics(self) -> None:
        """Notice a topic that changed or went away while nothing came of it."""
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

    def _wait(self) -> None:
        """Wait until the database is there again, and stay a member of the group meanwhile.

        Longer each time: one that takes connections may take nothing else.
        """
        began = monotonic()
        knock_at = began + self._wait_seconds * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        self._wait_seconds = min(LONGEST_WAIT_SECONDS, self._wait_seconds * 2)
        while not self._stopping:
            self._reader.stand_still()
            now = monotonic()
            if now >= knock_at:
                if self._ledger.takes_connections() or now - began > UNSEEN_SECONDS:
                    break
                knock_at = monotonic() + KNOCK_SECONDS
        self._reader.busy_at = monotonic()

    def _look_closer(self, error: Exception) -> None:
        """Find the message that an error of unknown cause is about, by taking them one by one."""
        last = self._reader.last
        if self._careful and last is None:
            raise error
        if self._careful and last is not None:
            raise Stuck(last.at, last.following.offset - 1, error) from error
        self._careful = 2 * self._limits.batch_messages
        self._reader.begin_again()

    def _is_idle(self) -> bool:
        if self._limits.until_idle is None:
            return False
        if not self._joined:
            self._joined = self._subscription.joined
            self._reader.busy_at = monotonic()
            return False
        if self._reader.fresh or monotonic() - self._reader.busy_at < self._limits.until_idle:
            return False
        places = {at: owned.place.offset for at, owned in self._reader.owned.items()}
        at_end = self._subscription.is_at_end(places)
        if not at_end:
            self._reader.busy_at = monotonic()
        return at_end


def is_away(error: Exception) -> bool:
    """Whether an error says that the database is not there, or not for us, at the moment."""
    cause = error.__cause__ if isinstance(error, PersistenceError) else error
    if isinstance(cause, (psycopg.OperationalError, psycopg.InterfaceError)):
        return True
    # A session that the server ended since it stood still in a transaction.
    return isinstance(cause, psycopg.Error) and (cause.sqlstate or "").startswith("25P")
