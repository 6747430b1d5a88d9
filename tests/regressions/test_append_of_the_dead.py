"""A killed command's last append may commit after its lock is gone; the next command waits for it.

Seen: the next command read how far the run had come before that commit, decided the same part again
and stopped at the key of the part.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from itertools import count
from threading import get_ident
from time import monotonic, sleep
from typing import Any
from unittest import mock

import psycopg
import pytest
from psycopg.rows import dict_row

from ledger import deciding
from ledger.appending import Appender
from ledger.policy.files import load
from tests.rules.facts import activated, enrolled, referred
from tests.rules.ledger_adapter import RealLedger, open_ledger

THROUGH = date(2026, 3, 31)


class Killed(BaseException):
    """The process is gone: nothing handles this."""


@contextmanager
def dying_at(last: int, url: str) -> Iterator[list[psycopg.Connection[Any]]]:
    """Let the process die with the commit of its ``last`` append under way, in the list."""
    whole, numbers, under_way = Appender.append, count(1), list[psycopg.Connection[Any]]()

    def append(self: Appender, rows: Any, before: Any = None) -> Any:
        number = next(numbers)
        if number < last:
            return whole(self, rows, before)
        if number > last:
            # Begun behind the last one, in another thread: it never came to anything.
            raise Killed
        under_way.append(psycopg.connect(url, row_factory=dict_row))

        own, begin = get_ident(), Appender.transaction

        @contextmanager
        def transaction(appender: Appender) -> Iterator[Any]:
            if get_ident() == own:
                yield under_way[0].cursor()
            else:
                with begin(appender) as cursor:
                    yield cursor

        with mock.patch.object(Appender, "transaction", transaction):
            whole(self, rows, before)
        raise Killed

    with mock.patch.object(Appender, "append", append):
        yield under_way


def wait_until_it_waits(dead: psycopg.Connection[Any], url: str) -> None:
    """Return once another session waits for the dead one's."""
    with psycopg.connect(url, autocommit=True) as watching:
        until = monotonic() + 30
        while monotonic() < until:
            found = watching.execute(
                "SELECT FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))",
                (dead.info.backend_pid,),
            ).fetchone()
            if found is not None:
                return
            sleep(0.01)
    raise AssertionError("nobody waited for the append under way")


@pytest.mark.parametrize("last", [1, 2, 3])
def test_the_next_command_goes_on_after_the_append_that_was_under_way(last: int) -> None:
    """Each part of the run is recorded once, and the lines are those of an unharmed run."""
    with open_ledger() as unharmed:
        play(unharmed)
        unharmed.accrue(THROUGH)
        lines = sorted(map(repr, unharmed.lines()))
    with open_ledger() as ledger, mock.patch.object(deciding, "CHUNK_ROWS", 2):
        play(ledger)
        with dying_at(last, ledger.url) as under_way, pytest.raises(Killed):
            ledger.accrue(THROUGH)
        (dead,) = under_way
        ledger.reopen()
        with ThreadPoolExecutor(1) as other:
            going_on = other.submit(ledger.accrue, THROUGH)
            wait_until_it_waits(dead, ledger.url)
            dead.commit()
            going_on.result()
        dead.close()
        assert sorted(map(repr, ledger.lines())) == lines


def play(ledger: RealLedger) -> None:
    """Two partners with two clients each."""
    ledger.adopt(load("izyinbox"), None)
    for partner in ("p1", "p2"):
        ledger.record([enrolled("2026-01-01", partner)])
        for client in ("a", "b"):
            name = f"{partner}{client}"
            ledger.record([referred("2026-01-02", name, partner), activated("2026-01-03", name)])
