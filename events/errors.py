"""What can go wrong with an event: one class per cause, under one root."""

from __future__ import annotations

from typing import Literal

ErrorClass = Literal[
    "empty",
    "too_large",
    "not_json",
    "not_cloudevent",
    "unknown_type",
    "unknown_version",
    "not_a_fact",
    "wrong_time",
    "wrong_data",
]
"""Why a message is rejected: the word that a dead letter carries."""


class EventError(Exception):
    """Root of the errors about events."""


class Rejection(EventError):
    """A message that is no fact (wire, "What bad input gets").

    ``code`` is the error class, ``member`` the place in the message, such as ``data.price`` (empty:
    the whole message), ``message`` says what to do. None of them repeats a value of the message.
    """

    def __init__(self, code: ErrorClass, member: str, message: str) -> None:
        super().__init__(code, member, message)
        self.code: ErrorClass = code
        self.member = member
        self.message = message

    def __str__(self) -> str:
        """Class, member and message in one line."""
        place = f" in {self.member}" if self.member else ""
        return f"{self.code}{place}: {self.message}"


class UnknownTopic(EventError):
    """A stored event names a type or version that this program does not have."""

    def __init__(self, topic: str) -> None:
        super().__init__(topic)
        self.topic = topic

    def __str__(self) -> str:
        """The topic, and what to do."""
        return f"no event type {self.topic!r} is known; read this ledger with a newer version"


class UnreadableState(EventError):
    """The stored bytes of an event do not fit its type: the ledger was damaged."""

    def __init__(self, topic: str, reason: str) -> None:
        super().__init__(topic, reason)
        self.topic = topic
        self.reason = reason

    def __str__(self) -> str:
        """The topic and the first thing that does not fit."""
        return f"the state of an event {self.topic!r} does not fit its type: {self.reason}"
