"""The embedded PostgreSQL: shared, private, and gone when nobody uses it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from interfaces import _postgres
from interfaces.cli.main import main
from interfaces.embedded import EmbeddedDatabaseError, EmbeddedPostgres
from tests.interfaces.embedded_probe import Holder, server_processes


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home of the test's own; a server left in it by a failed test is stopped."""
    home = tmp_path / "home"
    yield home
    EmbeddedPostgres(home).stop()


def value(url: str, query: str) -> object:
    """The one value that a query gives."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_a_fresh_home_gives_a_postgresql_18_in_utf8(home: Path) -> None:
    """Nothing is installed, nothing is configured."""
    with EmbeddedPostgres(home) as url:
        assert str(value(url, "SHOW server_version")).startswith("18.")
        assert value(url, "SHOW server_encoding") == "UTF8"
        locale = "SELECT datlocale FROM pg_database WHERE datname = current_database()"
        assert value(url, locale) == "C.UTF-8"
        assert value(url, "SHOW timezone") == "UTC"
        assert value(url, "SHOW fsync") == "on"
        assert value(url, "SHOW jit") == "off"
    assert server_processes(home) == []


def test_a_home_that_is_made_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slip in its name gives an empty ledger; where a database is, nothing is said of it."""
    monkeypatch.setenv("COMMISSIONS_HOME", str(home))
    monkeypatch.setenv("COMMISSIONS_LOG_LEVEL", "error")
    monkeypatch.delenv("COMMISSIONS_DATABASE_URL", raising=False)
    said = f"commissions: no database was in {home}, so a new one was made"
    for lines in (1, 0):
        assert main(["database", "start"]) == 0
        assert capsys.readouterr().err.splitlines() == [said] * lines
    assert main(["balances"]) == 1
    assert "there is no ledger yet" in capsys.readouterr().err
    EmbeddedPostgres(home).stop()
    shutil.rmtree(home)
    assert main(["balances"]) == 1
    assert said in capsys.readouterr().err.splitlines()
    monkeypatch.setenv("COMMISSIONS_HOME", __file__)
    assert main(["database", "start"]) == 1
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line[0] != "{")
    assert "cannot be used" in line


def test_what_was_written_is_there_the_next_time(home: Path) -> None:
    """The server goes, the data stays."""
    with EmbeddedPostgres(home, durable=False) as url, psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with EmbeddedPostgres(home) as url:
        assert value(url, "SELECT answer FROM kept") == 42


def test_only_its_owner_reaches_it(home: Path) -> None:
    """No TCP; data and socket in directories closed to everybody else."""
    with EmbeddedPostgres(home, durable=False) as url:
        assert value(url, "SHOW listen_addresses") == ""
        socket = Path(str(conninfo_to_dict(url)["host"]))
        for directory in (EmbeddedPostgres(home).status().data, socket):
            assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert stat.S_IMODE(home.stat().st_mode) & 0o066 == 0


def test_a_home_with_blanks_quotes_and_accents_works(tmp_path: Path) -> None:
    """A user's directory may have any name."""
    home = tmp_path / "l'été à Paris & co"
    with EmbeddedPostgres(home, durable=False) as url:
        assert value(url, "SELECT 1") == 1
    assert server_processes(home) == []


def test_a_home_too_deep_for_a_socket_gets_a_short_private_one(tmp_path: Path) -> None:
    """A socket's path has 107 bytes; a user's directory may have more."""
    home = tmp_path / ("d" * 120)
    with EmbeddedPostgres(home, durable=False) as url:
        socket = Path(str(conninfo_to_dict(url)["host"]))
        assert home not in socket.parents
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        assert value(url, "SELECT 1") == 1
    assert not socket.exists()


def test_a_short_directory_that_somebody_else_made_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a directory for everybody a name can be taken by anybody."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    home = tmp_path / ("d" * 120)
    trap = _postgres.places_of(home).run
    (tmp_path / "elsewhere").mkdir()
    trap.symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(EmbeddedDatabaseError, match="belongs to another user"),
        EmbeddedPostgres(home, durable=False),
    ):
        pass


def test_two_processes_share_one_server_and_the_last_one_stops_it(home: Path) -> None:
    """The first one leaving takes nothing from the other."""
    with Holder(home) as first, Holder(home) as second:
        assert first.url == second.url
        assert first.server == second.server
        first.leave()
        assert value(second.url, "SELECT 1") == 1
        second.leave()
        assert server_processes(home) == []


def test_many_at_once_on_a_fresh_home_make_one_server(home: Path) -> None:
    """The making happens once, whoever comes first."""
    holders = [Holder(home, wait=False) for _ in range(5)]
    try:
        assert len({holder.ready().server for holder in holders}) == 1
    finally:
        for holder in holders:
            holder.leave()
    assert server_processes(home) == []


def test_entering_and_leaving_at_once_never_takes_the_server_from_a_user(home: Path) -> None:
    """Each round starts or stops a server while others come and go."""
    holders = [Holder(home, wait=False, rounds=15) for _ in range(3)]
    for holder in holders:
        assert holder.wait() == 0
    assert server_processes(home) == []


def test_kept_it_runs_until_it_is_stopped(home: Path) -> None:
    """For psql and BI tools, between commands."""
    server = EmbeddedPostgres(home, durable=False)
    kept = server.start_kept()
    assert (kept.running, kept.kept) == (True, True)
    with EmbeddedPostgres(home) as url:
        assert url == kept.url
    assert value(kept.url, "SELECT 1") == 1
    assert EmbeddedPostgres(home).status() == kept
    stopped = server.stop()
    assert (stopped.running, stopped.kept) == (False, False)
    assert server_processes(home) == []


def test_stopped_while_somebody_uses_it_it_ends_with_the_last_user(home: Path) -> None:
    """Nobody's command is cut off."""
    server = EmbeddedPostgres(home, durable=False)
    server.start_kept()
    with Holder(home) as holder:
        assert server.stop().running
        assert value(holder.url, "SELECT 1") == 1
    assert not server.status().running
    assert server_processes(home) == []


def test_status_and_stop_on_nothing_make_nothing(home: Path) -> None:
    """Asking is free."""
    assert not EmbeddedPostgres(home).status().running
    assert not EmbeddedPostgres(home).stop().running
    assert not home.exists()


def test_data_of_another_version_is_refused_and_left_alone(home: Path) -> None:
    """A newer package meets older data: say so, touch nothing."""
    with EmbeddedPostgres(home, durable=False):
        pass
    version = EmbeddedPostgres(home).status().data / "PG_VERSION"
    version.write_text("16\n", encoding="ascii")
    with (
        pytest.raises(EmbeddedDatabaseError, match=r"PostgreSQL 16 .* brings 18"),
        EmbeddedPostgres(home),
    ):
        pass
    version.write_text("18\n", encoding="ascii")


def test_a_home_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """The message names the variable to set."""
    (tmp_path / "file").touch()
    with (
        pytest.raises(EmbeddedDatabaseError, match="COMMISSIONS_HOME"),
        EmbeddedPostgres(tmp_path / "file" / "home"),
    ):
        pass


def test_of_a_home_that_cannot_be_filled_only_what_went_wrong_is_told() -> None:
    """Not the dozen lines of what went well before."""
    said = """The database cluster will be initialized with this locale configuration:
running bootstrap script ... 2026-11-26 23:51:05.957 UTC [12466] FATAL:  could not write to file
child process exited with exit code 1
initdb: removing contents of data directory"""
    assert _postgres._complaints(said) == said.splitlines()[1].strip()
    assert (
        _postgres._complaints("initdb: error: no such locale\n") == "initdb: error: no such locale"
    )
    assert _postgres._complaints("a\nb\nc\nd") == "b; c; d"


def test_it_is_quiet_where_there_is_no_runtime_directory(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The wheel's own code warns there; ours never runs it."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with EmbeddedPostgres(home, durable=False):
            pass
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
def test_an_ordinary_user_runs_it_as_itself() -> None:
    """The server belongs to the user, and no other account is used."""
    nobody = 65534
    power = _postgres._passing_power()  # the interpreter may be below a directory closed to nobody
    become = (
        *("setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups"),
        *(f"--inh-caps=+{power}", f"--ambient-caps=+{power}"),
    )
    with tempfile.TemporaryDirectory() as directory:
        os.chown(directory, nobody, nobody)
        home = Path(directory) / "home"
        with Holder(home, become=become) as holder:
            found = server_processes(home)
            assert {process.uids().effective for process in found} == {nobody}
            assert home.stat().st_uid == nobody
            holder.leave()
        assert server_processes(home) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_runs_it_as_another_user_below_a_directory_closed_to_it(home: Path) -> None:
    """PostgreSQL refuses root; root's directories stay closed."""
    closed = home.parent / "closed"
    closed.mkdir(mode=0o700)
    with EmbeddedPostgres(closed / "home", durable=False) as url:
        users = {process.uids().effective for process in server_processes(closed / "home")}
        assert 0 not in users
        assert value(url, "SELECT 1") == 1
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_runs_it_from_a_package_below_a_directory_closed_to_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where root installed it at home: PostgreSQL's programs find each other all the same."""
    closed = home.parent / "closed"
    closed.mkdir(mode=0o700)
    binaries = _postgres._binaries()
    installed = binaries.parents[2]
    # Programs, and the libraries that the wheel has beside its package.
    for part in (
        *(binaries.parent / name for name in ("bin", "lib", "share")),
        *installed.glob("pixeltable_*.libs"),
    ):
        shutil.copytree(part, closed / part.relative_to(installed), symlinks=True)
    monkeypatch.setattr(_postgres, "_binaries", lambda: closed / binaries.relative_to(installed))
    with EmbeddedPostgres(home, durable=False) as url:
        assert value(url, "SELECT 1") == 1
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_a_server_that_does_not_start_is_told_with_what_was_said_of_it(home: Path) -> None:
    """The log's end may be of an earlier start."""
    with EmbeddedPostgres(home, durable=False):
        pass
    (_postgres.places_of(home).data / "global" / "pg_control").unlink()
    with pytest.raises(EmbeddedDatabaseError, match=r"does not start: pg_ctl: error: could not"):
        EmbeddedPostgres(home, durable=False).__enter__()
