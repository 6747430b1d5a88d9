"""A relay that is killed, stopped, doubled, or left without its brokers or its database."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.interfaces.commands import Commands
from tests.kafka.broker import Broker
from tests.kafka.producing import Producer
from tests.kafka.topics import Topics
from tests.outbox import worker
from tests.outbox.conftest import decisions_in
from tests.outbox.topic import decisions_once, read_all
from tests.rules.looking import looking

KILLS = 6
WAIT_S = 60

pytestmark = [pytest.mark.slow, pytest.mark.fault]


@pytest.fixture(autouse=True)
def _nobody_is_left() -> Iterator[None]:
    yield
    worker.end()


@pytest.fixture
def topic(own_broker: Broker) -> str:
    """A topic of it."""
    topics = Topics(own_broker.address)
    made = topics.new()
    topics.close()
    return made


def reached(url: str) -> int:
    """How far the one topic was published."""
    with looking(url) as connection:
        [(position,)] = connection.execute("SELECT max(position) FROM ledger.relays").fetchall()
    return int(position or 0)


def wait_for(found: Callable[[], bool]) -> None:
    """Wait until something is so."""
    until = time.monotonic() + WAIT_S
    while not found():
        assert time.monotonic() < until
        time.sleep(0.01)


def _is_beyond(url: str, position: int) -> bool:
    return reached(url) > position


def same_as_the_log(url: str, address: str, topic: str) -> None:
    """Every decision is there; what is there twice has one id and one content."""
    published = decisions_once(read_all(address, topic))
    assert sorted(published) == sorted(
        f"{row['position']}-{row['leaf'].hex()[:16]}" for row in decisions_in(url)
    )


def test_a_relay_killed_in_the_middle(ledger: Commands, topics: Topics) -> None:
    """Whoever comes next goes on: nothing is missing, what came twice is the same."""
    topic = topics.new(partitions=2)
    arguments = ("--bootstrap-servers", topics.address, "--topic", topic)
    head = ledger.position()
    assert head is not None
    in_the_middle = 0
    for _ in range(KILLS):
        before = reached(ledger.url)
        if before > head - 10 * worker.PAGE:
            break
        relay = worker.start(ledger.url, *arguments)
        wait_for(partial(_is_beyond, ledger.url, before))
        relay.kill()
        relay.communicate()
        in_the_middle += reached(ledger.url) < head
    assert in_the_middle
    ledger.done("relay", *arguments, "--until-idle", "0")
    same_as_the_log(ledger.url, topics.address, topic)


def test_a_second_relay_stands_by(ledger: Commands, topics: Topics) -> None:
    """It publishes nothing while the first is there, and takes over when it is told to go."""
    topic = topics.new()
    arguments = ("--bootstrap-servers", topics.address, "--topic", topic)
    head = ledger.position()
    first = worker.start(ledger.url, *arguments)
    wait_for(lambda: reached(ledger.url) == head)
    assert "another relay publishes" in ledger.refused("relay", *arguments, "--until-idle", "1")
    second = worker.start(ledger.url, *arguments)
    first.send_signal(signal.SIGTERM)
    said, _ = first.communicate(timeout=WAIT_S)
    assert first.returncode == 0
    assert json.loads(said)["decisions"] == len(decisions_in(ledger.url))
    ledger.done("accrue", "--through", "2026-04-30")
    wait_for(lambda: reached(ledger.url) == ledger.position())
    second.send_signal(signal.SIGTERM)
    assert json.loads(second.communicate(timeout=WAIT_S)[0])["decisions"] > 0
    ids = [record.event["id"] for record in read_all(topics.address, topic)]
    assert len(ids) == len(set(ids)) == len(decisions_in(ledger.url))


def test_the_database_cuts_the_relay_off(ledger: Commands, topics: Topics) -> None:
    """It connects again, and goes on."""
    topic = topics.new()
    relay = worker.start(ledger.url, "--bootstrap-servers", topics.address, "--topic", topic)
    wait_for(lambda: reached(ledger.url) > 0)
    # All but the connection that watches.
    with looking(ledger.url) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    ledger.done("accrue", "--through", "2026-04-30")
    wait_for(lambda: reached(ledger.url) == ledger.position())
    finish(relay)
    same_as_the_log(ledger.url, topics.address, topic)


def test_the_brokers_are_killed_and_come_back(
    ledger: Commands, own_broker: Broker, topic: str
) -> None:
    """The relay waits, and goes on where the brokers have what it sent."""
    relay = worker.start(ledger.url, "--bootstrap-servers", own_broker.address, "--topic", topic)
    wait_for(lambda: reached(ledger.url) > 0)
    own_broker.kill()
    ledger.done("accrue", "--through", "2026-04-30")
    own_broker.start()
    wait_for(lambda: reached(ledger.url) == ledger.position())
    finish(relay)
    same_as_the_log(ledger.url, own_broker.address, topic)


def test_brokers_that_lost_the_end_under_an_idle_relay_are_noticed(
    ledger: Commands, own_broker: Broker, topic: str, tmp_path: Path
) -> None:
    """By it, once it has something to publish, and by whoever starts later; whoever wrote since."""
    address = ("--bootstrap-servers", own_broker.address, "--topic", topic)
    ledger.done("relay", *address, "--until-idle", "0")
    own_broker.stop()
    shutil.copytree(own_broker.log_of(topic), tmp_path / "flushed")
    own_broker.start()
    ledger.done("accrue", "--through", "2026-04-30")
    ledger.done("relay", *address, "--until-idle", "0")
    relay = worker.start(ledger.url, *address)
    wait_for(lambda: is_alone(ledger.url))
    time.sleep(2)
    own_broker.kill()
    shutil.rmtree(own_broker.log_of(topic))
    shutil.copytree(tmp_path / "flushed", own_broker.log_of(topic))
    own_broker.start()
    before = reached(ledger.url)
    ledger.done("accrue", "--through", "2026-10-31")
    relay.communicate(timeout=WAIT_S)
    assert relay.returncode == 1
    # What is no decision is passed over.
    passed = range(before + 1, reached(ledger.url) + 1)
    assert not [row for row in decisions_in(ledger.url) if row["position"] in passed]
    refused = ledger.refused("relay", *address, "--until-idle", "0")
    assert "have lost or deleted records" in refused
    with Producer(own_broker.address) as producer:
        for _ in range(1_000):
            producer.send(topic, b"{}")
    refused = ledger.refused("relay", *address, "--until-idle", "0")
    assert "partition 0 has something else at offset" in refused


def is_alone(url: str) -> bool:
    """Whether a relay is at work: it holds the lock of its topic."""
    with looking(url) as connection:
        [(locks,)] = connection.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
            " WHERE locktype = 'advisory' AND datname = current_database()"
        ).fetchall()
    return bool(locks)


def finish(relay: subprocess.Popen[bytes]) -> None:
    """Tell a relay to leave; it does so without an error."""
    relay.send_signal(signal.SIGTERM)
    relay.communicate(timeout=WAIT_S)
    assert relay.returncode == 0
