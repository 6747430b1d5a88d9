"""``commissions consume`` from end to end: a real broker, a real PostgreSQL."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import psycopg
import pytest
from kafka import KafkaProducer
from kafka.structs import TopicPartition

from tests.interfaces.commands import Commands
from tests.kafka.conftest import arguments, consume
from tests.kafka.producing import STRUCTURED, Producer, activation, binary
from tests.kafka.topics import Topics

AT = datetime(2026, 1, 5, 10, tzinfo=UTC)


def places(url: str) -> list[int]:
    """What is read next, of the one partition of the one topic."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT next_offset FROM ledger.ingest_offsets").fetchall()
    return [offset for (offset,) in rows]


def test_facts_of_both_content_modes_are_recorded_once(
    commissions: Commands, topics: Topics
) -> None:
    """What was consumed is not consumed again, and what was told twice counts once."""
    topic = topics.new(partitions=3)
    events = [activation(f"c-{n}", AT) for n in range(40)]
    with Producer(topics.address) as producer:
        for n, event in enumerate(events):
            if n % 2:
                producer.structured(topic, event)
            else:
                value, headers = binary(event)
                producer.send(topic, value, headers)
        producer.structured(topic, events[0])
    counts = consume(commissions, topics, topic)
    assert counts["accepted"] == 40
    assert counts["duplicates"] == 1
    assert counts["rejected"] == counts["quarantined"] == 0
    nothing = commissions.done(*arguments(topics, topic), "--format", "table").out
    assert "accepted 0, " in nothing
    assert nothing.endswith("; no batch came\n")
    with Producer(topics.address) as producer:
        producer.structured(topic, activation("c-more", AT))
    assert consume(commissions, topics, topic)["accepted"] == 1
    commissions.done("verify")


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_whatever_producers_compress_with_is_read(
    commissions: Commands, topics: Topics, codec: str
) -> None:
    """In one batch, whose messages are all of it or nothing to who lacks the codec."""
    topic = topics.new()
    with Producer(topics.address, compression_type=codec) as producer:
        for n in range(200):
            producer.structured(topic, activation(f"c-{n}", AT))
    assert consume(commissions, topics, topic)["accepted"] == 200


def test_what_a_producer_aborted_at_the_end_is_passed_over(
    commissions: Commands, topics: Topics
) -> None:
    """Nothing is left to be read, so nothing is missing when the broker deletes it."""
    topic = topics.new()
    producer = KafkaProducer(bootstrap_servers=topics.address, transactional_id=topic)
    producer.init_transactions()
    for name, end in (
        ("c-kept", producer.commit_transaction),
        ("c-aborted", producer.abort_transaction),
    ):
        producer.begin_transaction()
        value = json.dumps(activation(name, AT)).encode()
        producer.send(topic, value, headers=STRUCTURED).get(10)  # else it is not sent at all
        end()
    producer.close()
    assert consume(commissions, topics, topic)["accepted"] == 1
    assert places(commissions.url) == [4]
    topics.admin.delete_records({TopicPartition(topic, 0): 4})
    with Producer(topics.address) as after:
        after.structured(topic, activation("c-after", AT))
    assert consume(commissions, topics, topic)["accepted"] == 1
    commissions.done("verify")


class NotText(str):
    """The name of a header that is no UTF-8, as producers in other languages can send it."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        """The bytes that are sent."""
        return b"\xff"


def test_a_record_that_cannot_be_taken_apart_stops_the_worker_right_before_it(
    commissions: Commands, topics: Topics
) -> None:
    """What is before it is recorded; once it is deleted, and that accepted, the rest follows."""
    topic = topics.new()
    with Producer(topics.address) as producer:
        for name, headers in (
            ("c-1", []),
            ("c-2", []),
            ("c-3", [(NotText("x"), b"")]),
            ("c-4", []),
        ):
            # Each in a batch of its own: a batch is deleted as a whole.
            producer.send(topic, json.dumps(activation(name, AT)).encode(), headers).get(10)
    stopped = commissions(*arguments(topics, topic))
    assert stopped.status == 1
    assert "CorruptRecordError" in stopped.err
    assert places(commissions.url) == [2]
    topics.admin.delete_records({TopicPartition(topic, 0): 3})
    assert consume(commissions, topics, topic, accept=f"{topic}/0@2")["accepted"] == 1
    assert places(commissions.url) == [4]
    commissions.done("verify")
