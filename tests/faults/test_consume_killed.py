"""Workers that are killed, told to leave, or come and go all the time."""

from __future__ import annotations

import signal
import threading
import time

import psutil
import pytest

from tests.faults.consuming import Group, Oracle, Worker, lots, produce, story, until
from tests.interfaces.commands import Commands
from tests.kafka.conftest import consume

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]
KILLS = 100
LANES = 4
"""Groups that are killed side by side, each with a topic of its own: a member that was killed is
mourned for a second and a half before its partitions are another's."""


@pytest.mark.slow
@pytest.mark.timeout(580)
def test_workers_killed_a_hundred_times(
    group: Group, oracle: Oracle, capsys: pytest.CaptureFixture[str]
) -> None:
    """By kill -9, a moment after a batch was recorded: in the next one, mostly."""
    chance = lots()
    stories = [story(1_500, prefix="c" if n == 0 else f"c{n}") for n in range(LANES)]
    topics = [group.topics.new(partitions=4) for _ in range(LANES)]
    for topic, events in zip(topics, stories, strict=True):
        produce(group.topics, topic, events)
    seeds = [chance.randrange(2**32) for _ in range(LANES)]
    hits = [0] * LANES

    def kill(lane: int) -> None:
        own = lots(seeds[lane])
        for _ in range(KILLS // LANES):
            worker = group.start(
                topic=topics[lane],
                group=f"{group.topics.group}-{lane}",
                settings={"batch_size": own.randint(5, 40), "kafka_session_timeout_ms": 1_000},
            )
            wanted = own.randint(0, 2)
            end = time.monotonic() + 20
            while len(worker.lines("batch")) < wanted and time.monotonic() < end:
                time.sleep(0.01)
            time.sleep(own.uniform(0, 0.05))
            worker.process.kill()
            worker.process.join()
            hits[lane] += bool(worker.lines("batch"))

    threads = [threading.Thread(target=kill, args=(lane,)) for lane in range(LANES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(group.workers) == KILLS
    assert sum(hits) >= KILLS // 4, hits
    commands = Commands(group.url, capsys)
    name = group.topics.group
    for lane, topic in enumerate(topics):
        group.topics.group = f"{name}-{lane}"
        consume(commands, group.topics, topic)
    oracle.assert_same(commands, [event for events in stories for event in events])


def _leave(worker: Worker) -> None:
    """One that is told before it has begun ends as any command that is interrupted."""
    begun = worker.has_recorded()
    worker.leave(*(() if begun else (-signal.SIGTERM, 128 + signal.SIGTERM)))


def test_a_storm_of_joins_and_leaves(group: Group, oracle: Oracle) -> None:
    """One to four workers, told to leave or killed at random while facts come in."""
    chance = lots()
    events = story(1_000)
    present: list[Worker] = []

    def tell() -> None:
        for begin in range(0, len(events), 25):
            produce(group.topics, group.topic, events[begin : begin + 25])
            time.sleep(0.2)

    telling = threading.Thread(target=tell)
    telling.start()
    while telling.is_alive():
        if len(present) < chance.randint(1, 4):
            hook = chance.choice(["", "fetches beside"])
            present.append(group.start(hook, settings={"batch_size": 50}))
        elif len(present) > 1:
            worker = present.pop(chance.randrange(len(present)))
            if chance.random() < 0.25:
                worker.process.kill()
            else:
                _leave(worker)
        time.sleep(chance.uniform(0.1, 0.6))
    telling.join()
    until(lambda: group.facts() == len(events))
    for worker in present:
        _leave(worker)
    oracle.assert_exact(group, events)


def test_a_worker_that_is_told_to_leave_finishes_its_batch_and_leaves_the_group(
    group: Group, oracle: Oracle
) -> None:
    """SIGTERM in the middle of a batch: status 0, and others take over without waiting for it."""
    events = story(150)
    produce(group.topics, group.topic, events)
    # Whoever died instead would be missed for two minutes.
    settings: dict[str, object] = {"batch_size": 20, "kafka_session_timeout_ms": 120_000}
    worker = group.start("each batch takes a while", settings=settings)
    until(lambda: len(worker.lines("batch")) >= 2)
    worker.leave()
    recorded = sum(line["accepted"] for line in worker.lines("batch"))
    assert recorded == group.facts() < len(events)
    began = time.monotonic()
    oracle.assert_exact(group, events)
    assert time.monotonic() - began < 120


def _fetching(worker: Worker) -> psutil.Process:
    """The process that fetches for a worker, once it does."""
    process = psutil.Process(worker.process.pid)
    until(lambda: bool(process.children()))
    (fetching,) = process.children()
    until(lambda: fetching.cmdline()[-1] == "ledger.ingest.kafka.fetching")
    had = len(worker.lines("batch"))
    until(lambda: len(worker.lines("batch")) >= had + 5)
    return fetching


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_the_process_that_fetches_is_lost(
    how: signal.Signals, group: Group, oracle: Oracle
) -> None:
    """Killed or frozen: the worker stays a member and fetches for itself from where it is.

    Nothing is lost, and nothing is doubled.
    """
    events = story(1_200)
    produce(group.topics, group.topic, events[: len(events) // 2])
    hook = "each batch takes a while and fetches beside"
    worker = group.start(hook, settings={"batch_size": 50})
    _fetching(worker).send_signal(how)
    produce(group.topics, group.topic, events[len(events) // 2 :])
    until(lambda: group.facts() == len(events))
    assert not worker.lines("fenced")
    worker.leave()
    oracle.assert_exact(group, events)


def test_a_worker_whose_process_that_fetches_is_frozen_can_be_told_to_leave(
    group: Group,
) -> None:
    """And one that is killed takes it along."""
    produce(group.topics, group.topic, story(800))
    hook = "each batch takes a while and fetches beside"
    worker = group.start(hook, settings={"batch_size": 50})
    fetching = _fetching(worker)
    fetching.suspend()
    worker.leave()
    until(lambda: not fetching.is_running())
    worker = group.start(hook, settings={"batch_size": 50})
    fetching = _fetching(worker)
    worker.process.kill()
    until(lambda: not fetching.is_running(), seconds=5)
