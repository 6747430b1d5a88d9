"""Stops an embedded server that nobody uses any more, whatever ended its users.

A command that leaves stops the server itself when it is the last one. The reaper is for those that
cannot: a command ended by ``kill -9`` holds no lock any more and stops nothing. It is one small
process beside each running server, waiting for a lock that it gets when the last user is gone.
It is run by path, without site packages, so this module uses the standard library only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FAST_SECONDS = 60
"""How long a fast shutdown (sessions ended, checkpoint written) may take."""

_EXIT_SECONDS = 2
_PAUSE_SECONDS = 0.01


class Places(NamedTuple):
    """Where one embedded server and what guards it live."""

    home: Path
    """The directory of the user (``COMMISSIONS_HOME``)."""
    run: Path
    """The directory of the server's socket."""

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.home / "postgres" / "data"

    @property
    def users(self) -> Path:
        """The lock that every user of the server holds shared."""
        return self.home / "users.lock"

    @property
    def door(self) -> Path:
        """The lock held while the server is made, started or stopped."""
        return self.home / "start.lock"

    @property
    def reaper(self) -> Path:
        """The lock that the one reaper holds."""
        return self.home / "reaper.lock"

    @property
    def kept(self) -> Path:
        """The mark of a server that runs until it is stopped by command."""
        return self.home / "kept"

    @property
    def socket(self) -> Path:
        """The server's socket."""
        return self.run / ".s.PGSQL.5432"


def open_lock(path: Path) -> int:
    """Open a lock file, making it if missing; the descriptor is closed by the caller."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_exclusive(descriptor: int) -> bool:
    """Take a lock exclusively, if nobody else holds it in any way."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock exclusively, waiting for it as long as it takes."""
    descriptor = open_lock(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def listening(places: Places) -> bool:
    """Whether a server listens on the socket, ready or not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(5)
        try:
            probe.connect(str(places.socket))
        except OSError:
            return False
    return True


def recorded_pid(places: Places) -> int | None:
    """The process id in the server's own pid file, stale or not."""
    try:
        # The file goes on with paths, in whatever encoding they have.
        return int((places.data / "postmaster.pid").read_bytes().split(b"\n", 1)[0])
    except (OSError, ValueError):
        return None


def stop(places: Places) -> None:
    """Stop the server that listens on the socket: fast at first, at last as after a crash.

    To be called under the door's lock; nothing happens when no server listens.
    """
    pid = recorded_pid(places)
    if pid is None or not listening(places):
        return
    for number, seconds in (
        (signal.SIGINT, FAST_SECONDS),
        (signal.SIGQUIT, 10),
        (signal.SIGKILL, 10),
    ):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if _gone(places, pid, seconds) or recorded_pid(places) != pid:
            return


def _gone(places: Places, pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > until:
            return False
        if recorded_pid(places) != pid:
            # It has said goodbye and is on its way out; where a dead process cannot be told from
            # a living one, that is enough.
            until = min(until, time.monotonic() + _EXIT_SECONDS)
        time.sleep(_PAUSE_SECONDS)
    return True


def alive(pid: int) -> bool:
    """Whether a process of this id lives, whoever owns it; one that only waits to be buried not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return not status.rpartition(")")[2].lstrip().startswith("Z")


def watch(places: Places, mine: int) -> None:
    """Wait until nobody uses the server, then stop it, unless it is to be kept.

    ``mine`` is the reaper's own lock, given back before the door is: whoever starts the next
    server must be able to start its reaper.
    """
    users = open_lock(places.users)
    while True:
        fcntl.flock(users, fcntl.LOCK_EX)
        # Given back at once: a command that enters holds the door and waits for this one.
        fcntl.flock(users, fcntl.LOCK_UN)
        with exclusive(places.door):
            kept = places.kept.exists()
            if kept or try_exclusive(users):
                if not kept:
                    stop(places)
                os.close(mine)
                return


def main(home: str, run: str) -> None:
    """Become the reaper of a home, in the background, unless it has one."""
    places = Places(Path(home), Path(run))
    mine = open_lock(places.reaper)
    if not try_exclusive(mine) or os.fork():
        return
    os.setsid()
    # The home may be deleted under the reaper: then there is nothing left to watch.
    with contextlib.suppress(FileNotFoundError):
        watch(places, mine)


if __name__ == "__main__":
    main(*sys.argv[1:])
