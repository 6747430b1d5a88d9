"""Turns of writers that came in each other's way: one appends a while, the others wait in line.

Each writer decides ahead on positions that it expects to get. Two that do so at once decide in
vain, again and again; one after the other, each at its full speed, they lose little. A turn is only
a courtesy: that decisions are right rests on the lock of the head, with a turn or without.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from threading import Condition
from time import monotonic
from types import TracebackType
from typing import Any, Self

import psycopg
from eventsourcing.persistence import PersistenceError
from psycopg import Cursor, errors

from ledger.appending import Appender

TURN_SECONDS = 3.0
"""What is begun in so long a time belongs to one turn."""

MORE_SECONDS = 0.2
"""How long a turn waits, when all is appended, for the next batch to be there."""

FOLLOW_SECONDS = 0.25
"""How often one that waits in line takes in what the others have appended."""

ALONE_AFTER = 8
"""Turns that nobody waited for, after which a writer takes itself to be alone."""


class Turns:
    """The turns of one writer. One that never met another takes none, and nothing is asked.

    ``follow`` takes in what others have appended. It is called while the writer waits in line, so
    that little of that is left when its turn comes and nobody appends.

    The thread that decides calls everything but :meth:`settle`, which is for the one that appends.
    As a context it ends with no turn held.
    """

    def __init__(self, appender: Appender, follow: Callable[[Cursor[Any]], object]) -> None:
        self._appender, self._follow = appender, follow
        self._wanted = 0
        self._held: ExitStack | None = None
        self._until = 0.0
        self._last = self._waiting = False
        self._changed = Condition()

    def __enter__(self) -> Self:
        """No turn is taken yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give up the turn, if one is held."""
        self._give_up()

    def collided(self) -> None:
        """Another writer came first: take turns from now on."""
        self._wanted = ALONE_AFTER

    def take(self) -> None:
        """Wait in line for a turn, where others were met lately; nothing may be under way.

        Who waits for too long goes on without. Raises what the database raises when it is away.
        """
        with self._changed:
            self._changed.wait_for(lambda: not (self._held and self._last))
            if self._held or not self._wanted:
                return
        try:
            with ExitStack() as turn:
                cursor = turn.enter_context(self._appender.transaction())
                free = self._wait_in_line(cursor)
                self._held = turn.pop_all()
        except PersistenceError as error:
            if isinstance(error.__cause__, errors.LockNotAvailable):
                return
            raise
        self._wanted = self._wanted - 1 if free else ALONE_AFTER
        self._last, self._until = False, monotonic() + TURN_SECONDS

    def _wait_in_line(self, cursor: Cursor[Any]) -> bool:
        """Take the turn in a transaction; whether it was free."""
        with ThreadPoolExecutor(1) as line:
            taken = line.submit(self._appender.recorder.take_turn, cursor)
            try:
                while not wait([taken], FOLLOW_SECONDS).done:
                    with self._appender.transaction() as own:
                        self._follow(own)
            except BaseException:
                with suppress(psycopg.Error):
                    cursor.connection.cancel_safe()
                raise
            return taken.result()

    def begin(self) -> bool:
        """Whether the append that begins belongs to a turn; if so, settle it behind the append."""
        with self._changed:
            self._waiting, self._last = True, monotonic() >= self._until
            return self._held is not None

    def goes_on(self) -> bool:
        """Whether the batch that is there now may be decided ahead of the append under way."""
        with self._changed:
            self._waiting = False
            self._changed.notify_all()
            return not self._last if self._held else not self._wanted

    def end(self) -> None:
        """Nothing comes after what is under way."""
        with self._changed:
            self._waiting, self._last = False, True
            self._changed.notify_all()

    def settle(self) -> None:
        """Behind an append: pass the turn on if that was its last, or if the next is not there."""
        with self._changed:
            self._changed.wait_for(lambda: self._last or not self._waiting, MORE_SECONDS)
            self._last |= self._waiting
            if not self._last:
                return
        self._give_up()

    def _give_up(self) -> None:
        turn = self._held
        if turn is not None:
            # The server may have ended it: it is over all the same.
            with suppress(psycopg.Error, PersistenceError):
                turn.close()
        with self._changed:
            self._held = None
            self._changed.notify_all()
