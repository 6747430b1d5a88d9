"""All that a ledger does, by a login that is a member of ``ledger_writer`` and owns nothing."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import errors, sql

from ledger.commanding.commanding import _COMMANDS_LOCK
from tests.interfaces.commands import BILLING, Commands

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
LOCKS = OPERATIONS.read_text("utf-8").partition("### Locks that readers can take\n")[2]
WHO, REVOKE = re.findall(r"^```sql\n(.*?)^```$", LOCKS, re.MULTILINE | re.DOTALL)[:2]
"""The queries of the manual: who holds which lock, and who may take one."""
PERSONS = ("--requested-by", "ann", "--approved-by", "bob")
FINANCE = ("--partner", "p-alpha", "--currency", "EUR", "--reason", "goodwill", *PERSONS)


@contextmanager
def member_of(role: str, url: str) -> Iterator[str]:
    """The address of a database for a new login whose only right is to be a member of a role."""
    name = f"login_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'tests' IN ROLE {}").format(
                sql.Identifier(name), sql.Identifier(role)
            )
        )
        yield _as_login(url, name, "tests")
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (name,)
        )
        admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.fixture
def writer_url(ledger_database_url: str) -> Iterator[str]:
    """The address of a ledger's database for a login that may only write it."""
    with member_of("ledger_writer", ledger_database_url) as url:
        yield url


def _as_login(url: str, name: str, password: str) -> str:
    """The address with another user; a socket's place stays where it was."""
    split = urlsplit(url)
    place = split.netloc.rpartition("@")[2]
    return split._replace(netloc=f"{name}:{password}@{place}").geturl()


@pytest.fixture
def writer(writer_url: str, capsys: pytest.CaptureFixture[str]) -> Commands:
    """The command line as that login."""
    return Commands(writer_url, capsys)


def test_a_ledger_s_whole_life_as_the_writer(
    writer: Commands, ledger_database_url: str, tmp_path: Path
) -> None:
    """Adopt, ingest, accrue, pay, settle, adjust, credit, close, ask, rebuild, verify."""
    writer.done("programme", "adopt", "izyinbox")
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(BILLING.read_bytes() + b"{}\n")
    assert writer("ingest", bad).status == 1
    writer.done("accrue", "--through", "2026-06-30")
    paid = writer.done("payouts", "run", "--cutoff", "2026-06-30", "--format", "json").rows
    assert paid
    writer.done("adjust", *FINANCE, "--amount", "-100")
    writer.done("credit", *FINANCE, "--amount", "250")
    writer.done("close", "2026-06", "--acknowledge")
    settled = tmp_path / "settled.jsonl"
    settled.write_text(_settlement(paid[0]), encoding="utf-8")
    writer.done("ingest", settled)
    for query in (
        ("balances",),
        ("balances", "--effective-at", "2026-05-31"),
        ("history", "--all"),
        ("tiers", "--history"),
        ("tiers", "--explain", "p-alpha"),
        ("kpi", "p-alpha"),
        ("kpi", "--programme"),
        ("leaderboard", "--quarter", "2026Q2"),
        ("statement", "p-alpha", "--month", "2026-06"),
        ("trial-balance",),
        ("claims",),
        ("unresolved",),
        ("payouts", "list"),
        ("dead-letters", "list"),
    ):
        assert writer.done(*query, "--format", "json").rows, query
    writer.done("rebuild")
    writer.done("verify")
    letter = writer.done("dead-letters", "list", "--format", "json").rows[0]["id"]
    writer.done("dead-letters", "discard", letter)
    (shown,) = writer.done("programme", "show", "--format", "json").rows
    assert shown["operator"] == urlsplit(writer.url).username
    with psycopg.connect(ledger_database_url) as owner:
        owned = "SELECT count(*) FROM pg_tables WHERE tableowner = %s"
        assert owner.execute(owned, (shown["operator"],)).fetchone() == (0,)


def test_a_rebuild_by_the_writer_puts_right_what_was_wrong(
    writer: Commands, ledger_database_url: str
) -> None:
    """Its rights on the projections are enough to repair them."""
    writer.done("programme", "adopt", "izyinbox")
    writer.done("ingest", BILLING)
    writer.done("accrue", "--through", "2026-06-30")
    before = writer.done("balances", "--format", "json").rows
    with psycopg.connect(ledger_database_url) as owner:
        owner.execute("UPDATE projections.balances SET earned = earned + 1")
        owner.execute("DELETE FROM projections.clients")
    assert writer("verify").status == 1
    writer.done("rebuild")
    writer.done("verify")
    assert writer.done("balances", "--format", "json").rows == before


@pytest.mark.parametrize(
    "verb",
    ["UPDATE ledger.events SET topic = ''", "DELETE FROM ledger.events", "TRUNCATE ledger.events"],
)
def test_the_login_may_not_change_what_is_recorded(writer_url: str, verb: str) -> None:
    """Not a right of the role, and none of its own."""
    with (
        psycopg.connect(writer_url) as connection,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        connection.execute(verb)


def test_a_login_without_the_right_is_told_which_it_needs(
    billing: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line: who reads the views of finance runs no command."""
    with member_of("finance_reader", billing.url) as url:
        reader = Commands(url, capsys)
        for command in (("balances",), ("ingest", BILLING), ("accrue", "--through", "2026-07-01")):
            assert "ledger_writer" in reader.refused(*command)


def test_a_reader_s_lock_is_found_and_ended_as_the_manual_says(
    writer: Commands, ledger_database_url: str
) -> None:
    """Who keeps commands waiting is told by the first query; ended, commands go on."""
    writer.done("programme", "adopt", "izyinbox")
    with (
        member_of("finance_reader", ledger_database_url) as url,
        psycopg.connect(url, autocommit=True) as reader,
        psycopg.connect(ledger_database_url, autocommit=True) as admin,
    ):
        reader.execute("SELECT pg_advisory_lock(%s)", (_COMMANDS_LOCK,))
        held = admin.execute(WHO.encode()).fetchall()
        assert [row[:2] + row[-2:] for row in held] == [
            (reader.info.backend_pid, reader.info.user, True, True)
        ]
        admin.execute("SELECT pg_terminate_backend(%s, 10000)", held[0][:1])
        assert admin.execute(WHO.encode()).fetchall() == []
        writer.done("accrue", "--through", "2026-06-30")


def test_locks_taken_from_readers_are_left_to_writers(
    writer: Commands, ledger_database_url: str
) -> None:
    """By the second query: the reader is refused every one, a writer's commands and facts go on."""
    writer.done("programme", "adopt", "izyinbox")
    with psycopg.connect(ledger_database_url, autocommit=True) as admin:
        admin.execute(REVOKE.replace("ledger_owner, ", "").encode())
        with (
            member_of("finance_reader", ledger_database_url) as url,
            psycopg.connect(url, autocommit=True) as reader,
        ):
            for lock in ("lock", "lock_shared", "xact_lock", "xact_lock_shared"):
                for name in (f"pg_advisory_{lock}", f"pg_try_advisory_{lock}"):
                    for key in ("1", "1, 2"):
                        with pytest.raises(errors.InsufficientPrivilege):
                            reader.execute(f"SELECT {name}({key})".encode())
    writer.done("ingest", BILLING)
    writer.done("accrue", "--through", "2026-06-30")
    writer.done("verify")


@pytest.mark.parametrize(
    "older",
    [
        "UPDATE ledger.ledger_head SET schema_version = 5",
        "COMMENT ON SCHEMA projections IS 'definition 0'",
    ],
    ids=["schema", "projections"],
)
def test_a_writer_that_is_newer_than_the_database_is_told_who_upgrades_it(
    writer: Commands, ledger_database_url: str, older: str
) -> None:
    """It has every right that a writer needs: what it lacks is an upgrade."""
    writer.done("programme", "adopt", "izyinbox")
    with psycopg.connect(ledger_database_url) as connection:
        connection.execute(older)
    outcome = writer("balances")
    assert outcome.status == 1
    assert "the database is of another release" in outcome.err
    assert "run one command of this release as the owner" in outcome.err


def test_a_reader_is_told_what_it_may(ledger_database_url: str, writer: Commands) -> None:
    """Commands are not for finance, whatever the release."""
    writer.done("programme", "adopt", "izyinbox")
    with member_of("finance_reader", ledger_database_url) as url:
        outcome = Commands(url, writer._capture)("balances")
    assert outcome.status == 1
    assert "finance reads the views of the schema finance" in outcome.err


def _settlement(payout: dict[str, object]) -> str:
    """The bank's word on a payout, as a line of a file."""
    return (
        '{"specversion":"1.0","id":"bank-1","source":"/bank","type":"payout.settled",'
        '"time":"2026-07-03T10:00:00+02:00","data":{'
        f'"partner_id":"{payout["partner_id"]}","payout_id":"{payout["payout_id"]}",'
        f'"amount":{payout["amount"]},"currency":"{payout["currency"]}"}}}}\n'
    )
