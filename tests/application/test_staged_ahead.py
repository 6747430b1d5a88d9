"""The rows of a batch are staged while the one before is appended, and wait for it as they must."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Event
from time import sleep
from typing import Any
from unittest import mock

import psycopg
import pytest

from ledger.application import CommissionLedger
from ledger.dead_letters import Incoming
from ledger.policy import files
from ledger.recording import Recorder
from ledger.store.recorder import LedgerRecorder
from tests.application.impatient import PATIENCE_SECONDS, impatient_writer
from tests.rules.facts import enrolled, referred
from tests.rules.ledger_adapter import RealLedger, _incoming, open_ledger

RECORDED = """
SELECT 2 - COUNT(*) FROM ledger.events WHERE topic = 'referral.registered/1'
"""
"""How many of two batches are not recorded yet."""
OPEN = """
SELECT COUNT(*)
FROM pg_stat_activity
WHERE datname = current_database()
    AND pid <> pg_backend_pid()
    AND backend_type = 'client backend'
    AND xact_start IS NOT NULL
"""
"""How many transactions stand open beside the one that asks."""


@pytest.fixture
def ledger() -> Iterator[RealLedger]:
    """A ledger with a programme and a partner."""
    with open_ledger() as opened:
        opened.adopt(files.load("izyinbox"), None)
        opened.record([enrolled("2024-01-01")])
        yield opened


@pytest.fixture
def impatient(ledger: RealLedger) -> Iterator[CommissionLedger]:
    """A writer on that ledger whose transactions may stand still for a second."""
    with impatient_writer(ledger.url) as writer:
        yield writer


def batches(count: int) -> Iterator[Sequence[Incoming]]:
    """Batches of one fact each."""
    for number in range(count):
        yield [_incoming(referred("2024-01-02", f"c{number}"))]


def comes_to_none(watching: psycopg.Connection[Any], query: str) -> bool:
    """Whether a count comes to 0 before long."""
    for _ in range(1_000):
        if watching.execute(query).fetchone() == (0,):
            return True
        sleep(0.01)
    return False


def accepted(application: CommissionLedger, count: int) -> int:
    """Record so many batches; how many of their facts were new."""
    return sum(recording.accepted for recording in application.record_all(batches(count)))


def test_rows_are_staged_while_the_batch_before_is_appended(ledger: RealLedger) -> None:
    """No append begins before the next batch is staged, and still none waits for ever."""
    whole, stage = Recorder._append, LedgerRecorder.stage
    appended: list[int] = []
    ahead: list[bool] = []
    staged = [Event() for _ in range(3)]

    def late(recorder: Recorder, *args: Any) -> Any:
        number = len(appended)
        appended.append(number)
        if number + 1 < len(staged):
            ahead.append(staged[number + 1].wait(20))
        return whole(recorder, *args)

    def told(recorder: LedgerRecorder, *args: Any) -> None:
        stage(recorder, *args)
        next(event for event in staged if not event.is_set()).set()

    with (
        mock.patch.object(Recorder, "_append", late),
        mock.patch.object(LedgerRecorder, "stage", told),
    ):
        assert accepted(ledger.application, 3) == 3
    assert ahead == [True, True]


def test_nothing_stands_open_while_a_result_is_looked_at(ledger: RealLedger) -> None:
    """Whoever is told of a batch may take its time: the next one is recorded without being asked.

    No transaction is left open beside it.
    """
    recordings = ledger.application.record_all(batches(3))
    next(recordings)
    with psycopg.connect(ledger.url, autocommit=True) as watching:
        assert comes_to_none(watching, RECORDED)
        assert comes_to_none(watching, OPEN)
    assert sum(recording.accepted for recording in recordings) == 2


def test_what_is_staged_outlives_a_slow_append(impatient: CommissionLedger) -> None:
    """Its transaction stands for longer than one that holds the lock may: it holds up nobody."""
    whole, seconds = Recorder._append, [1.4 * PATIENCE_SECONDS]

    def slow(recorder: Recorder, *args: Any) -> Any:
        sleep(seconds.pop() if seconds else 0)
        return whole(recorder, *args)

    with mock.patch.object(Recorder, "_append", slow):
        assert accepted(impatient, 2) == 2
