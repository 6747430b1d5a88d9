"""What a command does before it has a ledger: addresses, versions, encodings."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from interfaces import bootstrap
from interfaces.settings import Settings
from ledger.errors import NotReady
from tests.conftest import drop_database, url_of
from tests.e2e.commands import start
from tests.interfaces.commands import Commands


@pytest.fixture
def latin_url(server_url: str) -> Iterator[str]:
    """A database that is not in UTF-8."""
    name = "test_latin_1"
    with psycopg.connect(server_url, autocommit=True) as admin:
        drop_database(admin, name)
        admin.execute(
            sql.SQL(
                "CREATE DATABASE {} TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc"
                " LOCALE 'C'"
            ).format(sql.Identifier(name))
        )
    yield url_of(server_url, name)
    with psycopg.connect(server_url, autocommit=True) as admin:
        drop_database(admin, name)


def test_a_database_in_another_encoding_is_refused(
    latin_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the statement that makes a right one."""
    outcome = Commands(latin_url, capsys)("programme", "adopt", "izyinbox")
    assert outcome.status == 1
    assert "ENCODING 'UTF8'" in outcome.err


def test_an_old_postgresql_is_refused() -> None:
    """A ledger needs 15 or later."""
    old = SimpleNamespace(info=SimpleNamespace(server_version=140_013))
    with pytest.raises(NotReady, match="PostgreSQL 14; a ledger needs 15"):
        bootstrap.check_server(cast("psycopg.Connection[Any]", old))


def test_a_database_of_a_newer_release_is_refused_and_left_alone(adopted: Commands) -> None:
    """By commands that read and by commands that write."""
    with psycopg.connect(adopted.url, autocommit=True) as admin:
        admin.execute("UPDATE ledger.ledger_head SET schema_version = 99")
    for command in (("balances",), ("accrue", "--through", "2026-06-30"), ("demo", "--again")):
        outcome = adopted(*command)
        assert outcome.status == 1
        assert "99" in outcome.err
    with psycopg.connect(adopted.url) as admin:
        assert admin.execute("SELECT MAX(position) FROM ledger.events").fetchone() == (1,)


def test_an_empty_database_stays_empty_until_a_programme_is_adopted(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A query makes nothing; the first adoption makes the ledger."""
    commissions = Commands(database_url, capsys)
    assert commissions("balances").status == 1
    with psycopg.connect(database_url) as admin:
        assert admin.execute("SELECT to_regnamespace('ledger')").fetchone() == (None,)
    commissions.done("programme", "adopt", "izyinbox")
    assert commissions.done("balances", "--format", "json").rows == []


def test_several_first_adoptions_at_once_make_one_ledger(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One makes schema, roles and ledger; the others are refused in one line."""
    processes = [
        start("--database", database_url, "programme", "adopt", "izyinbox") for _ in range(4)
    ]
    said = [process.communicate(timeout=60)[1].decode() for process in processes]
    assert sorted(process.returncode for process in processes) == [0, 1, 1, 1], said
    for process, error in zip(processes, said, strict=True):
        lines = [line for line in error.splitlines() if not line.startswith("{")]
        assert len(lines) == process.returncode
        assert all("is adopted already" in line for line in lines)
    Commands(database_url, capsys).done("verify")


def test_an_address_keeps_what_it_says() -> None:
    """Ours are defaults; a socket's directory and an SSL mode go along."""
    said = conninfo_to_dict(
        bootstrap.conninfo_of(
            "postgresql://me@/ledger?host=%2Frun%2Fpg&sslmode=verify-full&application_name=mine"
        )
    )
    assert said["host"] == "/run/pg"
    assert said["sslmode"] == "verify-full"
    assert said["application_name"] == "mine"
    assert said["keepalives_idle"] == "30"
    with pytest.raises(NotReady) as wrong:
        bootstrap.conninfo_of("postgresql//me:s3cret@db")
    assert "s3cret" not in str(wrong.value)


def test_the_variable_of_the_environment_names_the_database(
    ledger_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its user is the operator."""
    monkeypatch.setenv("COMMISSIONS_DATABASE_URL", ledger_database_url)
    with bootstrap.connect(Settings()) as database:
        assert database.operator == "postgres"
        assert not bootstrap.has_programme(database.connection)
