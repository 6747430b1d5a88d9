"""A log looked through by several processes: the same findings, whatever becomes of these."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import psycopg
import pytest

from projections import Projector
from replay import sharing
from replay.findings import Discrepancy
from replay.verify import verify
from tests.projections.journal import Journal, commission
from tests.replay.test_verify import FACT, FEB, LINE, RUN, tampering, write_ledger

PAGE = 1
"""Eighteen pages of an event each."""


@pytest.fixture(autouse=True)
def worth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let others help with so few."""
    monkeypatch.setattr(sharing, "WORTH_PROCESSES", 12)


@pytest.fixture(autouse=True)
def ledger(journal: Journal, connection: psycopg.Connection) -> Journal:
    """A ledger with a line that names what is not there, and one that was changed."""
    written = write_ledger(journal, connection)
    wrong = commission("p1", "c2", FEB, 10, run=FACT, facts=(FACT, RUN), posting_date=FEB)
    written.decide(wrong, FEB)
    written.append()
    with tampering(connection) as owner:
        owner.execute(f"UPDATE ledger.events SET amount = 1 WHERE position = {LINE}")
    return written


def found(
    connection: psycopg.Connection, *, page: int = PAGE, processes: int = 2
) -> list[Discrepancy]:
    """What verification tells when it is shared."""
    told = list(verify(connection, Projector(), page=page, processes=processes))
    return sorted(told, key=str)


def test_shared_or_not_the_same_is_told(connection: psycopg.Connection) -> None:
    """By two processes, by this one, and all in one page: what crosses pages is looked up."""
    shared = found(connection)
    assert shared == found(connection, processes=1) == found(connection, page=1000)
    named = {each.what: each.partner_id for each in shared if each.position == 18}
    assert named["run 2 is client.activated, not accrual.run"] == "p1"
    assert named["it was decided by 2, which is no command"] == "p1"
    assert LINE in {each.position for each in shared if each.check == "columns"}


def test_the_last_pages_are_small_and_the_same_is_told(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages of eight events, and of two at the end."""
    monkeypatch.setattr(sharing, "WORTH_PROCESSES", 3)
    assert found(connection, page=8) == found(connection, page=8, processes=1)


class Dying:
    """A pool whose processes die: what it is given is lost twice, and no more is taken."""

    def __init__(self, *_: object, **__: object) -> None:
        self.given = 0

    def submit(self, *_: object) -> Future[object]:
        """Lose it."""
        self.given += 1
        if self.given > 2:
            raise BrokenProcessPool
        lost: Future[object] = Future()
        lost.set_exception(BrokenProcessPool())
        return lost

    def shutdown(self, *, cancel_futures: bool) -> None:
        """Nothing is left."""
        assert cancel_futures


def test_processes_that_die_are_no_matter(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they do not look through is looked through here."""
    alone = found(connection, processes=1)
    monkeypatch.setattr(sharing, "ProcessPoolExecutor", Dying)
    assert found(connection) == alone
