"""Rebuild: what differs is put right, and nobody sees anything but whole, present tables."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from psycopg import sql

from events.decisions import SubscriptionChange
from projections import Projector
from projections.rebuild import differences, rebuild
from tests.projections.journal import (
    Journal,
    activated,
    commission,
    fetch,
    paid,
    payment_standing,
    standing,
    term,
    tier,
)

DAY = date(2026, 1, 5)
TABLES = ("balances", "clients", "terms", "tiers", "payments")


@pytest.fixture
def filled(journal: Journal) -> Journal:
    """Thirty clients of three partners, in six appends."""
    for batch in range(6):
        for number in range(5):
            client, partner = f"c{batch}{number}", f"p{number % 3}"
            day = DAY + timedelta(days=batch)
            change = SubscriptionChange(subscription_id=client, before=(), after=(term(day),))
            journal.decide(standing(client, activated(partner, day), day, changes=[change]), day)
            journal.decide(commission(partner, client, day, 100), day)
        journal.append()
    for number in range(3):
        journal.decide(tier(f"p{number}", "referent", DAY), DAY)
    journal.append()
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    for number in (1, 2, 1):
        journal.tell(paid("c00", f"i{number}", DAY, 100), noon)
        journal.append()
    journal.decide(payment_standing("c00", "i2", DAY, 100, 40, payment=journal.position - 1), DAY)
    journal.append()
    return journal


def everything(connection: psycopg.Connection) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all stored projections."""
    return {
        table: connection.execute(
            sql.SQL("SELECT * FROM {} ORDER BY 1, 2, 3").format(
                sql.Identifier("projections", table)
            )
        ).fetchall()
        for table in TABLES
    }


@pytest.mark.parametrize("page", [1, 7, 10_000])
def test_rebuilt_equals_live(filled: Journal, connection: psycopg.Connection, page: int) -> None:
    """D18.6: pages of any size fold to what the appends left."""
    before = everything(connection)
    assert differences(connection, Projector(), page=page) == []
    rebuilt = rebuild(connection, Projector(), page=page)
    assert rebuilt.position == filled.position
    assert set(rebuilt.repaired.values()) == {0}
    assert everything(connection) == before


def test_what_was_tampered_with_is_told_and_put_right(
    filled: Journal, connection: psycopg.Connection
) -> None:
    """A changed, a lost and an invented row of each kind come back as the events say."""
    before = everything(connection)
    connection.execute(
        "UPDATE projections.balances SET earned = earned + 1 WHERE partner_id = 'p1'"
    )
    connection.execute("DELETE FROM projections.clients WHERE client_id = 'c00'")
    connection.execute(
        "INSERT INTO projections.tiers VALUES ('ghost', 'referent', '2026-01-01', 1)"
    )
    connection.execute("TRUNCATE projections.terms")
    connection.execute("UPDATE projections.payments SET net = 41 WHERE invoice_id = 'i2'")
    found = differences(connection, Projector(), page=11)
    assert {(each.projection, each.key) for each in found if each.projection != "terms"} == {
        ("balances", ("p1", "EUR")),
        ("clients", ("c00",)),
        ("tiers", ("ghost",)),
        ("payments", ("i2", "")),
    }
    invented = next(each for each in found if each.projection == "tiers")
    assert invented.rebuilt is None
    assert invented.stored is not None
    rebuilt = rebuild(connection, Projector(), page=11)
    assert rebuilt.repaired == {
        "assignments": 0,
        "balances": 1,
        "clients": 1,
        "terms": 30,
        "tiers": 1,
        "payments": 1,
    }
    assert everything(connection) == before
    assert filled.position == rebuilt.position


def test_wrong_positions_are_put_right(filled: Journal, connection: psycopg.Connection) -> None:
    """A projection that claims another position stands at the ledger's after a rebuild."""
    before = everything(connection)
    connection.execute("UPDATE projections.projections SET position = 99 WHERE name = 'balances'")
    connection.execute("UPDATE projections.projections SET position = 3 WHERE name = 'tiers'")
    rebuild(connection, Projector(), page=11)
    assert everything(connection) == before
    assert set(fetch(connection, "SELECT position FROM projections.projections")) == {
        (filled.position,)
    }


def test_appends_during_a_rebuild_are_in_it(
    filled: Journal, connection: psycopg.Connection
) -> None:
    """Events that come while pages are folded are neither lost nor counted twice."""
    connection.execute("UPDATE projections.balances SET earned = 0")

    def append_one(done: int, of: int) -> None:
        assert done <= of
        filled.decide(commission("p1", "c01", DAY, 100), DAY)
        filled.append()

    rebuild(connection, Projector(), progress=append_one, page=20)
    assert differences(connection, Projector()) == []
    earned = fetch(connection, "SELECT sum(earned) FROM finance.partner_balances")
    lines = fetch(connection, "SELECT sum(amount) FROM finance.commission_history")
    assert earned == lines


def test_open_snapshot_and_views_never_see_half(
    filled: Journal, connection: psycopg.Connection, ledger_database_url: str
) -> None:
    """A REPEATABLE READ reader that read nothing yet sees its own whole state after the swap."""
    connection.execute("UPDATE projections.balances SET earned = earned + 5")
    query = "SELECT partner_id, earned FROM finance.partner_balances ORDER BY 1"
    before = fetch(connection, query)
    with psycopg.connect(ledger_database_url) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("SELECT 1 FROM pg_class LIMIT 1")  # The snapshot is taken here.
        rebuild(connection, Projector(), page=11)
        assert fetch(reader, query) == before
        reader.rollback()
        assert fetch(reader, query) == [(f"p{n}", e - 5) for n, (_, e) in enumerate(before)]
        assert fetch(connection, query) == fetch(reader, query)
    assert filled.position


def test_readers_meanwhile_see_only_whole_states(
    filled: Journal, connection: psycopg.Connection, ledger_database_url: str
) -> None:
    """Readers of the views that never stop see the sum before or the sum after, and never wait."""
    connection.execute("UPDATE projections.balances SET earned = 0")
    seen: set[object] = set()
    stop = threading.Event()

    def read() -> None:
        with psycopg.connect(ledger_database_url, autocommit=True) as reader:
            reader.execute("SET statement_timeout = '2s'")
            while not stop.is_set():
                seen.update(fetch(reader, "SELECT sum(earned) FROM finance.partner_balances"))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        rebuild(connection, Projector(), page=5)
    finally:
        stop.set()
        thread.join()
    assert seen <= {(0,), (3000,)}
    assert filled.position


def test_readers_and_writers_meanwhile_never_see_what_does_not_add_up(
    filled: Journal, connection: psycopg.Connection, ledger_database_url: str
) -> None:
    """Rebuild after rebuild while facts come in: each snapshot holds balances equal to lines."""
    seen: set[object] = set()
    stop = threading.Event()
    query = """
        SELECT (SELECT sum(earned) FROM finance.partner_balances)
            - (SELECT sum(amount) FROM finance.commission_history WHERE in_balance)
    """

    def read() -> None:
        with psycopg.connect(ledger_database_url, autocommit=True) as reader:
            while not stop.is_set():
                seen.update(fetch(reader, query))

    def write() -> None:
        while not stop.is_set():
            filled.decide(commission("p1", "c01", DAY, 100), DAY)
            filled.append()

    with psycopg.connect(ledger_database_url) as old, ThreadPoolExecutor(3) as pool:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        assert fetch(old, query) == [(0,)]
        working = [pool.submit(each) for each in (read, read, write)]
        try:
            for page in (3, 50, 10_000):
                assert set(rebuild(connection, Projector(), page=page).repaired.values()) == {0}
        finally:
            stop.set()
        for each in working:
            each.result()
        assert fetch(old, query) == [(0,)]
    assert seen == {(0,)}
    assert differences(connection, Projector()) == []


def test_role_that_may_not_write_cannot_rebuild(
    filled: Journal, connection: psycopg.Connection
) -> None:
    """The reader of finance is refused, and nothing has changed."""
    before = everything(connection)
    connection.execute("SET ROLE finance_reader")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        rebuild(connection, Projector())
    connection.execute("RESET ROLE")
    assert everything(connection) == before
    assert filled.position
