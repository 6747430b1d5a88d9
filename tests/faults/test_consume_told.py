"""What producers do: tell twice, in any order, in transactions, and things that are no facts."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.faults.consuming import START, Group, Oracle, lots, produce, story, until
from tests.kafka.producing import STRUCTURED, Producer, activation, transactional
from tests.kafka.test_history import recreate

pytestmark = [pytest.mark.fault, pytest.mark.timeout(180)]


def dead(group: Group) -> list[tuple[str, str]]:
    """Kind and error of each dead letter."""
    with psycopg.connect(group.url) as connection:
        return connection.execute(
            "SELECT kind, error FROM ledger.dead_letters ORDER BY id"
        ).fetchall()


def test_a_producer_that_repeats_itself(group: Group, oracle: Oracle) -> None:
    """Three times, from producers of their own, across partitions; with other content: a letter."""
    events = story(80)
    workers = [group.start(hook, settings={"batch_size": 30}) for hook in ("", "fetches beside")]
    for turn in range(3):
        with Producer(group.topics.address) as producer:
            for n, event in enumerate(events):
                producer.structured(group.topic, event, partition=(n + turn) % 4)
    until(lambda: group.facts() == len(events))
    other = activation("c-1", START + timedelta(hours=9), price=1)
    with Producer(group.topics.address) as producer:
        producer.structured(group.topic, other, partition=3)
    until(lambda: bool(dead(group)))
    for worker in workers:
        worker.leave()
    oracle.assert_exact(group, events)
    assert dead(group) == [("quarantined", "other_content")]


def test_facts_of_one_client_in_any_order_over_all_partitions(group: Group, oracle: Oracle) -> None:
    """A churn before its activation, and both by different workers."""
    events = story(120)
    mixed = list(events)
    lots().shuffle(mixed)
    workers = [group.start(settings={"batch_size": 15}) for _ in range(2)]
    produce(group.topics, group.topic, mixed)
    until(lambda: group.facts() == len(events))
    for worker in workers:
        worker.leave()
    oracle.assert_exact(group, events)


def test_poison_in_the_middle_of_a_batch_that_is_killed(group: Group, oracle: Oracle) -> None:
    """Each bad message is one letter, though its batch was begun more than once."""
    events = story(200)
    with Producer(group.topics.address) as producer:
        for n, event in enumerate(events):
            producer.structured(group.topic, event, partition=n % 4)
            if n % 10 == 0:
                producer.send(group.topic, b"{poison", STRUCTURED, partition=n % 4)
    poison = len(range(0, len(events), 10))
    for _ in range(3):
        worker = group.start(settings={"batch_size": 25, "kafka_session_timeout_ms": 1_000})
        until(worker.has_recorded)
        worker.process.kill()
        worker.process.join()
    oracle.assert_exact(group, events)
    assert dead(group) == [("rejected", "not_json")] * poison


def test_transactions_of_the_producer(group: Group, oracle: Oracle) -> None:
    """What was aborted is never seen, what is open not yet; their markers are no gaps."""
    events = story(60)
    third = len(events) // 3

    def send(producer: Any, part: list[dict[str, Any]]) -> None:
        for n, event in enumerate(part):
            value = json.dumps(event).encode()
            producer.send(group.topic, value, headers=list(STRUCTURED), partition=n % 4)
        producer.flush()

    ours, theirs = (
        transactional(group.topics.address, f"{group.topic}-{it}") for it in ("ours", "theirs")
    )
    ours.begin_transaction()
    send(ours, events[:third])
    ours.commit_transaction()
    ours.begin_transaction()
    send(ours, [activation(f"never-{n}", START) for n in range(20)])
    ours.abort_transaction()
    theirs.begin_transaction()
    send(theirs, events[third : 2 * third])
    ours.begin_transaction()
    send(ours, events[2 * third :])
    ours.commit_transaction()
    worker = group.start(settings={"batch_size": 10})
    until(lambda: group.facts() == third)
    time.sleep(1)
    assert group.facts() == third
    theirs.commit_transaction()
    until(lambda: group.facts() == len(events))
    worker.leave()
    for producer in (ours, theirs):
        producer.close()
    oracle.assert_exact(group, events)


@pytest.mark.parametrize("late", [10, 200])
def test_a_topic_made_anew_under_a_worker_stops_it(group: Group, late: int) -> None:
    """Whether its offsets are in range again, where other messages stand, or not yet."""
    events = story(40)
    topic = group.topics.new()
    produce(group.topics, topic, events, partitions=1)
    worker = group.start(topic=topic)
    until(lambda: group.facts() == len(events))
    recreate(group.topics, topic)
    with Producer(group.topics.address) as producer:
        for n in range(late):
            producer.structured(topic, activation(f"late-{n}", START), partition=0)
    worker.ended(1)
    assert "made anew" in worker.said
    assert f"--accept-gap {topic}/0@{len(events)}" in worker.said
    assert group.facts() == len(events)


def test_a_message_that_cannot_be_decided_stops_the_worker_where_it_stands(
    group: Group, oracle: Oracle
) -> None:
    """A bug is no bad message: what is before it is recorded, nothing is skipped."""
    events = story(60)
    with Producer(group.topics.address) as producer:
        for event in events[:30]:
            producer.structured(group.topic, event, partition=2)
        producer.structured(group.topic, activation("c-bug", START), partition=2)
        for event in events[30:]:
            producer.structured(group.topic, event, partition=2)
    group.start("a bug", settings={"batch_size": 20}).ended(1)
    assert f"topic {group.topic}, partition 2, offset 30" in group.workers[0].said
    assert group.facts() == 30
    group.start("a bug", settings={"batch_size": 20}).ended(1)
    assert group.facts() == 30
    oracle.assert_exact(group, [*events, activation("c-bug", START)])
