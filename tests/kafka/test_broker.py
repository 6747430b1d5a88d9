"""The broker of the tests answers, and takes what is produced."""

from __future__ import annotations

import uuid

from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import TopicPartition

from tests.kafka.topics import Topics


def test_what_is_produced_is_consumed(kafka_broker: str, topics: Topics) -> None:
    """A round trip through the real broker."""
    topic = topics.new(partitions=2)
    producer = KafkaProducer(bootstrap_servers=kafka_broker)
    value = uuid.uuid4().bytes
    producer.send(topic, value, partition=1, headers=[("content-type", b"x")]).get(30)
    producer.close()
    consumer = KafkaConsumer(bootstrap_servers=kafka_broker, group_id=None)
    partition = TopicPartition(topic, 1)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    (record,) = consumer.poll(timeout_ms=30_000)[partition]
    consumer.close()
    assert (record.value, record.offset) == (value, 0)
    assert record.headers == [("content-type", b"x")]
