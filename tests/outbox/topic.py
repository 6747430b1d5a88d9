"""What stands in a topic, read by a consumer that knows nothing of the ledger."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from kafka import KafkaConsumer
from kafka.structs import TopicPartition

WAIT_S = 60


@dataclass(frozen=True)
class Read:
    """One record of a topic."""

    partition: int
    offset: int
    key: str | None
    value: bytes
    headers: dict[str, str]

    @property
    def event(self) -> dict[str, Any]:
        """The CloudEvent in the value."""
        loaded: dict[str, Any] = orjson.loads(self.value)
        return loaded

    @property
    def position(self) -> int:
        """The header that says where in the ledger it stands."""
        return int(self.headers["position"])


def read_all(address: str, topic: str) -> list[Read]:
    """All records that a topic has now, in the order of offsets within each partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=address, group_id=None, isolation_level="read_committed"
    )
    try:
        numbers = consumer.partitions_for_topic(topic)
        partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        found: list[Read] = []
        until = time.monotonic() + WAIT_S
        while any(consumer.position(one) < ends[one] for one in partitions):
            assert time.monotonic() < until, f"{topic} cannot be read to its end"
            for records in consumer.poll(timeout_ms=500).values():
                for record in records:
                    headers = {name: value.decode() for name, value in record.headers}
                    key = record.key.decode() if record.key is not None else None
                    found.append(
                        Read(record.partition, record.offset, key, record.value or b"", headers)
                    )
        return found
    finally:
        consumer.close()


def decisions_once(records: Iterable[Read]) -> dict[str, Read]:
    """The records by the ids of their events; what came again has the same content."""
    found: dict[str, Read] = {}
    for record in records:
        first = found.setdefault(record.event["id"], record)
        assert (first.value, first.key, first.headers) == (
            record.value,
            record.key,
            record.headers,
        )
    return found


def balances_of(records: Iterable[Read]) -> dict[tuple[str, str], dict[str, int]]:
    """Balances rebuilt as a data warehouse would, from the published decisions and nothing else."""
    sums: dict[tuple[str, str], dict[str, int]] = defaultdict(
        lambda: dict.fromkeys(("earned", "adjusted", "paid", "in_flight"), 0)
    )
    for record in decisions_once(records).values():
        event, data = record.event, record.event["data"]
        type_ = event["type"]
        if "currency" not in data or "partner_id" not in data or type_ == "DifferenceUnresolved":
            continue
        row = sums[data["partner_id"], data["currency"]]
        if type_ == "PayoutInitiated":
            row["in_flight"] += data["amount"]
        elif type_ == "PayoutClosed":
            row["in_flight"] -= data["initiated"]
            row["paid"] += -data["paid"] if data["outcome"] == "returned" else data["paid"]
        elif type_ == "PaymentBooked":
            row["paid"] += data["paid"]
        elif type_ == "AdjustmentPosted":
            row["adjusted"] += 0 if data["of_margin"] else data["amount"]
        elif type_ == "PrizePosted":
            row["earned"] += data["amount"] if data["cash"] else 0
        elif type_ not in {"MarginPosted", "ClawbackWaived"}:
            row["earned"] += data["amount"]
    return dict(sums)
