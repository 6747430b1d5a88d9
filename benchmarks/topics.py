"""A broker for a benchmark, from Kafka's own jars, with topics of facts on it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

import click
import orjson
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from tests.kafka.broker import Broker, NoBroker

PARTITIONS = 4
_BATCH_BYTES = 2**19
HEADERS = [("content-type", b"application/cloudevents+json")]


@contextmanager
def broker(home: Path) -> Iterator[str]:
    """Start a broker for the block and end it; its address. Needs a JDK and Maven, or Docker."""
    home.mkdir()
    own = Broker(home)
    try:
        own.start()
    except NoBroker as error:
        raise click.ClickException(
            f"the measurement kafka needs a JDK (17 or later) and Maven, or Docker: {error}"
        ) from error
    try:
        yield own.address
    finally:
        own.stop()


def new_topic(address: str) -> str:
    """Make a topic of four partitions; its name."""
    topic = f"facts-{uuid.uuid4().hex}"
    admin = KafkaAdminClient(bootstrap_servers=address)
    try:
        admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
        admin.wait_for_topics([topic])
    finally:
        admin.close()
    return topic


@contextmanager
def producer(address: str, linger_ms: int = 20) -> Iterator[KafkaProducer]:
    """A producer that waits for acknowledgement; everything has arrived when the block ends."""
    own = KafkaProducer(
        bootstrap_servers=address,
        acks="all",
        linger_ms=linger_ms,
        # One request holds what came in the linger: the sender has the cores of what is measured.
        batch_size=_BATCH_BYTES,
        metrics_enabled=False,
    )
    try:
        yield own
        own.flush(120)
    finally:
        own.close(60)


def key_of(line: bytes) -> bytes:
    """The key of a fact: what it is about, so that the order of its facts holds."""
    return str(orjson.loads(line)["subject"]).encode()


def send(own: KafkaProducer, topic: str, line: bytes) -> None:
    """Send a fact, keyed by what it is about; the partition is the one that librdkafka would take.

    kafka-python's own choice of it is Python, a fifth of what sending costs.
    """
    key = key_of(line)
    own.send(topic, line, key=key, headers=HEADERS, partition=crc32(key) % PARTITIONS)


def fill(address: str, topic: str, lines: Iterable[bytes]) -> None:
    """Send facts, keyed by what they are about, and wait until all have arrived."""
    with producer(address) as own:
        for line in lines:
            send(own, topic, line)
