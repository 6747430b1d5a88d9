"""Decodes messages, in a process of its own where there are many of them.

Decoding and deciding are both Python, and threads of one process take turns at that. Decoding is
pure, so it can be done anywhere: what the other process does not do, ready or not, alive or killed,
is done here, with the same result. Run as a module it is that process.
"""

from __future__ import annotations

import pickle
import select
import struct
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Any, BinaryIO, Self, TypeAlias

from events.base import Fact
from events.binary import Headers, decode_record
from events.envelope import Message, decode
from events.errors import Rejection
from events.upcasting import VOCABULARY
from ledger.collecting import collect_seldom
from ledger.cores import cores

WORTH_A_PROCESS = 20_000
"""Messages after which the process is started: to start it costs as much as decoding them."""

BYTES_WORTH_A_PROCESS = WORTH_A_PROCESS * 500
"""So many that are known to come have it started at once."""

WORTH_SENDING = 100
"""A batch of fewer messages is decoded sooner than it is passed on."""

Payload: TypeAlias = bytes | tuple[Headers, bytes | None]
"""A message as it came: a line, or headers and value."""

Decoded: TypeAlias = Message | Rejection
_Packed: TypeAlias = tuple[Any, ...]


def decode_here(
    payloads: Sequence[Payload], received_at: datetime, horizon_days: int
) -> list[Decoded]:
    """Decode messages in this process, in their order."""
    return [_decode(payload, received_at, horizon_days) for payload in payloads]


class Pending:
    """A batch that is being decoded, or will be when its result is asked for."""

    def __init__(
        self, payloads: Sequence[Payload], received_at: datetime, horizon_days: int
    ) -> None:
        self._given = (payloads, received_at, horizon_days)
        self._process: _Process | None = None

    def give(self, process: _Process) -> bool:
        """Have a process decode it; whether it took it."""
        self._process = process if process.take(*self._given) else None
        return self._process is not None

    def give_up(self) -> None:
        """Take what the process still tells of it, if anything, for nothing."""
        process, self._process = self._process, None
        if process is not None:
            process.told()

    def result(self) -> list[Decoded]:
        """The decoded messages in their order; waits for the process, once."""
        process, self._process = self._process, None
        told = process.told() if process is not None else None
        return decode_here(*self._given) if told is None else list(map(_unpacked, told))


class Decoder:
    """Decodes batches in their order; a context, at the end of which its process is gone.

    One batch is under way at a time: its result is taken before the next is submitted, or it is
    given up by that.
    """

    def __init__(self, horizon_days: int, *, worth_a_process: int = WORTH_A_PROCESS) -> None:
        self._horizon_days = horizon_days
        self._until_process = worth_a_process if _spare_core() else sys.maxsize
        self._process: _Process | None = None
        self._pending: Pending | None = None

    def __enter__(self) -> Self:
        """Nothing is started yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """See :meth:`close`."""
        self.close()

    def close(self) -> None:
        """End the process, if one was started."""
        if self._process is not None:
            self._process.end()

    def __call__(self, payloads: Sequence[Payload], received_at: datetime) -> list[Decoded]:
        """Decode a batch that was received at an instant (with an offset)."""
        return self.submit(payloads, received_at).result()

    def submit(self, payloads: Sequence[Payload], received_at: datetime) -> Pending:
        """Begin to decode a batch, so that something else can be done meanwhile."""
        if self._pending is not None:
            self._pending.give_up()
            self._pending = None
        pending = Pending(payloads, received_at, self._horizon_days)
        if len(payloads) < WORTH_SENDING:
            return pending
        self._until_process -= len(payloads)
        if self._process is None and self._until_process <= 0:
            self._process = _Process()
        elif self._process is not None and self._process.is_ready() and pending.give(self._process):
            self._pending = pending
        return pending


def _spare_core() -> bool:
    return cores() > 1


class _Process:
    """The other process: batches in, decoded batches out, one at a time.

    The next may be given only when the one before was told: both sides would wait, else.
    """

    def __init__(self) -> None:
        # In a session of its own Ctrl-C does not reach it. It ends when its input does, whatever
        # became of this process. -P: nothing is imported from the directory that we stand in.
        self._process = subprocess.Popen(  # noqa: S603 - this very module
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._ready = self._lost = False

    def is_ready(self) -> bool:
        """Whether it takes batches by now."""
        if not self._ready and not self._lost:
            readable, _, _ = select.select([self._output], [], [], 0)
            if readable:
                self._ready = self.told() is True
        return self._ready and not self._lost

    def take(self, payloads: Sequence[Payload], received_at: datetime, horizon_days: int) -> bool:
        """Begin to decode a batch; False if the process is lost."""
        try:
            _send(self._input, (payloads, received_at, horizon_days))
        except OSError:
            self._lost = True
        return not self._lost

    def told(self) -> Any:
        """What it says next; None if it is lost."""
        try:
            return _receive(self._output)
        except (EOFError, OSError):
            self._lost = True
            return None

    def end(self) -> None:
        """Have it end, and wait for that."""
        self._process.kill()
        self._process.wait()
        self._output.close()
        with suppress(OSError):  # what it did not read any more
            self._input.close()

    @property
    def _input(self) -> BinaryIO:
        assert self._process.stdin is not None
        return self._process.stdin  # type: ignore[return-value]

    @property
    def _output(self) -> BinaryIO:
        assert self._process.stdout is not None
        return self._process.stdout  # type: ignore[return-value]


_LENGTH = struct.Struct("!Q")


def _send(pipe: BinaryIO, what: object) -> None:
    """Write a value behind its length, so that it is read whole."""
    pickled = pickle.dumps(what, pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(pickled)))
    pipe.write(pickled)
    pipe.flush()


def _receive(pipe: BinaryIO) -> Any:
    """Read the next value; raises EOFError where the other side has ended, in its middle too."""
    (length,) = _LENGTH.unpack(_whole(pipe, _LENGTH.size))
    return pickle.loads(_whole(pipe, length))  # noqa: S301 - what this module wrote


def _whole(pipe: BinaryIO, length: int) -> bytes:
    read = pipe.read(length)
    if len(read) < length:
        raise EOFError
    return read


def _decode(payload: Payload, received_at: datetime, horizon_days: int) -> Decoded:
    try:
        if isinstance(payload, bytes):
            return decode(payload, received_at, horizon_days=horizon_days)
        return decode_record(*payload, received_at, horizon_days=horizon_days)
    except Rejection as rejection:
        return rejection.with_traceback(None)


def _packed(decoded: Decoded) -> _Packed:
    """What goes through the pipe: a message without its model, or what a rejection says."""
    if isinstance(decoded, Rejection):
        return (decoded.code, decoded.member, decoded.message)
    source, id_, topic, effective_at, data, state, content = decoded
    return (source, id_, topic, effective_at, data.__dict__, state, content)


def _unpacked(packed: _Packed) -> Decoded:
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


def main() -> None:
    """Decode what comes in until no more comes."""
    batches, answers = sys.stdin.buffer, sys.stdout.buffer
    collect_seldom()
    with suppress(EOFError, OSError):
        answer: object = True
        while True:
            _send(answers, answer)
            payloads, received_at, horizon_days = _receive(batches)
            decoded = decode_here(payloads, received_at, horizon_days)
            answer = [_packed(each) for each in decoded]


if __name__ == "__main__":
    main()
