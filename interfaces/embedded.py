"""The embedded PostgreSQL: there when a command needs it, gone when nobody does.

Every command holds a lock of the home shared while it uses the server; whoever gets that lock
exclusively on leaving stops the server. Making, starting and stopping happen under a second lock,
the door, so there are never two servers on one directory. The kernel gives locks back when a
process is killed; :mod:`interfaces._reaper` then stops the server in its stead.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from interfaces import _reaper
from interfaces._postgres import EmbeddedDatabaseError, Server, places_of, url_of

__all__ = ["EmbeddedDatabaseError", "EmbeddedPostgres", "Status"]


@dataclass(frozen=True)
class Status:
    """How the embedded server stands."""

    running: bool
    kept: bool
    """Whether it runs on until it is stopped by command."""
    url: str
    """Its address, whether it runs or not."""
    data: Path
    """Its data directory, there or not."""


class EmbeddedPostgres:
    """The embedded server of a home, as a context that gives its connection URL.

    It may be entered by any number of processes and threads at once, each with an instance of
    its own; they share one server. Raises :class:`EmbeddedDatabaseError` when the server cannot
    be made or started.

    ``durable=False`` trades what survives a crash of the machine for speed: for tests only. It
    counts for the one who starts the server.
    """

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self._home = Path(os.path.abspath(home))  # noqa: PTH100 - a link may stand for the home
        self._durable = durable
        self._users: int | None = None

    def __enter__(self) -> str:
        """Start the server unless it runs, and hold it; returns its connection URL."""
        if self._users is not None:
            raise RuntimeError("an EmbeddedPostgres is entered once; make another instance")
        self._prepare()
        places = places_of(self._home)
        with _reaper.exclusive(places.door):
            users = _reaper.open_lock(places.users)
            try:
                fcntl.flock(users, fcntl.LOCK_SH)
                server = Server(places, durable=self._durable)
                server.start()
                server.guard()
            except BaseException:
                os.close(users)
                raise
            self._users = users
        return url_of(places)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the server go; the last one stops it, unless it is to be kept."""
        users, self._users = self._users, None
        if users is None:
            return
        places = places_of(self._home)
        try:
            with _reaper.exclusive(places.door):
                if _reaper.try_exclusive(users) and not places.kept.exists():
                    Server(places).stop()
        except FileNotFoundError:
            # The home was deleted under us; the server notices by itself and ends.
            return
        finally:
            os.close(users)

    def start_kept(self) -> Status:
        """Start the server and keep it running until :meth:`stop`."""
        with self:
            places_of(self._home).kept.touch(mode=0o600)
        return self.status()

    def stop(self) -> Status:
        """End the keeping; the server stops now, or when the last one who uses it leaves."""
        places = places_of(self._home)
        if self._home.is_dir():
            with _reaper.exclusive(places.door):
                places.kept.unlink(missing_ok=True)
                users = _reaper.open_lock(places.users)
                try:
                    if _reaper.try_exclusive(users):
                        Server(places).stop()
                finally:
                    os.close(users)
        return self.status()

    def status(self) -> Status:
        """How the server stands now; starts nothing."""
        places = places_of(self._home)
        return Status(
            running=_reaper.listening(places),
            kept=places.kept.exists(),
            url=url_of(places),
            data=places.data,
        )

    def _prepare(self) -> None:
        """Make the home: closed to others, but that root's lets the server's account pass."""
        try:
            self._home.parent.mkdir(parents=True, exist_ok=True)
            self._home.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)
            os.close(_reaper.open_lock(places_of(self._home).door))
        except OSError as error:
            raise EmbeddedDatabaseError(
                f"the home {self._home} cannot be used ({error.strerror}); set COMMISSIONS_HOME "
                f"to a directory of your own, or give --database a PostgreSQL"
            ) from error
