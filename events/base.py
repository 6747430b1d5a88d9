"""What all events share: the frozen model, and the metadata that each class states of itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

# What pydantic keeps of an instance, set one by one: the model is frozen.
_make: Callable[[type], Any] = object.__new__
_set_members = BaseModel.__dict__["__dict__"].__set__
_set_names = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_set_extra = BaseModel.__dict__["__pydantic_extra__"].__set__
_set_private = BaseModel.__dict__["__pydantic_private__"].__set__

_FROZEN = ConfigDict(
    frozen=True,
    extra="forbid",
    strict=True,
    validate_by_name=True,
    validate_by_alias=True,
    serialize_by_alias=True,
    defer_build=True,
)


class _Model(BaseModel):
    """Base of events and of the values inside them."""

    model_config = _FROZEN

    @classmethod
    def trusted(cls, **members: Any) -> Self:
        """Make an instance of members that are right already, all of them given: no validation.

        For the loops that make millions of one kind out of validated parts; the tests validate what
        they make. Ten times as fast as pydantic's ``model_construct``.
        """
        return cls.holding(members)

    @classmethod
    def holding(cls, members: dict[str, Any]) -> Self:
        """The same of members in a dictionary, which is the instance's own from then on."""
        names = _names_of(cls)
        if len(members) != len(names):
            raise TypeError(f"{cls.__name__}.trusted needs every member")
        made: Self = _make(cls)
        _set_members(made, members)
        _set_names(made, names)
        _set_extra(made, None)
        _set_private(made, None)
        return made

    def share_names(self) -> None:
        """Drop this instance's own set of the names that it was given, for that of its class.

        Of what was validated and is kept by the ten thousands: the set is larger than the rest.
        """
        _set_names(self, _names_of(type(self)))


@cache
def _names_of(cls: type[BaseModel]) -> set[str]:
    return set(cls.model_fields)


class Event(_Model):
    """Base of all events: frozen, unknown members refused, no coercion.

    ``type`` and ``version`` name the class for ever; ``topic`` is what the store writes.
    """

    type: ClassVar[str]
    version: ClassVar[int] = 1

    @classmethod
    @cache
    def topic(cls) -> str:
        """Name and version in one: ``client.activated/1``."""
        return f"{cls.type}/{cls.version}"

    @property
    def stream(self) -> str:
        """The stream that this event belongs to, such as ``client:c-1``."""
        raise NotImplementedError


class Value(_Model):
    """Base of the values inside an event: frozen, unknown members refused, no coercion."""


class Fact(Event):
    """Something that happened outside and was told to the ledger."""


COMMANDS = "ledger"
"""The stream of all commands."""


class Command(Event):
    """Finance's own act; all commands are events of the one stream ``ledger``."""

    @property
    def stream(self) -> str:
        """All commands share one stream, so that they stand in one order."""
        return COMMANDS


class Decision(Event):
    """Something the ledger concluded from facts and the programme."""
