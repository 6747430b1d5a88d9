"""Decodes messages, in a process of its own where there are many of them.

Decoding and deciding are both Python, and threads of one process take turns at that. Decoding is
pure, so it can be done anywhere: what the other process does not do, ready or not, alive or killed,
is done here, with the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Self, TypeAlias

from events.base import Fact
from events.binary import Headers, decode_record
from events.envelope import Message, decode
from events.errors import Rejection
from events.upcasting import VOCABULARY
from ledger.ingest.beside import OnceWorthIt

WORTH_A_PROCESS = 20_000
"""Messages after which the process is started: to start it costs as much as decoding them."""

BYTES_WORTH_A_PROCESS = WORTH_A_PROCESS * 500
"""So many that are known to come have it started at once."""

WORTH_SENDING = 100
"""A batch of fewer messages is decoded sooner than it is passed on."""

Payload: TypeAlias = bytes | tuple[Headers, bytes | None]
"""A message as it came: a line, or headers and value."""

Decoded: TypeAlias = Message | Rejection
_Given: TypeAlias = tuple[Sequence[Payload], datetime, int]
Packed: TypeAlias = tuple[Any, ...]


def decode_here(
    payloads: Sequence[Payload], received_at: datetime, horizon_days: int
) -> list[Decoded]:
    """Decode messages in this process, in their order."""
    return [_decode(payload, received_at, horizon_days) for payload in payloads]


class Decoder:
    """Decodes batches in their order; a context, at the end of which its process is gone."""

    def __init__(self, horizon_days: int, *, worth_a_process: int = WORTH_A_PROCESS) -> None:
        self._horizon_days = horizon_days
        self._beside = OnceWorthIt(__name__, worth_a_process)

    def __enter__(self) -> Self:
        """Nothing is started yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """The process ends, if one was started."""
        self._beside.end()

    def __call__(self, payloads: Sequence[Payload], received_at: datetime) -> list[Decoded]:
        """Decode a batch that was received at an instant (with an offset)."""
        given = (payloads, received_at, self._horizon_days)
        told = None
        if len(payloads) >= WORTH_SENDING:
            process = self._beside.ready
            if process is not None and process.give(given):
                told = process.told()
            self._beside.count(len(payloads))
        return decode_here(*given) if told is None else list(map(unpacked, told))


def _decode(payload: Payload, received_at: datetime, horizon_days: int) -> Decoded:
    try:
        if isinstance(payload, bytes):
            return decode(payload, received_at, horizon_days=horizon_days)
        return decode_record(*payload, received_at, horizon_days=horizon_days)
    except Rejection as rejection:
        return rejection.with_traceback(None)


def packed(decoded: Decoded) -> Packed:
    """What goes through the pipe: a message without its model, or what a rejection says."""
    if isinstance(decoded, Rejection):
        return (decoded.code, decoded.member, decoded.message)
    source, id_, topic, effective_at, data, state, content = decoded
    return (source, id_, topic, effective_at, data.__dict__, state, content)


def unpacked(packed: Packed) -> Decoded:
    """The message, or the rejection, of what came through the pipe."""
    if len(packed) == 3:  # noqa: PLR2004 - the three members of a rejection
        return Rejection(*packed)
    source, id_, topic, effective_at, members, state, content = packed
    data = _newest(topic).holding(members)
    return Message(source, id_, topic, effective_at, data, state, content)


@cache
def _newest(topic: str) -> type[Fact]:
    newest = VOCABULARY.newest(VOCABULARY.by_topic(topic).type)
    assert issubclass(newest, Fact)
    return newest


def begin(_: object) -> Callable[[_Given], list[Packed]]:
    """What the other process does with what it is given."""
    return lambda given: [packed(each) for each in decode_here(*given)]
