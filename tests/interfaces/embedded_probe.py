"""Another process that uses an embedded server, for tests to end in every way; run by path too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import psutil
import psycopg

from interfaces import _reaper
from interfaces._postgres import cluster_of, places_of
from interfaces.embedded import EmbeddedPostgres

PATIENCE_SECONDS = 30


class Holder:
    """A process that enters the embedded server of a home and stays until it is told to leave."""

    def __init__(
        self, home: Path, *, wait: bool = True, rounds: int = 0, become: Sequence[str] = ()
    ) -> None:
        self.home = home
        self.url = ""
        self.server = 0
        self.process = subprocess.Popen(
            [*become, sys.executable, "-m", __name__, str(home), str(rounds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        if wait:
            self.ready()

    def ready(self) -> Self:
        """Wait until it uses the server."""
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, "the holder ended before it had a server"
        self.server = postmaster(self.home)
        return self

    def leave(self) -> None:
        """Have it leave in the ordinary way."""
        if self.process.poll() is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            assert self.wait() == 0

    def kill(self) -> None:
        """End it without a word."""
        self.process.send_signal(signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """Its exit status, when it has ended."""
        try:
            return self.process.wait(PATIENCE_SECONDS)
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()
            if self.process.stdin is not None:
                self.process.stdin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.leave()


def postmaster(home: Path) -> int:
    """The process id of the server of a home, by its own file."""
    pid = _reaper.recorded_pid(places_of(home))
    assert pid is not None, "no server runs"
    return pid


def server_processes(home: Path) -> list[psutil.Process]:
    """Every live process of the server of a home: the server, its backends, what it left."""
    data = str(places_of(home).data)
    cluster = f"postgres: {cluster_of(home)}: "
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        ours = data in words or " ".join(words).startswith(cluster)
        if ours and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def reapers(home: Path) -> list[psutil.Process]:
    """The processes that watch over the server of a home."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if _reaper.__file__ in (process.info["cmdline"] or ())
        and str(home) in (process.info["cmdline"] or ())
    ]


def until(condition: Callable[[], bool], *, pause_seconds: float = 0.02) -> None:
    """Wait for a condition; fail when it does not come."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(pause_seconds)


def main(home: str, rounds: str) -> None:
    """Use the server of a home: in so many rounds, or until standard input ends."""
    for _ in range(int(rounds)):
        with (
            EmbeddedPostgres(Path(home), durable=False) as url,
            psycopg.connect(url) as connection,
        ):
            connection.execute("SELECT 1")
    if rounds == "0":
        with EmbeddedPostgres(Path(home), durable=False) as url:
            sys.stdout.write(url + "\n")
            sys.stdout.flush()
            sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
