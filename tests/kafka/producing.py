"""Facts onto a topic, as a billing system would."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

from kafka import KafkaProducer

Event = dict[str, Any]
Headers = Sequence[tuple[str, bytes]]
STRUCTURED = [("content-type", b"application/cloudevents+json")]


class Producer:
    """Sends values; everything has arrived when the block ends."""

    def __init__(self, address: str, **options: Any) -> None:
        self._producer = KafkaProducer(
            bootstrap_servers=address, acks="all", linger_ms=5, max_request_size=2**22, **options
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._producer.flush(60)
        self._producer.close(60)

    def send(
        self,
        topic: str,
        value: bytes | None,
        headers: Headers = (),
        *,
        key: str | None = None,
        partition: int | None = None,
    ) -> Any:
        """Send anything; the future tells where it stands."""
        return self._producer.send(
            topic,
            value,
            key=None if key is None else key.encode(),
            headers=list(headers),
            partition=partition,
        )

    def structured(self, topic: str, event: Event, *, partition: int | None = None) -> Any:
        """Send an event whole."""
        value = json.dumps(event).encode()
        key = str(event["data"].get("client_id", ""))
        return self.send(topic, value, STRUCTURED, key=key, partition=partition)


def transactional(address: str, name: str) -> KafkaProducer:
    """A producer of kafka-python's that sends in transactions, under a name of its own."""
    producer = KafkaProducer(
        bootstrap_servers=address, acks="all", transactional_id=name, transaction_timeout_ms=60_000
    )
    producer.init_transactions()
    return producer


def binary(event: Event) -> tuple[bytes, Headers]:
    """An event in binary mode: its data, and its attributes as headers."""
    headers = [
        (f"ce_{name}", str(value).encode()) for name, value in event.items() if name != "data"
    ]
    return json.dumps(event["data"]).encode(), [*headers, ("content-type", b"application/json")]


def fact(type_: str, at: datetime, id_: str, **data: Any) -> Event:
    """An event of the wire."""
    return {
        "specversion": "1.0",
        "id": id_,
        "source": "/billing",
        "type": type_,
        "time": at.isoformat(),
        "data": data,
    }


def activation(client: str, at: datetime, *, price: int = 14_900, **more: Any) -> Event:
    """A client that pays from now on."""
    terms = {"plan": "pro", "price": price, "currency": "EUR", **more}
    return fact("client.activated", at, f"{client}-activated", client_id=client, **terms)
