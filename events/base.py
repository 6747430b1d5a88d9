"""What all events share: the frozen model, and the metadata that each class states of itself."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

_FROZEN = ConfigDict(
    frozen=True,
    extra="forbid",
    strict=True,
    validate_by_name=True,
    validate_by_alias=True,
    serialize_by_alias=True,
)


class Event(BaseModel):
    """Base of all events: frozen, unknown members refused, no coercion.

    ``type`` and ``version`` name the class for ever; ``topic`` is what the store writes.
    """

    model_config = _FROZEN

    type: ClassVar[str]
    version: ClassVar[int] = 1

    @classmethod
    def topic(cls) -> str:
        """Name and version in one: ``client.activated/1``."""
        return f"{cls.type}/{cls.version}"

    @property
    def stream(self) -> str:
        """The stream that this event belongs to, such as ``client:c-1``."""
        raise NotImplementedError


class Value(BaseModel):
    """Base of the values inside an event: frozen, unknown members refused, no coercion."""

    model_config = _FROZEN


class Fact(Event):
    """Something that happened outside and was told to the ledger."""


class Command(Event):
    """Finance's own act; all commands are events of the one stream ``ledger``."""

    @property
    def stream(self) -> str:
        """All commands share one stream, so that they stand in one order."""
        return "ledger"


class Decision(Event):
    """Something the ledger concluded from facts and the programme."""
