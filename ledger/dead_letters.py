"""What comes in, and what of it was not recorded: rejected and quarantined messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from events.envelope import Message
from events.errors import Rejection


class KafkaRecord(NamedTuple):
    """Where in Kafka a message stood; ``headers`` are JSON, as the dead letters keep them."""

    topic: str
    partition: int
    offset: int
    headers: bytes | None = None


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
