"""What comes in, and what of it was not recorded: rejected and quarantined messages."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Literal, NamedTuple

import orjson

from events.binary import Headers
from events.envelope import Message
from events.errors import Rejection


def pack(headers: Headers) -> bytes | None:
    """Headers as the dead letters keep them, in JSON; None if there are none."""
    if not headers:
        return None
    return orjson.dumps(
        [
            [name, None if value is None else base64.b64encode(value).decode()]
            for name, value in headers
        ]
    )


def unpack(packed: bytes | None) -> Headers:
    """Headers as they came."""
    if packed is None:
        return ()
    return [
        (name, None if value is None else base64.b64decode(value))
        for name, value in orjson.loads(packed)
    ]


class KafkaRecord(NamedTuple):
    """Where in Kafka a message stood, and with which headers."""

    topic: str
    partition: int
    offset: int
    headers: Headers = ()

    def columns(self) -> tuple[str, int, int, bytes | None]:
        """What the dead letters keep of it."""
        return self.topic, self.partition, self.offset, pack(self.headers)


_NOT_KAFKA = (None, None, None, None)


class Incoming(NamedTuple):
    """One message as it came in: decoded, or with the reason why it cannot be.

    ``origin`` says where it stood, such as ``billing.jsonl:12``; ``payload`` are its bytes;
    ``kafka`` is set if it came from there.
    """

    origin: str
    payload: bytes
    message: Message | None = None
    rejection: Rejection | None = None
    kafka: KafkaRecord | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that is kept beside the ledger and never counts.

    ``first_position`` is the place of the event that a quarantined message contradicts.
    """

    kind: Literal["rejected", "quarantined"]
    origin: str
    error: str
    member: str | None
    message: str
    payload: bytes
    source: str | None = None
    event_id: str | None = None
    first_position: int | None = None
    kafka: KafkaRecord | None = None

    def columns(self) -> tuple[object, ...]:
        """What the dead letters keep of it, in the order in which recording inserts it.

        The payload stands there twice: the second one is for its hash.
        """
        return (
            self.kind,
            self.origin,
            self.error,
            self.member,
            self.message,
            self.source,
            self.event_id,
            self.payload,
            self.payload,
            self.first_position,
            *(self.kafka.columns() if self.kafka else _NOT_KAFKA),
        )
