"""The relay: publishes decisions in the order of positions, and dead letters; at least once.

One page of positions at a time is read, published and, once the brokers have it, remembered. A
relay that is killed anywhere sends at most that page again, under the same ids. One relay at a time
publishes to a topic, held by a lock of its database session; others stand by.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from threading import Event as Flag
from typing import Any, Protocol

import psycopg
from psycopg import Connection

from ledger.errors import NotReady, Refused
from ledger.ingest.outbox import DecisionLog, LetterBox, Reached
from ledger.ingest.publisher import Publisher
from ledger.store.migrations import Names

POLL_S = 0.2
"""How long a relay that has published everything waits before it looks again."""

STAND_BY_S = 1.0
"""How often a relay that stands by looks whether the other one is gone."""

LONGEST_WAIT_S = 30.0
"""The longest pause between two attempts while the brokers or the database are away."""

_LOCK = "SELECT pg_try_advisory_lock(hashtext('commission-ledger relay'), hashtext(%s))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtext('commission-ledger relay'), hashtext(%s))"


class Tell(Protocol):
    """Takes what a log line of the relay says."""

    def __call__(self, event: str, **fields: str | float) -> None:
        """Write the line."""


@dataclass(slots=True)
class Relayed:
    """What a relay published, and up to where."""

    decisions: int = 0
    dead_letters: int = 0
    position: int = 0


@dataclass(frozen=True, slots=True)
class Route:
    """What goes where; ``dead_letters`` is None if they stay in the database."""

    decisions: str
    dead_letters: str | None = None
    from_start: bool = False

    @property
    def topics(self) -> list[str]:
        """The topics that nobody else may publish to meanwhile."""
        return [self.decisions, *([self.dead_letters] if self.dead_letters else [])]


class Relay:
    """Publishes from one ledger.

    ``open_database`` gives a connection in autocommit mode for as long as its block lasts,
    ``open_publisher`` a publisher; both are opened anew after an outage.
    """

    def __init__(
        self,
        open_database: Callable[[], AbstractContextManager[Connection[Any]]],
        open_publisher: Callable[[], AbstractContextManager[Publisher]],
        names: Names,
        route: Route,
        tell: Tell,
    ) -> None:
        self._open_database, self._open_publisher = open_database, open_publisher
        self._names, self._route, self._tell = names, route, tell
        self._from_start = route.from_start
        self._stood_by = False
        self._busy_at = time.monotonic()
        self.relayed = Relayed()

    def run(self, stop: Flag, *, until_idle: float | None = None) -> None:
        """Publish until told to stop, or until nothing was left to publish for so many seconds.

        What is away at the start is an error; what goes away later is waited for. Raises Refused
        when the ledger is not the one that was published, and NotReady for a missing topic.
        """
        failures = 0
        started = False
        self._busy_at = time.monotonic()
        while not stop.is_set():
            try:
                for _ in self._session(stop, until_idle):
                    started, failures = True, 0
            except (psycopg.OperationalError, psycopg.InterfaceError, NotReady) as error:
                if not started:
                    raise
                failures += 1
                pause = min(LONGEST_WAIT_S, 0.1 * 2**failures)
                reason = str(error) if isinstance(error, NotReady) else type(error).__name__
                self._tell("relay_waits", reason=reason, seconds=pause)
                stop.wait(pause)
                # Nothing was idle while something was away.
                self._busy_at = time.monotonic()
            else:
                return

    def _session(self, stop: Flag, until_idle: float | None) -> Iterator[None]:
        """Work on one connection to each side; tells after each step that all is well."""
        with self._open_publisher() as publisher, self._open_database() as connection:
            place = publisher.place(self._route.decisions)
            letters = self._letters(connection, publisher)
            keys = [f"{place.cluster_id}/{topic}" for topic in self._route.topics]
            with _alone(connection, keys, lambda: self._stands_by(stop, until_idle)) as alone:
                if not alone:
                    return
                log = DecisionLog(connection, self._names, place)
                reached = self._begin(log, publisher)
                self.relayed.position = reached.position
                yield
                while not stop.is_set():
                    sent = self._publish_letters(letters, publisher)
                    page = log.after(reached)
                    if page is not None:
                        stored = publisher.publish(self._route.decisions, page.records)
                        reached = log.move(reached, page, stored)
                        # From here on what was published last is ours.
                        self._from_start = False
                        self.relayed.position = reached.position
                        self.relayed.decisions += len(page.records)
                        self._tell(
                            "relayed", decisions=len(page.records), position=reached.position
                        )
                    yield
                    if page is not None or sent:
                        self._busy_at = time.monotonic()
                    elif self._idle_for(until_idle):
                        return
                    else:
                        stop.wait(POLL_S)

    def _begin(self, log: DecisionLog, publisher: Publisher) -> Reached:
        """Where to go on; Refused if the topic is not what the ledger was published to."""
        topic = self._route.decisions
        if self._from_start:
            return log.start_anew(publisher.tails(topic, ()))
        reached = log.resume()
        log.check(reached, publisher.tails(topic, reached.ends))
        return reached

    def _letters(self, connection: Connection[Any], publisher: Publisher) -> LetterBox | None:
        topic = self._route.dead_letters
        if topic is None:
            return None
        publisher.place(topic)
        return LetterBox(connection, self._names)

    def _publish_letters(self, letters: LetterBox | None, publisher: Publisher) -> int:
        topic = self._route.dead_letters
        if letters is None or topic is None:
            return 0
        page = letters.unpublished()
        if page:
            publisher.publish(topic, [record for _, record in page])
            letters.mark([id_ for id_, _ in page])
            self.relayed.dead_letters += len(page)
            self._tell("relayed_dead_letters", dead_letters=len(page))
        return len(page)

    def _idle_for(self, until_idle: float | None) -> bool:
        return until_idle is not None and time.monotonic() - self._busy_at >= until_idle

    def _stands_by(self, stop: Flag, until_idle: float | None) -> bool:
        """Wait a little for the other relay; False when told to stop."""
        if self._idle_for(until_idle):
            raise Refused(
                f"another relay publishes to {' or '.join(self._route.topics)}; one at a time does"
            )
        if not self._stood_by:
            self._tell("relay_stands_by", topic=self._route.decisions)
        self._stood_by = True
        return not stop.wait(STAND_BY_S)


@contextmanager
def _alone(
    connection: Connection[Any], keys: list[str], stands_by: Callable[[], bool]
) -> Iterator[bool]:
    """Hold the locks of all keys for the block; gives False if waiting for them was given up."""
    held: list[str] = []

    def let_go() -> None:
        while held:
            connection.execute(_UNLOCK, (held.pop(),))

    def take() -> bool:
        for key in keys:
            row = connection.execute(_LOCK, (key,)).fetchone()
            if row is None or not row[0]:
                let_go()
                return False
            held.append(key)
        return True

    alone = True
    while alone and not take():
        alone = stands_by()
    try:
        yield alone
    finally:
        # A connection that broke has let go of them by itself.
        with contextlib.suppress(psycopg.OperationalError, psycopg.InterfaceError):
            let_go()
