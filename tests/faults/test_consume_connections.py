"""Connections that die: to the database around a COMMIT, to the broker, and both servers."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from interfaces import _reaper
from interfaces._postgres import Server, places_of
from interfaces.embedded import EmbeddedPostgres
from tests.conftest import install_schema
from tests.faults.consuming import Group, Oracle, lots, produce, story, until
from tests.faults.proxy import Cut, database_socket, proxied, through
from tests.interfaces.commands import Commands
from tests.kafka.broker import Broker, free_port
from tests.kafka.topics import Topics

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]


def test_the_connection_is_cut_around_commits(group: Group, oracle: Oracle) -> None:
    """By turns before the server saw the COMMIT and after: who asks cannot tell which."""
    events = story(200)
    produce(group.topics, group.topic, events)
    cuts: list[Cut] = []
    chance = lots()
    spared = 3

    def judge(data: bytes) -> Cut:
        nonlocal spared
        if b"COMMIT" not in data:
            return ""
        spared -= 1
        if spared:
            return ""
        spared = chance.randint(2, 12)
        cuts.append("before" if len(cuts) % 2 else "after")
        return cuts[-1]

    with proxied(lambda: database_socket(group.url)) as proxy:
        worker = group.start(url=through(group.url, proxy), settings={"batch_size": 10})
        until(lambda: bool(worker.lines("batch")))
        proxy.judge = judge
        until(lambda: group.facts() == len(events), 120)
        proxy.judge = lambda data: ""
        worker.leave()
    assert {"before", "after"} <= set(cuts)
    assert len(worker.lines("database away")) >= 2
    oracle.assert_exact(group, events)


@pytest.fixture
def own_database(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server of the test's own, durable, and its home."""
    home = tmp_path / "database"
    with EmbeddedPostgres(home) as url:
        install_schema(url)
        yield url, home


@pytest.mark.slow
def test_the_database_is_away_for_twenty_seconds(
    own_database: tuple[str, Path],
    topics: Topics,
    oracle: Oracle,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Stopped as by a power cut; the worker waits, keeps its place, and goes on by itself."""
    url, home = own_database
    Commands(url, capsys).done("programme", "adopt", "izyinbox")
    group = Group(url, topics, topics.new(partitions=4), tmp_path)
    events = story(300)
    try:
        produce(topics, group.topic, events[:200])
        worker = group.start("each batch takes a while", settings={"batch_size": 20})
        until(lambda: len(worker.lines("batch")) >= 2)
        pid = _reaper.recorded_pid(places_of(home))
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)
        produce(topics, group.topic, events[200:])
        time.sleep(20)
        assert worker.process.is_alive()
        # It knocks, and goes on only once somebody answers.
        assert 1 <= len(worker.lines("database away")) <= 3
        Server(places_of(home)).start()
        until(lambda: group.facts() == len(events), 60)
        worker.leave()
        oracle.assert_exact(group, events)
    finally:
        group.end()


@pytest.mark.slow
def test_the_broker_is_killed_and_its_link_stalls_and_drops(
    ledger_database_url: str,
    oracle: Oracle,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """While facts are told and taken; the producer, too, tells again what was not confirmed."""
    Commands(ledger_database_url, capsys).done("programme", "adopt", "izyinbox")
    home = tmp_path / "broker"
    home.mkdir()
    port = free_port()
    with proxied(lambda: socket.create_connection(("127.0.0.1", port))) as proxy:
        broker = Broker(home, port=port, advertised=proxy.port)
        broker.start()
        topics = Topics(broker.address)
        group = Group(ledger_database_url, topics, topics.new(partitions=4), tmp_path)
        events = story(400)
        telling = threading.Thread(target=produce_slowly, args=(topics, group.topic, events))
        try:
            group.start(settings={"batch_size": 20})
            group.start("fetches beside", settings={"batch_size": 20})
            telling.start()
            until(lambda: group.facts() > 40)
            proxy.drop()
            until(lambda: group.facts() > 80)
            proxy.passing.clear()
            time.sleep(3)
            proxy.passing.set()
            until(lambda: group.facts() > 120)
            broker.kill()
            broker.start()
            telling.join()
            until(lambda: group.facts() == len(events), 120)
            for worker in group.workers:
                worker.leave()
            oracle.assert_exact(group, events)
        finally:
            group.end()
            topics.close()
            broker.kill()


def produce_slowly(topics: Topics, topic: str, events: list[dict[str, object]]) -> None:
    """Tell events bit by bit, through whatever happens."""
    from tests.kafka.producing import Producer

    with Producer(topics.address, delivery_timeout_ms=180_000) as producer:
        for n, event in enumerate(events):
            producer.structured(topic, event, partition=n % 4)
            time.sleep(0.02)
