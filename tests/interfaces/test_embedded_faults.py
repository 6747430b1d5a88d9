"""The embedded PostgreSQL after ``kill -9`` of anything: nothing left behind, nothing lost."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from interfaces.embedded import EmbeddedPostgres
from tests.interfaces.embedded_probe import Holder, postmaster, reapers, server_processes, until

pytestmark = pytest.mark.fault


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home of the test's own; a server left in it by a failed test is stopped."""
    home = tmp_path / "home"
    yield home
    EmbeddedPostgres(home).stop()


def answer(url: str) -> int:
    """What a table says that a test wrote."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT answer FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def write(url: str) -> None:
    """Commit one row."""
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")


def test_a_killed_holder_leaves_no_server_behind(home: Path) -> None:
    """Without any next command: the reaper stops it."""
    with Holder(home) as holder:
        write(holder.url)
        holder.kill()
    until(lambda: not server_processes(home))
    until(lambda: not reapers(home))
    with EmbeddedPostgres(home) as url:
        assert answer(url) == 42


def test_a_killed_holder_takes_nothing_from_another(home: Path) -> None:
    """Its lock ends with it, the other's does not."""
    with Holder(home) as first, Holder(home) as second:
        write(second.url)
        first.kill()
        assert answer(second.url) == 42
        assert postmaster(home) == second.server
    assert server_processes(home) == []


def test_holder_and_reaper_killed_the_next_command_uses_the_server_and_stops_it(
    home: Path,
) -> None:
    """When nobody is left to stop it, it waits for the next one."""
    with Holder(home) as holder:
        for reaper in reapers(home):
            reaper.kill()
        holder.kill()
    assert server_processes(home) != []
    with EmbeddedPostgres(home, durable=False):
        assert postmaster(home) == holder.server
        until(lambda: len(reapers(home)) == 1)
    assert server_processes(home) == []


def test_a_killed_server_is_started_again_by_the_next_command(home: Path) -> None:
    """Its pid file is stale, its socket dead; what was committed is there."""
    with Holder(home) as holder:
        write(holder.url)
        os.kill(holder.server, signal.SIGKILL)
        with EmbeddedPostgres(home, durable=False) as url:
            assert postmaster(home) != holder.server
            assert answer(url) == 42
    assert server_processes(home) == []


def test_a_backend_at_work_when_its_server_is_killed_is_ended(home: Path) -> None:
    """PostgreSQL refuses to start while one lives, and a busy one does not look up."""
    with Holder(home) as holder:
        busy = psycopg.connect(holder.url, autocommit=True)
        backend = psutil.Process(busy.info.backend_pid)
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 100000000000)")
        os.kill(holder.server, signal.SIGKILL)
        assert backend.is_running()
        with EmbeddedPostgres(home, durable=False) as url, psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        busy.close()
        assert not backend.is_running() or backend.status() == psutil.STATUS_ZOMBIE


def test_a_killed_backend_is_recovered_from(home: Path) -> None:
    """The server restarts by itself; the next command waits for it."""
    with Holder(home) as holder:
        write(holder.url)
        with (
            psycopg.connect(holder.url) as connection,
            psycopg.connect(holder.url, autocommit=True) as other,
        ):
            os.kill(connection.info.backend_pid, signal.SIGKILL)
            # Only once the server has noticed does the next command come after the fault.
            until(lambda: _is_lost(other))
        with EmbeddedPostgres(home, durable=False) as url:
            assert answer(url) == 42
    assert server_processes(home) == []


def _is_lost(connection: psycopg.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return True
    return False


def test_a_stale_pid_file_with_the_id_of_a_living_process_is_seen_through(home: Path) -> None:
    """After a reboot the server's old id may be anybody's."""
    with EmbeddedPostgres(home, durable=False) as url:
        write(url)
    status = EmbeddedPostgres(home).status()
    (status.data / "postmaster.pid").write_text(
        f"{os.getpid()}\n{status.data}\n1700000000\n5432\n\n\n  0 0\nready   \n", encoding="ascii"
    )
    assert not EmbeddedPostgres(home).status().running
    with EmbeddedPostgres(home, durable=False) as url:
        assert answer(url) == 42
    assert server_processes(home) == []


@pytest.mark.parametrize("milliseconds", [50, 150, 300, 450, 600, 800])
def test_killed_while_it_makes_or_starts_the_server_the_next_one_gets_it(
    home: Path, milliseconds: int
) -> None:
    """Half a data directory is never taken for a whole one."""
    with Holder(home, wait=False) as holder:
        _after(milliseconds, holder)
    with EmbeddedPostgres(home, durable=False) as url:
        write(url)
        assert answer(url) == 42
    until(lambda: not server_processes(home))
    # What was half made when its maker died is gone by the next start at the latest.
    with EmbeddedPostgres(home, durable=False):
        assert not list((home / "postgres").glob("init-*"))


@pytest.mark.parametrize("milliseconds", [0, 4, 8, 12, 16, 24])
def test_killed_around_the_moment_when_its_server_writes_its_id_down_there_is_one_server(
    home: Path, milliseconds: int
) -> None:
    """The start goes on without its command; it is used or ended, never joined by another."""
    data = EmbeddedPostgres(home).status().data
    with Holder(home, wait=False) as holder:
        until(data.exists, pause_seconds=0.001)
        time.sleep(milliseconds / 1000)
        holder.kill()
    with EmbeddedPostgres(home, durable=False) as url:
        write(url)
        assert answer(url) == 42
    assert server_processes(home) == []


def test_a_start_that_a_killed_command_left_under_way_is_ended_before_the_next(home: Path) -> None:
    """Here it waits for its settings, so it has not written its id down."""
    with EmbeddedPostgres(home, durable=False) as url:
        write(url)
    settings = EmbeddedPostgres(home).status().data / "postgresql.conf"
    kept = settings.read_text(encoding="utf-8")
    os.mkfifo(settings.with_name("waiting.conf"), 0o644)
    settings.write_text(f"{kept}include 'waiting.conf'\n", encoding="utf-8")
    with Holder(home, wait=False) as holder:
        until(lambda: server_processes(home) != [])
        holder.kill()
    settings.write_text(kept, encoding="utf-8")
    (left,) = server_processes(home)
    with EmbeddedPostgres(home, durable=False) as url:
        assert left not in server_processes(home)
        assert answer(url) == 42
    assert server_processes(home) == []


def test_killed_while_it_stops_the_server_the_next_one_gets_it(home: Path) -> None:
    """A server on its way out is waited for, then started again."""
    with Holder(home) as holder:
        write(holder.url)
        os.kill(holder.server, signal.SIGINT)
        holder.kill()
    with EmbeddedPostgres(home, durable=False) as url:
        assert answer(url) == 42
    until(lambda: not server_processes(home))


def _after(milliseconds: int, holder: Holder) -> None:
    """Kill a holder so long after it began to use its home."""
    until(holder.home.exists)
    with contextlib.suppress(subprocess.TimeoutExpired):
        holder.process.wait(milliseconds / 1000)
    holder.kill()
