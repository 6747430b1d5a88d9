"""What a worker process runs: ``commissions consume``, with something that goes wrong in it.

Faults that have to hit one point of the code are put there by a hook; everything else is done to
the process from outside.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg

from interfaces import health
from interfaces.cli import consume
from interfaces.cli.main import main
from ledger import recording
from ledger.entities import Entities
from ledger.ingest import beside
from ledger.ingest.kafka import fetching, offsets
from ledger.recording import Recorder
from ledger.store.recorder import LedgerRecorder
from ledger.turns import Turns

__all__ = ["health", "run"]

SESSION_MS = 1_500
"""After so long a worker without a sign is taken for dead."""


def run(arguments: list[str], log: str, hook: str, environment: dict[str, str]) -> None:
    """Run a command as the only thing that this process does; its log goes to a file.

    ``hook`` names those that are put in, with "and" between them.
    """
    os.environ["COMMISSIONS_KAFKA_SESSION_TIMEOUT_MS"] = str(SESSION_MS)
    os.environ["COMMISSIONS_LOG_FORMAT"] = "json"
    os.environ.update(environment)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    # Frozen transactions are ended as ever, only sooner.
    consume.PATIENCE_SECONDS = 3
    offsets.LOCK_SECONDS = offsets.STILL_SECONDS = 1
    beside.PATIENCE_SECONDS = 5
    for each in filter(None, hook.split(" and ")):
        HOOKS[each]()
    sys.exit(main(arguments))


def freeze() -> None:
    """Stop as a machine does that goes to sleep, and stop right here.

    A signal to the process may be taken by another thread, while this one still goes on.
    """
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


def _before(owner: type, name: str, act: Callable[[], object], *, at: int) -> None:
    """Act before the method of a class is called for the n-th time."""
    method = getattr(owner, name)
    calls = 0

    def called(self: object, *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at:
            act()
        return method(self, *args, **kwargs)

    mock.patch.object(owner, name, called).start()


def _before_the_append() -> None:
    """Freeze before an append, once the thread that decides ahead waits for it.

    By then the rows of both are staged, and nothing is locked.
    """
    landed = Recorder._landed
    waited_for = 0

    def waiting(self: Recorder, ahead: Any) -> Any:
        nonlocal waited_for
        waited_for += 1
        return landed(self, ahead)

    def freeze_at_rest() -> None:
        while waited_for < 3:
            time.sleep(0.01)
        time.sleep(0.1)
        freeze()

    mock.patch.object(Recorder, "_landed", waiting).start()
    _before(Recorder, "_append", freeze_at_rest, at=3)


def _inside_copy() -> None:
    """Freeze when the server waits for the rest of a COPY."""
    stage = LedgerRecorder.stage
    calls = 0

    def staged(self: LedgerRecorder, cursor: psycopg.Cursor[Any], rows: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            cursor.execute(self._sql.prepare_stage)
            with cursor.copy(self._sql.copy):
                freeze()
        stage(self, cursor, rows)

    mock.patch.object(LedgerRecorder, "stage", staged).start()


def _take_turns() -> None:
    """Be one that has met others, from the first batch on."""
    take = Turns.take

    def taken(self: Turns) -> None:
        self.collided()
        take(self)

    mock.patch.object(Turns, "take", taken).start()


def _in_its_turn() -> None:
    """Freeze with a turn and a batch that is decided, and no append under way."""
    _take_turns()
    _before(Entities, "advance", freeze, at=3)


def _linger() -> None:
    """Make each append so long that a signal falls into it."""
    append: Callable[..., Any] = Recorder._append

    def lingered(*args: Any) -> Any:
        time.sleep(0.3)
        return append(*args)

    mock.patch.object(Recorder, "_append", lingered).start()


def _bug() -> None:
    """Let the engine fail over one client."""
    answer: Callable[..., Any] = vars(recording)["answer"]

    def failing(state: Any, event: Any) -> Any:
        if getattr(event.data, "client_id", "") == "c-bug":
            raise KeyError("a bug")
        return answer(state, event)

    mock.patch.object(recording, "answer", failing).start()


def _slow() -> None:
    """Take for one append as long as the test wants; its heart beats meanwhile."""
    told = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: told.set())
    _before(Recorder, "_append", told.wait, at=3)


def _beside() -> None:
    """Have the first few messages be worth a process that fetches the others."""
    mock.patch.multiple(fetching, WORTH_A_PROCESS=1, WORTH_SENDING=1).start()
    mock.patch.object(beside, "spare_core", return_value=True).start()


HOOKS: dict[str, Callable[[], None]] = {
    "frozen before the append": _before_the_append,
    "frozen under the head lock": lambda: _before(LedgerRecorder, "insert_staged", freeze, at=3),
    "frozen inside COPY": _inside_copy,
    "frozen in its turn": _in_its_turn,
    "takes turns": _take_turns,
    "slow": _slow,
    "a bug": _bug,
    "each batch takes a while": _linger,
    "fetches beside": _beside,
}


def log_lines(log: Path) -> str:
    """What a worker said so far."""
    return log.read_text(encoding="utf-8") if log.exists() else ""
