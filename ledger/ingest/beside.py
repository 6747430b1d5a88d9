"""A process of our own beside this one: values in, values out, one at a time.

What it is given and what it tells are pickled behind their length, so that they are read whole. It
is lost where it ended, whatever became of it: whoever started it goes on without it. Run as a
module with the name of another, this is that process.
"""

from __future__ import annotations

import os
import pickle
import select
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any, BinaryIO

from ledger.collecting import collect_seldom
from ledger.cores import cores

PATIENCE_SECONDS = 15
"""After so long without a sign a process that was given something is taken for dead: it is frozen.
What is asked of it takes a second."""


def spare_core() -> bool:
    """Whether another process has a core to itself."""
    return cores() > 1


class Beside:
    """The process; the next value may be given only when the one before was answered.

    Both sides would wait, else. ``module`` has a function ``begin``: see :func:`serve`.
    """

    def __init__(self, module: str) -> None:
        # In a session of its own Ctrl-C does not reach it. It ends when its input does, whatever
        # became of this process. -P: nothing is imported from the directory that we stand in.
        self._process = subprocess.Popen(  # noqa: S603 - this very module
            [sys.executable, "-P", "-m", __name__, module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._ready = self._lost = False

    def is_ready(self) -> bool:
        """Whether it takes values by now."""
        if not self._ready and not self._lost:
            readable, _, _ = select.select([self._output], [], [], 0)
            if readable:
                self._ready = self.told() == _READY
        return self._ready and not self._lost

    def give(self, value: object) -> bool:
        """Have it work on a value; False if it is lost."""
        try:
            _send(self._input, value)
        except OSError:
            self._lost = True
        return not self._lost

    def told(self) -> Any:
        """What it says next; None if it is lost, which it is, too, if it says nothing for long."""
        if self._lost:
            return None
        try:
            return _receive(self._output.fileno(), PATIENCE_SECONDS)
        except (EOFError, OSError):
            # Should it go on, it must not be taken for one that answers what is asked later.
            self._process.kill()
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


class OnceWorthIt:
    """A process beside this one from when there was enough to do for it, if a core is spare.

    To start it costs as much as some 20,000 messages: ``worth`` says after how many. ``given`` is
    what it is given first. One that was lost is not started again.
    """

    def __init__(self, module: str, worth: int, given: object = None) -> None:
        self._module, self._given = module, given
        self._until = worth if spare_core() else sys.maxsize
        self._process: Beside | None = None

    def count(self, messages: int) -> None:
        """So many more were worked on, here or there."""
        self._until -= messages
        if self._process is None and self._until <= 0:
            self._process = Beside(self._module)
            self._process.give(self._given)

    @property
    def ready(self) -> Beside | None:
        """The process, if it takes values."""
        return self._process if self._process is not None and self._process.is_ready() else None

    def end(self) -> None:
        """Have it end, if it was started."""
        if self._process is not None:
            self._process.end()


def serve(begin: Callable[[Any], Callable[[Any], object]]) -> None:
    """Answer what comes in until no more comes: what the other process runs.

    ``begin`` is given the first value, and gives what answers each of the others.
    """
    given, answers = sys.stdin.fileno(), sys.stdout.buffer
    collect_seldom()
    with suppress(EOFError, OSError):
        answer = begin(_receive(given))
        _send(answers, _READY)
        while True:
            _send(answers, answer(_receive(given)))


_READY = "ready"
_LENGTH = struct.Struct("!Q")
_TICK_SECONDS = 1


def _send(pipe: BinaryIO, what: object) -> None:
    pickled = pickle.dumps(what, pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(pickled)))
    pipe.write(pickled)
    pipe.flush()


def _receive(pipe: int, patience: int | None = None) -> Any:
    """Read the next value; raises EOFError where the other side has ended, in its middle too.

    Raises TimeoutError when no more of it came for as long as there is patience, in seconds.
    """
    (length,) = _LENGTH.unpack(_whole(pipe, _LENGTH.size, patience))
    return pickle.loads(_whole(pipe, length, patience))  # noqa: S301 - what this module wrote


def _whole(pipe: int, length: int, patience: int | None) -> bytearray:
    whole = bytearray(length)
    left = memoryview(whole)
    while left:
        if patience is not None:
            _wait(pipe, patience)
        read = os.readv(pipe, [left])
        if not read:
            raise EOFError
        left = left[read:]
    return whole


def _wait(pipe: int, patience: int) -> None:
    """Wait until something is there; a time when we are frozen ourselves is one tick at most."""
    for _ in range(0, patience, _TICK_SECONDS):
        readable, _, _ = select.select([pipe], [], [], _TICK_SECONDS)
        if readable:
            return
    raise TimeoutError


if __name__ == "__main__":
    serve(import_module(sys.argv[1]).begin)
