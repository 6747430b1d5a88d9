"""Writers that collided take turns; one that is alone never does, and none is held for nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep
from typing import Any
from unittest import mock

import psycopg
import pytest
from eventsourcing.persistence import PersistenceError

from ledger import turns
from ledger.appending import Appender
from ledger.application import CommissionLedger
from ledger.dead_letters import Incoming
from ledger.policy import files
from ledger.recording import Recorder
from ledger.store.recorder import LedgerRecorder
from ledger.turns import Turns
from projections.accrual import LiveModels
from tests.application.impatient import impatient_writer
from tests.faults.recomputed import differences
from tests.rules.facts import activated, enrolled, referred
from tests.rules.ledger_adapter import RealLedger, _incoming, open_ledger

Batches = Iterator[Sequence[Incoming]]


@pytest.fixture
def ledger() -> Iterator[RealLedger]:
    """A ledger with a programme and a partner."""
    with open_ledger() as opened:
        opened.adopt(files.load("izyinbox"), None)
        opened.record([enrolled("2024-01-01")])
        yield opened
        assert differences(opened.url) == []


@pytest.fixture
def impatient(ledger: RealLedger) -> Iterator[Callable[[], CommissionLedger]]:
    """Makes writers on that ledger that wait, and may stand still, for a second."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(impatient_writer(ledger.url))


def batches(first: int, count: int) -> Batches:
    """Batches about clients of their own."""
    for number in range(first, first + count):
        client = f"c{number}"
        facts = (referred("2024-01-02", client), activated("2024-01-10", client))
        yield [_incoming(fact) for fact in facts]


@contextmanager
def overtaken(at: int = 1) -> Iterator[None]:
    """Another writer records before the n-th append that is made ahead."""
    whole, left = Recorder._append, [at]

    def late(recorder: Recorder, *args: Any) -> Any:
        left[0] -= 1
        if not left[0]:
            RealLedger().record([referred("2024-01-02", "c-other")])
        return whole(recorder, *args)

    with mock.patch.object(Recorder, "_append", late):
        yield


def in_line(ledger: RealLedger, *, granted: bool) -> int:
    """How many hold the turn, or wait for it."""
    with psycopg.connect(ledger.url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database AS own ON own.oid = database"
            " WHERE datname = current_database() AND locktype = 'advisory' AND granted = %s",
            (granted,),
        ).fetchone()
    assert row is not None
    return int(row[0])


def until(true: Callable[[], bool]) -> None:
    """Wait for something that has to come."""
    end = monotonic() + 20
    while not true():
        assert monotonic() < end, "it did not come"
        sleep(0.01)


def until_waiting(ledger: RealLedger, count: int) -> None:
    """Wait until so many wait in line."""
    until(lambda: in_line(ledger, granted=False) == count)


@contextmanager
def turn(application: CommissionLedger) -> Iterator[Turns]:
    """The turn of a writer that has met others."""
    with Turns(Appender(application._recorder, LiveModels()), lambda _: None) as own:
        own.collided()
        own.take()
        yield own


@contextmanager
def asked() -> Iterator[list[LedgerRecorder]]:
    """Who asks for a turn meanwhile."""
    found: list[LedgerRecorder] = []
    take_turn = LedgerRecorder.take_turn

    def asking(recorder: LedgerRecorder, *args: Any) -> bool:
        found.append(recorder)
        return take_turn(recorder, *args)

    with mock.patch.object(LedgerRecorder, "take_turn", asking):
        yield found


def accepted(application: CommissionLedger, told: Batches) -> int:
    """Record batches; how many of their facts were new."""
    return sum(recording.accepted for recording in application.record_all(told))


def test_a_writer_alone_never_takes_a_turn(ledger: RealLedger) -> None:
    """However many batches it records; once it is overtaken, it does."""
    with asked() as alone:
        assert accepted(ledger.application, batches(0, 5)) == 10
    with asked() as met, overtaken():
        assert accepted(ledger.application, batches(5, 2)) == 4
    assert (len(alone), len(met)) == (0, 1)


def test_who_was_overtaken_waits_in_line(ledger: RealLedger) -> None:
    """Nothing is decided, and no lock is held, while another has the turn."""
    done: list[int] = []

    def record() -> None:
        done.append(accepted(ledger.application, batches(0, 3)))

    with overtaken():
        other = RealLedger().application
        with turn(other):
            thread = threading.Thread(target=record)
            thread.start()
            until_waiting(ledger, 1)
            RealLedger().record([referred("2024-01-02", "c-meanwhile")])
            assert not done
        thread.join(20)
    assert done == [6]


def test_who_waits_in_line_follows_what_is_appended_meanwhile(ledger: RealLedger) -> None:
    """So that little is left of that when its turn comes."""
    entities = ledger.application._entities
    record = threading.Thread(target=lambda: accepted(ledger.application, batches(0, 2)))
    with overtaken():
        with turn(RealLedger().application):
            record.start()
            until_waiting(ledger, 1)
            other = RealLedger()
            other.record([referred("2024-01-02", "c-meanwhile")])
            until(lambda: entities.position == other.application._entities.position)
            assert in_line(ledger, granted=False) == 1
        record.join(20)
    assert not record.is_alive()


@pytest.mark.timeout(50)
def test_who_cannot_follow_leaves_the_line(ledger: RealLedger) -> None:
    """The database may end the one connection and not the other; nobody waits the minute out."""
    follow = mock.Mock(side_effect=psycopg.OperationalError("gone"))
    appender = Appender(ledger.application._recorder, LiveModels())
    with turn(RealLedger().application), Turns(appender, follow) as own:
        own.collided()
        with pytest.raises(PersistenceError):
            own.take()
        until_waiting(ledger, 0)
    assert follow.call_count == 1


def test_turns_are_given_in_the_order_of_asking(ledger: RealLedger) -> None:
    """Who gives up a turn and asks again stands behind those who asked before."""
    order: list[str] = []
    others: list[threading.Thread] = []

    def take(name: str) -> None:
        with turn(RealLedger().application):
            order.append(name)

    with turn(ledger.application) as own:
        for number, name in enumerate(("b", "c"), start=1):
            thread = threading.Thread(target=take, args=(name,))
            thread.start()
            others.append(thread)
            until_waiting(ledger, number)
        own.end()
        own.settle()
        own.take()
        order.append("a")
    for thread in others:
        thread.join(20)
    assert order == ["b", "c", "a"]


def test_no_turn_is_held_while_the_next_batch_is_waited_for(ledger: RealLedger) -> None:
    """Standard input may say nothing for hours."""

    def hesitant() -> Batches:
        first, second, third = batches(0, 3)
        yield first
        yield second
        until(lambda: in_line(ledger, granted=True) == 1)
        until(lambda: in_line(ledger, granted=True) == 0)
        yield third

    taken = mock.patch.object(turns, "TURN_SECONDS", 60)
    with taken, overtaken():
        recorded = ledger.application.record_all(hesitant())
        assert sum(recording.accepted for recording in recorded) == 6
    assert in_line(ledger, granted=True) == 0


def test_a_turn_has_an_end(ledger: RealLedger) -> None:
    """What is begun after it waits for those who asked meanwhile, however much there is to do."""
    order: list[str] = []
    now = [0.0]

    def other() -> None:
        with turn(RealLedger().application):
            order.append("other")

    def told() -> Batches:
        for number, batch in enumerate(batches(0, 6)):
            if number == 2:
                thread.start()
                until_waiting(ledger, 1)
                now[0] = turns.TURN_SECONDS
            order.append(f"batch {number}")
            yield batch

    thread = threading.Thread(target=other)
    limits = mock.patch.multiple(turns, monotonic=lambda: now[0], MORE_SECONDS=20)
    with limits, overtaken():
        assert accepted(ledger.application, told()) == 12
    thread.join(20)
    assert order.index("batch 2") < order.index("other") < order.index("batch 4")


def test_an_error_gives_the_turn_up(ledger: RealLedger) -> None:
    """Whoever raises: who supplies the batches, or the database."""

    def failing() -> Batches:
        yield from batches(0, 2)
        raise ValueError("what was read is bad")

    with overtaken(), pytest.raises(ValueError, match="bad"):
        accepted(ledger.application, failing())
    assert in_line(ledger, granted=True) == 0


def test_who_waits_for_too_long_goes_on_without(
    ledger: RealLedger, impatient: Callable[[], CommissionLedger]
) -> None:
    """A turn is a courtesy: the lock of the head is what decisions rest on."""
    with turn(ledger.application), overtaken():
        assert accepted(impatient(), batches(0, 2)) == 4
        assert in_line(ledger, granted=True) == 1


def test_a_holder_that_stands_still_is_ended(
    ledger: RealLedger, impatient: Callable[[], CommissionLedger]
) -> None:
    """The server takes its turn away; when it moves again it goes on, and nothing is lost."""
    frozen = impatient()
    with overtaken(), mock.patch.object(turns, "TURN_SECONDS", 60):
        recordings = frozen.record_all(batches(0, 4))
        found = [next(recordings).accepted]
        assert in_line(ledger, granted=True) == 1
        with turn(ledger.application):
            RealLedger().record([referred("2024-01-02", "c-meanwhile")])
        found += [recording.accepted for recording in recordings]
    assert found == [2, 2, 2, 2]


def test_who_meets_nobody_any_more_is_alone_again(ledger: RealLedger) -> None:
    """After some turns that nobody waited for, none is taken."""
    limits = mock.patch.multiple(turns, TURN_SECONDS=0)
    with limits, overtaken(), asked() as before:
        accepted(ledger.application, batches(0, turns.ALONE_AFTER + 5))
    assert len(before) == turns.ALONE_AFTER
    with asked() as alone:
        assert accepted(ledger.application, batches(20, 3)) == 6
    assert not alone
