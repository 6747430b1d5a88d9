"""What a relay finds in its topic when it starts: whose it is, whatever clocks and brokers did."""

from __future__ import annotations

import time

import orjson
import psycopg
import pytest
from kafka import KafkaProducer
from kafka.admin import NewTopic
from kafka.structs import TopicPartition

from events.published import SOURCE
from tests.interfaces.commands import Commands
from tests.kafka.topics import Topics
from tests.outbox.test_relay import relayed
from tests.outbox.topic import read_all

BEHIND_S, RIGHT_S, AHEAD_S = -86_400, 0, 3_000
"""How wrong a sender's clock is; brokers take no record of more than an hour ahead."""


def of_another(position: int) -> bytes:
    """A decision as the ledger that was replaced had published it."""
    return orjson.dumps({"source": SOURCE, "id": f"{position}-{'0' * 16}"})


def publish(
    topics: Topics, topic: str, value: bytes, partition: int = 0, wrong_by_s: int = 0
) -> None:
    """Send one record to a partition, with the instant of the sender's clock."""
    at = int((time.time() + wrong_by_s) * 1000)
    producer = KafkaProducer(bootstrap_servers=topics.address)
    try:
        producer.send(topic, value, partition=partition, timestamp_ms=at).get(10)
    finally:
        producer.close()


def publish_and_mark(topics: Topics, topic: str, value: bytes) -> None:
    """Send one record in a transaction: its marker is the last entry of the partition."""
    producer = KafkaProducer(bootstrap_servers=topics.address, transactional_id=f"{topic}-tx")
    try:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topic, value, partition=0)
        producer.commit_transaction()
    finally:
        producer.close()


def refused(ledger: Commands, topics: Topics, topic: str) -> str:
    """What the relay says when it does not go on."""
    address = ("--bootstrap-servers", topics.address, "--topic", topic)
    return ledger.refused("relay", *address, "--until-idle", "0")


def stamped_by_broker(topics: Topics) -> str:
    """A topic of two partitions in which records have the broker's time."""
    topic = topics.new(partitions=2).replace("test-", "stamped-")
    config = {"message.timestamp.type": "LogAppendTime"}
    topics.admin.create_topics([NewTopic(topic, 2, 1, topic_configs=config)])
    topics.admin.wait_for_topics([topic])
    return topic


@pytest.mark.parametrize("partition", [0, 1])
@pytest.mark.parametrize("wrong_by_s", [BEHIND_S, RIGHT_S, AHEAD_S])
def test_a_restored_backup_is_noticed_whatever_the_clocks_said(
    ledger: Commands, topics: Topics, partition: int, wrong_by_s: int
) -> None:
    """What was published after the backup, in any partition, from a machine of any time."""
    topic = topics.new(partitions=2)
    told = relayed(ledger, topics, topic)
    publish(topics, topic, of_another(told["position"] + 1), partition, wrong_by_s)
    assert f"position {told['position'] + 1} was published" in refused(ledger, topics, topic)


@pytest.mark.parametrize("wrong_by_s", [BEHIND_S, RIGHT_S, AHEAD_S])
def test_what_was_published_before_everything_anew_is_left_behind(
    ledger: Commands, topics: Topics, wrong_by_s: int
) -> None:
    """It stays the last record of its partition, for nothing of the new history goes there."""
    topic = topics.new(partitions=2)
    first = relayed(ledger, topics, topic)
    partitions = {record.partition for record in read_all(topics.address, topic)}
    publish(topics, topic, of_another(first["position"] + 1), max(partitions), wrong_by_s)
    refused(ledger, topics, topic)
    assert relayed(ledger, topics, topic, "--from-start") == first
    assert relayed(ledger, topics, topic)["decisions"] == 0


def test_a_marker_at_the_end_hides_nothing(ledger: Commands, topics: Topics) -> None:
    """The entry before it is looked at."""
    topic = topics.new()
    told = relayed(ledger, topics, topic)
    publish_and_mark(topics, topic, of_another(told["position"] + 1))
    assert f"position {told['position'] + 1} was published" in refused(ledger, topics, topic)


@pytest.mark.parametrize("value", [b"not ours", b"{}", b'{"source":"/other","id":"1-0"}'])
def test_what_others_sent_at_the_end_hides_nothing(
    value: bytes, ledger: Commands, topics: Topics
) -> None:
    """What the replaced ledger published stands before it; alone it is gone on behind."""
    topic = topics.new()
    relayed(ledger, topics, topic)
    for _ in range(3):
        publish(topics, topic, value)
    relayed(ledger, topics, topic)
    publish(topics, topic, of_another(2))
    for _ in range(3):
        publish(topics, topic, value)
    assert "has another content" in refused(ledger, topics, topic)


def test_a_topic_with_the_brokers_time_is_gone_on_with(ledger: Commands, topics: Topics) -> None:
    """And a restored backup is noticed there, too."""
    topic = stamped_by_broker(topics)
    told = relayed(ledger, topics, topic)
    assert relayed(ledger, topics, topic)["decisions"] == 0
    publish(topics, topic, of_another(told["position"] + 1), 1)
    assert f"position {told['position'] + 1} was published" in refused(ledger, topics, topic)


def test_what_the_brokers_deleted_after_it_was_published_is_gone_on_without(
    ledger: Commands, topics: Topics
) -> None:
    """The ledger knows that it was its own."""
    topic = topics.new(partitions=2)
    told = relayed(ledger, topics, topic)
    delete_all(topics, topic)
    assert relayed(ledger, topics, topic) == {**told, "decisions": 0}


def test_what_was_deleted_before_it_could_be_looked_at_is_not_taken_for_ours(
    ledger: Commands, topics: Topics
) -> None:
    """A restored backup whose topic lost what was published since: nobody knows what that was."""
    topic = topics.new(partitions=2)
    told = relayed(ledger, topics, topic)
    publish(topics, topic, of_another(told["position"] + 1))
    delete_all(topics, topic)
    assert "lost or deleted" in refused(ledger, topics, topic)
    assert relayed(ledger, topics, topic, "--from-start") == told
    assert relayed(ledger, topics, topic)["decisions"] == 0


def test_brokers_that_lost_the_end_of_the_topic_are_noticed(
    ledger: Commands, topics: Topics
) -> None:
    """Their own backup was restored: readers would miss what the ledger takes for published."""
    topic = topics.new()
    told = relayed(ledger, topics, topic)
    with psycopg.connect(ledger.url) as connection:
        connection.execute("UPDATE ledger.relays SET ends[1] = ends[1] + 1")
    assert f"partition 0 ends at {told['decisions']}, not" in refused(ledger, topics, topic)


def test_everything_anew_is_gone_on_with_after_a_kill(ledger: Commands, topics: Topics) -> None:
    """Also by a relay that was not told it again: what the topic had before is left behind."""
    topic = topics.new(partitions=2)
    told = relayed(ledger, topics, topic)
    publish(topics, topic, of_another(told["position"] + 1))
    before = read_all(topics.address, topic)
    ends = [sum(record.partition == number for record in before) for number in range(2)]
    relayed(ledger, topics, topic, "--from-start")
    with psycopg.connect(ledger.url) as connection:
        # As it stands where nothing of what was sent was remembered.
        connection.execute(
            "UPDATE ledger.relays SET position = 0, leaf = NULL, ends = %s, lasts = DEFAULT",
            (ends,),
        )
    assert relayed(ledger, topics, topic) == told


def test_a_place_that_an_earlier_release_remembered_is_gone_on_from(
    ledger: Commands, topics: Topics
) -> None:
    """It knows no offsets: all partitions are looked at, and what a replaced ledger left tells."""
    topic = topics.new(partitions=2)
    told = relayed(ledger, topics, topic)
    with psycopg.connect(ledger.url) as connection:
        connection.execute("UPDATE ledger.relays SET ends = DEFAULT")
    assert relayed(ledger, topics, topic) == {**told, "decisions": 0}
    publish(topics, topic, of_another(told["position"] + 1), wrong_by_s=BEHIND_S)
    assert f"position {told['position'] + 1} was published" in refused(ledger, topics, topic)


def delete_all(topics: Topics, topic: str) -> None:
    """Have the brokers delete what a topic holds, as its retention does in time."""
    partitions = {TopicPartition(topic, number): -1 for number in range(2)}
    topics.admin.delete_records(partitions)
