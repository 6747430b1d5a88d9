"""What the owner of the database changes with the trigger switched off, verification tells."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from replay.as_of import AsOf, Replay
from replay.course import rows_where
from tests.projections.journal import Journal
from tests.replay.plain import hashed, put
from tests.replay.test_verify import LINE, checks, found, tampering, write_ledger

EVENTS = sql.Identifier("ledger", "events")
LAST = 17
MONEY = 11
"""The adjustment: a decision of finance's own."""

COLUMNS = {
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "originator_id": "originator_id || 'x'",
    "originator_version": "originator_version + 100",
    "topic": "'BonusPosted/1'",
    "effective_at": "effective_at + interval '1 microsecond'",
    "day": "day + 1",
    "source": "'/billing'",
    "event_id": "'another'",
    "partner_id": "'p2'",
    "client_id": "'c2'",
    "kind": "'credit'",
    "currency": "'CHF'",
    "amount": "amount + 1",
    "in_flight": "1",
    "tax": "1",
    "posting_day": "posting_day + 1",
    "content": "sha256(content)",
    "leaf": "sha256(leaf)",
}
"""Each column but the position and the state, and another value for it."""


@pytest.fixture(autouse=True)
def ledger(journal: Journal, connection: psycopg.Connection) -> Journal:
    """A sound ledger of seventeen events, of which nothing is told before it is tampered with."""
    written = write_ledger(journal, connection)
    assert found(connection) == []
    return written


def test_a_changed_byte_of_any_event_is_told(connection: psycopg.Connection) -> None:
    """The first, a middle and the last byte of each state, one at a time."""
    for position in range(1, LAST + 1):
        for place in ("0", "length(state) / 2", "length(state) - 1"):
            with tampering(connection) as owner:
                (before,) = owner.execute(
                    "SELECT state FROM ledger.events WHERE position = %s", (position,)
                ).fetchone() or (b"",)
                owner.execute(
                    f"UPDATE ledger.events SET state = set_byte(state, {place},"
                    f" get_byte(state, {place}) # 1) WHERE position = %s",
                    (position,),
                )
                assert ("content", position) in checks(connection)
                owner.execute(
                    "UPDATE ledger.events SET state = %s WHERE position = %s", (before, position)
                )
    assert found(connection) == []


@pytest.mark.parametrize("position", [LINE, MONEY])
def test_a_changed_column_is_told_with_its_place(
    connection: psycopg.Connection, position: int
) -> None:
    """Every typed column is a function of what is hashed; one at a time."""
    for column, other in COLUMNS.items():
        change = f"UPDATE ledger.events SET {column} = {{}} WHERE position = {position}"
        with tampering(connection) as owner:
            (before,) = owner.execute(
                f"SELECT {column} FROM ledger.events WHERE position = {position}"
            ).fetchone() or (None,)
            owner.execute(change.format(other))
            assert position in {place for _, place in checks(connection)}, column
            owner.execute(change.format("%s"), (before,))
    assert found(connection) == []


@pytest.mark.parametrize("position", [1, LINE, LAST])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("recorded_at", "infinity"),
        ("effective_at", "-infinity"),
        ("effective_at", "12026-01-01 00:00+00"),
        ("day", "infinity"),
        ("posting_day", "0044-03-15 BC"),
    ],
)
def test_what_is_in_no_calendar_is_told(
    connection: psycopg.Connection, position: int, column: str, value: str
) -> None:
    """A day or an instant that only the database can hold, of a command, a line and a decision."""
    with tampering(connection) as owner:
        owner.execute(
            f"UPDATE ledger.events SET {column} = %s WHERE position = %s", (value, position)
        )
    told = [each for each in found(connection) if each.position == position]
    assert ("columns", "an instant or a day is in no calendar") in {
        (each.check, each.what) for each in told
    }


@pytest.mark.parametrize("column", ["amount", "in_flight"])
def test_an_amount_that_is_no_number_is_told(connection: psycopg.Connection, column: str) -> None:
    """It is named, whatever cannot be added up because of it."""
    with tampering(connection) as owner:
        owner.execute(f"UPDATE ledger.events SET {column} = 'NaN' WHERE position = {LINE}")
    assert ("columns", LINE) in checks(connection)


@pytest.mark.parametrize("position", [LINE, MONEY])
@pytest.mark.parametrize("column", ["partner_id", "currency", "client_id", "kind"])
def test_a_text_of_two_lines_is_told(
    connection: psycopg.Connection, column: str, position: int
) -> None:
    """In no id is a line break: of a sealed month, too, whose statement is made with it."""
    with tampering(connection) as owner:
        owner.execute(
            f"UPDATE ledger.events SET {column} = %s WHERE position = %s", ("a\nb", position)
        )
    assert ("columns", position) in checks(connection)


@pytest.mark.parametrize("position", [LINE, MONEY])
def test_an_amount_that_is_wider_than_any_is_told(
    connection: psycopg.Connection, position: int
) -> None:
    """As wide as its column: of a sealed month, too, whose statement is made with it."""
    with tampering(connection) as owner:
        owner.execute(
            "UPDATE ledger.events SET amount = %s WHERE position = %s", (10**38 - 1, position)
        )
    assert ("columns", position) in checks(connection)


FAR = 2**63 - 1


@pytest.mark.parametrize("position", [LINE, LAST])
def test_a_row_that_is_moved_far_off_is_told(connection: psycopg.Connection, position: int) -> None:
    """And soon: positions between are not looked for."""
    with tampering(connection) as owner:
        owner.execute("UPDATE ledger.events SET position = %s WHERE position = %s", (FAR, position))
    told = checks(connection)
    assert ("positions", FAR) in told
    assert ("positions", position) in told or position == LAST


def test_a_head_that_tells_of_no_end_is_told(connection: psycopg.Connection) -> None:
    """Whatever number and instant it has."""
    for change in (f"position = {FAR}", "recorded_at = 'infinity'"):
        connection.execute(f"UPDATE ledger.ledger_head SET {change}")
        assert "head" in {check for check, _ in checks(connection)}


def test_no_column_is_left_out(connection: psycopg.Connection) -> None:
    """A column that comes later needs a check of its own."""
    names = connection.execute(
        "SELECT attname FROM pg_attribute"
        " WHERE attrelid = 'ledger.events'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    assert {name for (name,) in names} == {*COLUMNS, "position", "state"}


@pytest.mark.parametrize("position", [1, LINE, LAST])
def test_a_removed_row_is_told(connection: psycopg.Connection, position: int) -> None:
    """The first, one in the middle, the last."""
    with tampering(connection) as owner:
        owner.execute("DELETE FROM ledger.events WHERE position = %s", (position,))
    told = checks(connection)
    assert ("head", None) in told
    assert ("positions", position) in told or position == LAST


def test_a_removed_row_is_told_though_all_moved_up(connection: psycopg.Connection) -> None:
    """Positions without a gap and a head to match: the leaves are of other places."""
    with tampering(connection) as owner:
        owner.execute("DELETE FROM ledger.events WHERE position = 6")
        for position in range(7, LAST + 1):
            owner.execute(
                "UPDATE ledger.events SET position = position - 1 WHERE position = %s", (position,)
            )
        owner.execute("UPDATE ledger.ledger_head SET position = position - 1")
    assert {("leaf", position) for position in range(6, LAST)} <= checks(connection)


def test_swapped_rows_are_told(connection: psycopg.Connection) -> None:
    """Two events of one append that change places."""
    with tampering(connection) as owner:
        for one, other in ((LINE, 100), (LINE + 1, LINE), (100, LINE + 1)):
            owner.execute(
                "UPDATE ledger.events SET position = %s WHERE position = %s", (other, one)
            )
    assert {("leaf", LINE), ("leaf", LINE + 1)} <= checks(connection)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE projections.balances SET adjusted = adjusted - 1",
        "UPDATE projections.balances SET currency = 'CHF'",
        "UPDATE projections.clients SET partner_id = 'p2'",
        "UPDATE projections.clients SET counted_on = counted_on + 1",
        "UPDATE projections.terms SET price = price + 1",
        "UPDATE projections.tiers SET tier = 'strategic'",
        "DELETE FROM projections.balances",
        "DELETE FROM projections.terms",
        "INSERT INTO projections.tiers VALUES ('ghost', 'referent', '2026-01-01', 1)",
        "UPDATE projections.projections SET position = position - 1 WHERE name = 'terms'",
    ],
)
def test_a_wrong_projection_is_told(connection: psycopg.Connection, statement: str) -> None:
    """D18.6: a changed, a lost, an invented row, a position that is not the head's."""
    connection.execute(statement)
    assert {check for check, _ in checks(connection)} == {"D18.6"}


def test_a_balance_that_all_columns_agree_on_is_told(connection: psycopg.Connection) -> None:
    """D18.6: the same wrong amount in the events' column and in the projection."""
    with tampering(connection) as owner:
        owner.execute("UPDATE ledger.events SET amount = amount + 5 WHERE position = %s", (LINE,))
        owner.execute("UPDATE projections.balances SET earned = earned + 5")
    told = [each for each in found(connection) if each.check == "D18.6"]
    assert [each.partner_id for each in told] == ["p1"]
    assert "1185" in told[0].what
    assert "1180" in told[0].what


def test_postings_that_do_not_sum_to_zero_are_told(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D18.4: an account that lost a posting; what is owed is not what the accounts owe."""
    whole = Replay.trial_balance

    def short(self: Replay, at: AsOf) -> Iterator[dict[str, object]]:
        for row in whole(self, at):
            lost = 1 if row["account"] == "partner_payable" else 0
            yield {**row, "balance": int(str(row["balance"])) + lost}

    monkeypatch.setattr(Replay, "trial_balance", short)
    told = found(connection)
    assert {each.check for each in told} == {"D18.4"}
    assert told[0].what == "the postings in EUR sum to 1"
    assert "partner_payable in EUR" in told[1].what


def test_a_zone_of_which_no_day_can_be_told(connection: psycopg.Connection) -> None:
    """With hashes to match: what does not need the programme is looked at for all that."""
    (row,) = rows_where(connection, EVENTS, sql.SQL("position = 1"))
    other = hashed(row._replace(state=row.state.replace(b"Europe/Paris", b"Europe/Pari4")))
    assert other != row
    with tampering(connection) as owner:
        put(owner, other)
    assert {("state", 1), ("frontier", None)} <= checks(connection)
