"""Migrations: once, at once, in any schema, by anybody who may; and what they forbid."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import errors, sql

from ledger.errors import NotReady
from ledger.store.migrations import Names, latest_version, migrate, schema_version
from ledger.store.recorder import LedgerRecorder
from projections import install
from tests.store.conftest import OpenDatastore
from tests.store.ledgers import fact


def test_running_again_changes_nothing(database_url: str) -> None:
    """The second run finds the schema there."""
    with psycopg.connect(database_url) as connection:
        assert schema_version(connection) is None
    assert migrate(database_url) == latest_version() == migrate(database_url)
    with psycopg.connect(database_url) as connection:
        assert schema_version(connection) == latest_version()
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'ledger' ORDER BY 1"
        ).fetchall()
    assert [name for (name,) in tables] == [
        "checkpoints",
        "dead_letter_retries",
        "dead_letters",
        "events",
        "ingest_offsets",
        "ledger_head",
        "ledger_migrations",
        "relays",
        "subtrees",
        "tracking",
    ]


def test_many_processes_at_once(database_url: str) -> None:
    """One makes the schema, the others wait and find it."""
    with ThreadPoolExecutor(6) as pool:
        versions = list(pool.map(migrate, [database_url] * 6))
    assert versions == [latest_version()] * 6


def test_a_caller_keeps_its_connection(database_url: str) -> None:
    """The connection comes back open, in the mode it had."""
    with psycopg.connect(database_url) as connection:
        migrate(connection)
        assert not connection.autocommit
        assert connection.execute("SELECT count(*) FROM ledger.ledger_head").fetchone() == (1,)


def test_several_ledgers_in_one_schema(database_url: str, open_datastore: OpenDatastore) -> None:
    """Each has objects of its own, also under the longest name; a longer one is refused."""
    datastore = open_datastore(database_url, schema="public")
    for table in ("events", "stored_events", "x" * 63, "x" * 62 + "y"):
        recorder = LedgerRecorder(datastore, events_table_name=table)
        recorder.create_table()
        with datastore.transaction(commit=True) as cursor:
            assert recorder.append(cursor, [fact("c-1", "m")], expected_head=0).last == 1
    names = Names("public", "x" * 63, "t")
    assert len(names.head) == 63
    assert names.head != Names("public", "x" * 62 + "y", "t").head


def test_a_name_that_needs_quotes(database_url: str, open_datastore: OpenDatastore) -> None:
    """Names are quoted wherever they stand."""
    datastore = open_datastore(database_url, schema="public")
    recorder = LedgerRecorder(datastore, events_table_name="it's odd; \"{}")
    recorder.create_table()
    with datastore.transaction(commit=True) as cursor:
        assert recorder.append(cursor, [fact("c-1")], expected_head=0).last == 1


def test_a_newer_schema_is_refused(ledger_url: str) -> None:
    """An old release does not touch what a newer one made."""
    with psycopg.connect(ledger_url) as connection:
        connection.execute("UPDATE ledger.ledger_head SET schema_version = 999")
    with pytest.raises(NotReady, match="has schema 999"):
        migrate(ledger_url)


def test_a_failing_migration_leaves_nothing(database_url: str) -> None:
    """All or nothing: what stands in the way is told, and nothing was made."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA ledger")
        connection.execute("CREATE VIEW ledger.dead_letters AS SELECT 1 AS one")
        with pytest.raises(errors.DuplicateTable):
            migrate(connection)
        assert schema_version(connection) is None
        connection.execute("DROP VIEW ledger.dead_letters")
        assert migrate(connection) == latest_version()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger.events SET topic = 'x'",
        "UPDATE ledger.events SET topic = 'x' WHERE false",
        "DELETE FROM ledger.events",
        "TRUNCATE ledger.events",
        "DELETE FROM ledger.ledger_head",
        "TRUNCATE ledger.ledger_head",
        "SET session_replication_role = replica; DELETE FROM ledger.events",
    ],
)
def test_change_is_refused_even_to_the_owner(ledger_url: str, statement: str) -> None:
    """The trigger speaks, also where replication would switch it off."""
    with (
        psycopg.connect(ledger_url) as connection,
        pytest.raises(errors.ObjectNotInPrerequisiteState, match="record a correcting event"),
    ):
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger.events SET topic = 'x'",
        "DELETE FROM ledger.events",
        "TRUNCATE ledger.events",
        "LOCK TABLE ledger.events IN EXCLUSIVE MODE",
        "ALTER TABLE ledger.events DISABLE TRIGGER ALL",
        "DELETE FROM ledger.ledger_head",
        "INSERT INTO ledger.ledger_head VALUES (true, 0, now(), '', 1)",
        "UPDATE ledger.ledger_head SET schema_version = 2",
        "DELETE FROM ledger.dead_letters",
        "CREATE TABLE ledger.mine ()",
    ],
)
def test_the_writer_may_not(ledger_url: str, statement: str) -> None:
    """The writer's role lacks the right; no trigger is asked."""
    with psycopg.connect(ledger_url) as connection:
        connection.execute("SET ROLE ledger_writer")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(statement)


def test_the_writer_may_keep_dead_letters(ledger_url: str) -> None:
    """A bad line read twice from one place is kept once, and can be closed."""
    insert = """
        INSERT INTO ledger.dead_letters (kind, origin, error, payload, payload_sha256)
        VALUES ('rejected', 'billing.jsonl:12', 'no amount', '{}', sha256('{}'))
        ON CONFLICT DO NOTHING
    """
    with psycopg.connect(ledger_url) as connection:
        connection.execute("SET ROLE ledger_writer")
        assert connection.execute(insert).rowcount == 1
        assert connection.execute(insert).rowcount == 0
        connection.execute("UPDATE ledger.dead_letters SET status = 'discarded', operator = 'x'")


def test_finance_reader_sees_nothing_here(ledger_url: str) -> None:
    """The finance schema is what that role reads."""
    with psycopg.connect(ledger_url) as connection:
        connection.execute("SET ROLE finance_reader")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("SELECT FROM ledger.events")


def test_a_user_who_may_not_create_roles(database_url: str) -> None:
    """The schema is made all the same; the roles that are there already get their rights."""
    user = f"plain_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(user)))
        try:
            admin.execute(
                sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(
                    sql.Identifier(admin.info.dbname), sql.Identifier(user)
                )
            )
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(user)))
                assert migrate(connection) == latest_version()
                assert migrate(connection) == latest_version()
        finally:
            admin.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(user)))
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(user)))


def test_rights_that_were_lost_come_back(ledger_url: str) -> None:
    """A role made anew by the administrator gets its rights with the next run."""
    with psycopg.connect(ledger_url, autocommit=True) as connection:
        connection.execute("REVOKE ALL ON ledger.events FROM ledger_writer")
        migrate(connection)
        connection.execute("SET ROLE ledger_writer")
        assert connection.execute("SELECT count(*) FROM ledger.events").fetchone() == (0,)


def test_the_writer_finds_the_schema(ledger_url: str, open_datastore: OpenDatastore) -> None:
    """create_table, which the library's factory calls, needs no right where nothing is to do."""
    datastore = open_datastore(ledger_url, role="ledger_writer")
    recorder = LedgerRecorder(datastore, events_table_name="events", tracking_table_name="tracking")
    recorder.create_table()
    assert recorder.max_notification_id() is None


def test_amounts_become_totals_under_the_views_that_show_them(database_url: str) -> None:
    """A ledger of the schema before is upgraded with its rows, and its views come back."""
    migrate(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "ALTER TABLE ledger.events ALTER COLUMN amount TYPE bigint,"
            " ALTER COLUMN in_flight TYPE bigint"
        )
        connection.execute(
            "DELETE FROM ledger.ledger_migrations WHERE migration_id = '0006_totals'"
        )
        connection.execute("UPDATE ledger.ledger_head SET schema_version = 5")
    install(database_url)

    assert migrate(database_url) == latest_version()
    with psycopg.connect(database_url) as connection:
        types = connection.execute(
            "SELECT DISTINCT data_type FROM information_schema.columns WHERE"
            " table_schema = 'ledger' AND table_name = 'events'"
            " AND column_name IN ('amount', 'in_flight')"
        ).fetchall()
        assert types == [("numeric",)]
    install(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT amount FROM finance.commission_history").fetchall() == []
        assert connection.execute("SELECT * FROM finance.leaderboard").fetchall() == []
