"""A process of its own whose memory is watched: ``python -m benchmarks.worker KIND WHAT...``.

``ingest FILE`` records a file, ``accrue DAY...`` runs an accrual through each day, in the ledger
that ``COMMISSIONS_DATABASE_URL`` names; ``consume``, ``poll`` and ``send`` are
:mod:`benchmarks.consuming`'s, ``recompute PROCESSES`` decides the log again.
It prints one JSON line when it is ready, and one for each thing done, with what that cost.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import NamedTuple, TypeAlias

import psutil
import psycopg

from benchmarks import consuming
from benchmarks.figures import Clock
from benchmarks.ledgers import Bench, open_bench
from ledger.collecting import collect_seldom
from ledger.ingest.files import BATCH_MESSAGES
from replay.recompute import recompute

Told: TypeAlias = dict[str, float]

_ADDRESS = "COMMISSIONS_DATABASE_URL"
_EVERY_S = 0.02


def main(arguments: list[str]) -> None:
    """Do what the arguments say."""
    collect_seldom()
    kind, *what = arguments
    if kind in ("poll", "send"):
        (consuming.poll if kind == "poll" else consuming.send)(_tell, *what)
        return
    if kind == "recompute":
        _tell({})
        _decide_again(os.environ[_ADDRESS], int(what[0]))
        return
    with open_bench(os.environ[_ADDRESS], fresh=False) as bench:
        _tell({})
        if kind == "consume":
            consuming.consume(bench, _tell, *what)
            return
        for each in what:
            (_accrue if kind == "accrue" else _ingest)(bench, each)


def _accrue(bench: Bench, day: str) -> None:
    clock = Clock(bench.url)
    with clock() as cost:
        done = bench.ledger.accrue(date.fromisoformat(day))
    _tell(
        {
            "lines": done.lines,
            "wall": cost.wall,
            "client": cost.client,
            "server": cost.server,
            "collector": cost.collector,
        }
    )


def _decide_again(url: str, processes: int) -> None:
    clock = Clock(url)
    with psycopg.connect(url) as connection, clock() as cost:
        found = recompute(connection, processes=processes)
    if found.differences:
        raise RuntimeError("the ledger of the benchmark is not as it is decided again")
    _tell({"wall": cost.wall, "client": cost.client})


def _ingest(bench: Bench, name: str) -> None:
    with Path(name).open("rb") as stream:
        for accepted in bench.progress(stream, BATCH_MESSAGES):
            _tell({"facts": accepted, "at": monotonic()})


def _tell(figures: Told) -> None:
    print(json.dumps(figures), flush=True)


class Used(NamedTuple):
    """Memory (MiB) and CPU so far (seconds) of a process and of those that it started."""

    memory_mib: float
    cpu_seconds: float


@dataclass(slots=True)
class Watched:
    """A worker's process and the most memory that it had, in MiB."""

    process: subprocess.Popen[str]
    peak_mib: float = 0.0
    _over: Event = field(default_factory=Event)

    def lines(self) -> Iterator[Told]:
        """What the worker tells, as it comes; raises RuntimeError if it failed."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            yield json.loads(line)
        if self.process.wait() != 0:
            raise RuntimeError("a worker of the benchmark failed; see above")

    def memory_mib(self) -> float:
        """Resident memory now."""
        used = _memory_mib(psutil.Process(self.process.pid))
        self.peak_mib = max(self.peak_mib, used)
        return used

    def used(self) -> Used | None:
        """What it uses now, with the processes that it started; None if it has ended."""
        try:
            own = self.memory_mib()
            others = map(_memory_mib, psutil.Process(self.process.pid).children())
            used = Used(own + sum(others), cpu_seconds(self.process.pid))
        except psutil.Error:
            return None
        # One that has ended and was not waited for has no memory.
        return used if own else None

    def watch(self) -> None:
        """Take samples until it is over."""
        while not self._over.wait(_EVERY_S):
            try:
                self.memory_mib()
            except psutil.Error:
                return

    def end(self) -> None:
        """Stop taking samples, and the process if it still runs."""
        self._over.set()
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


def _memory_mib(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20


def cpu_seconds(pid: int) -> float:
    """CPU that a process and those that it started have used so far."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children())]
    return float(sum(each.user + each.system for each in times))


def worker(kind: str, url: str, *what: str) -> AbstractContextManager[Watched]:
    """Start a worker and watch its memory."""
    return watched_run(url, "benchmarks.worker", kind, *what)


@contextmanager
def watched_run(url: str, module: str, *what: str) -> Iterator[Watched]:
    """Run a module with the address of a ledger, and watch its memory."""
    command = [sys.executable, "-m", module, *what]
    # Not as an argument: an address may hold a password.
    known = {**os.environ, _ADDRESS: url}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=known) as process:
        watched = Watched(process)
        thread = Thread(target=watched.watch, daemon=True)
        thread.start()
        try:
            yield watched
        finally:
            watched.end()
            thread.join()


if __name__ == "__main__":
    main(sys.argv[1:])
