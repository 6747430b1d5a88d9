"""Statements: a month's lines between two balances, and what a close fixes for ever (D16)."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import date

import psycopg
import pytest

from events.finance import PeriodClosed
from ledger.errors import Refused
from ledger.store import merkle
from replay.as_of import Replay
from replay.statements import Statements, last_day, seal, to_csv
from tests.projections.journal import Journal, commission
from tests.projections.test_projector import closed, initiated

JAN, FEB, MAR = date(2026, 1, 5), date(2026, 2, 5), date(2026, 3, 5)
CUTOFF = date(2026, 1, 31)


@pytest.fixture
def ledger(journal: Journal) -> Journal:
    """January and February of two partners, not closed."""
    journal.decide(commission("p1", "c1", FEB, 500), FEB)
    journal.decide(commission("p1", "c2", JAN, 1000), JAN)
    journal.decide(commission("p1", "c3", JAN, 300, currency="USD"), JAN)
    journal.decide(commission("p2", "c4", FEB, 700), FEB)
    journal.decide(initiated("po-1", "p1", 1000, CUTOFF), CUTOFF)
    journal.append()
    return journal


def close(journal: Journal, month: str) -> int:
    """Close a month by hand; returns the position of the close."""
    day = last_day(month)
    position = journal.decide(PeriodClosed(month=month, operator="tests"), day)
    journal.append()
    return position


def effects(statements: Statements, month: str, partner_id: str = "p1") -> list[object]:
    """Currency, opening, positions and closing of each account."""
    at = Replay(statements.connection).resolve()
    return [
        (a.currency, a.opening, [line["position"] for line in a.lines], a.closing)
        for a in statements.of(partner_id, month, at).accounts
    ]


@pytest.mark.usefixtures("ledger")
def test_openings_lines_and_closings(connection: psycopg.Connection) -> None:
    """A month begins where the one before ended, per currency, by posting date and position."""
    statements = Statements(connection)
    assert effects(statements, "2025-12") == []
    assert effects(statements, "2026-01") == [("EUR", 0, [2, 5], 0), ("USD", 0, [3], 300)]
    assert effects(statements, "2026-02") == [("EUR", 0, [1], 500), ("USD", 300, [], 300)]
    assert effects(statements, "2026-03") == [("EUR", 500, [], 500), ("USD", 300, [], 300)]
    assert effects(statements, "2026-01", "nobody") == []


def test_a_closed_statement_never_changes(ledger: Journal, connection: psycopg.Connection) -> None:
    """D18.9: later events, late lines and settlements leave its bytes as they are."""
    statements, replay = Statements(connection), Replay(connection)
    open_month = statements.of("p1", "2026-01", replay.resolve())
    assert open_month.position is None
    position = close(ledger, "2026-01")
    first = statements.of("p1", "2026-01", replay.resolve())
    assert first.position == position
    late = commission("p1", "c2", JAN, 50, posting_date=date(2026, 2, 1))
    ledger.decide(late, JAN)
    ledger.decide(closed("po-1", "settled", FEB, in_flight=1000, paid=900), FEB)
    ledger.append()
    again = statements.of("p1", "2026-01", replay.resolve())
    assert again.canonical() == first.canonical()
    assert effects(statements, "2026-02")[0] == ("EUR", 0, [7, 1, 8], 650)
    # As of a position before its close the month was open.
    assert statements.of("p1", "2026-01", replay.resolve(position=5)).position is None


def test_a_closed_statement_names_the_root_at_its_close(
    ledger: Journal, connection: psycopg.Connection
) -> None:
    """The root is the one that the head had right after the close."""
    position = close(ledger, "2026-01")
    row = connection.execute("SELECT frontier FROM ledger.ledger_head").fetchone()
    assert row is not None
    root = merkle.root(row[0], position).hex()
    ledger.decide(commission("p1", "c1", MAR, 500), MAR)
    ledger.append()
    at = Replay(connection).resolve()
    statement = Statements(connection).of("p1", "2026-01", at)
    assert (statement.position, statement.root) == (position, root)
    document = json.loads(statement.canonical())
    assert (document["status"], document["root"]) == ("closed", root)
    nobody = Statements(connection).of("nobody", "2026-01", at)
    assert (nobody.root, nobody.accounts) == (root, ())


def test_the_first_close_closes_all_months_before(
    ledger: Journal, connection: psycopg.Connection
) -> None:
    """D16: the first close may name any month."""
    position = close(ledger, "2026-02")
    statements = Statements(connection)
    assert statements.closed_at("2026-01", position) == position
    assert statements.closed_at("2026-02", position) == position
    assert statements.closed_at("2026-03", position) is None
    assert statements.closed_at("2026-01", position - 1) is None


def test_seal_is_one_hash_over_all_statements(
    ledger: Journal, connection: psycopg.Connection
) -> None:
    """In the order of partners, those without a line in the month included."""
    position = close(ledger, "2026-02")
    statements, at = Statements(connection), Replay(connection).resolve()
    joined = b"".join(statements.of(p, "2026-02", at).canonical() for p in ("p1", "p2"))
    with connection.cursor() as cursor:
        sealed = seal(cursor, "2026-02", position)
    assert sealed == (2, hashlib.sha256(joined).hexdigest())
    ledger.decide(commission("p1", "c1", MAR, 500), MAR)
    ledger.append()
    with connection.cursor() as cursor:
        assert seal(cursor, "2026-02", position) == sealed


def test_seal_of_a_ledger_without_money(journal: Journal, connection: psycopg.Connection) -> None:
    """No statements: the hash of nothing."""
    position = close(journal, "2026-01")
    with connection.cursor() as cursor:
        assert seal(cursor, "2026-01", position) == (0, hashlib.sha256(b"").hexdigest())


@pytest.mark.usefixtures("ledger")
def test_up_to_a_day_a_statement_lacks_what_happens_later(connection: psycopg.Connection) -> None:
    """The effective axis: the payout of the 31st has not happened on the 30th."""
    at = Replay(connection).resolve(effective_at=date(2026, 1, 30))
    statement = Statements(connection).of("p1", "2026-01", at)
    assert [account.closing for account in statement.accounts] == [1000, 300]


@pytest.mark.usefixtures("ledger")
def test_csv(connection: psycopg.Connection) -> None:
    """Minor units, the opening balance above and the closing one below the lines."""
    statement = Statements(connection).of("p1", "2026-01", Replay(connection).resolve())
    rows = list(csv.DictReader(io.StringIO(to_csv(statement))))
    assert [(row["currency"], row["kind"], row["balance"]) for row in rows] == [
        ("EUR", "opening_balance", "0"),
        ("EUR", "commission", "1000"),
        ("EUR", "payout_initiated", "0"),
        ("EUR", "closing_balance", "0"),
        ("USD", "opening_balance", "0"),
        ("USD", "commission", "300"),
        ("USD", "closing_balance", "300"),
    ]
    assert [row["facts"] for row in rows[:3]] == ["", "1", ""]


@pytest.mark.usefixtures("ledger")
def test_the_seal_is_over_what_it_always_was(connection: psycopg.Connection) -> None:
    """The positions of grounds are shown, but closes of before have not hashed them."""
    statement = Statements(connection).of("p1", "2026-01", Replay(connection).resolve())
    (first, *_) = json.loads(statement.canonical())["accounts"][0]["lines"]
    assert set(first) == {
        "amount", "base", "client_id", "effect", "kind", "position", "posting_date",
        "programme_version", "rate", "rule", "service_date", "service_end", "subscription_id",
    }  # fmt: skip


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "26-01", "2026-01-01", "", "0000-01"])
def test_a_month_that_is_none_is_refused(connection: psycopg.Connection, month: str) -> None:
    """It is written YYYY-MM."""
    with pytest.raises(Refused, match="YYYY-MM"):
        Statements(connection).of("p1", month, Replay(connection).resolve())
