"""What finance reads: that a view or a function is another one is told, whatever events say."""

from __future__ import annotations

import psycopg
import pytest

from projections.installation import install
from tests.replay.test_guards import told

_OTHER = "the {} is not as this release makes it"
_ALL_STRATEGIC = """
CREATE OR REPLACE VIEW finance.tier_status AS
SELECT partner_id, 'strategic'::text COLLATE "C" AS tier, since, position FROM projections.tiers
"""
_A_TABLE = """
DROP VIEW finance.clients;
CREATE TABLE finance.clients ()
"""
_NEVER = """
CREATE OR REPLACE FUNCTION projections.position_at (known_at timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN 0; END'
"""
_BALANCES = "finance.balances_as_of(timestamptz, date)"


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(
    ("done", "other"),
    [
        (_ALL_STRATEGIC, "view finance.tier_status"),
        ("DROP VIEW finance.receivables", "view finance.receivables"),
        ("ALTER VIEW finance.statements SET (security_invoker)", "view finance.statements"),
        (_A_TABLE, "view finance.clients"),
        (_NEVER, "function projections.position_at"),
        (f"DROP FUNCTION {_BALANCES}", "function finance.balances_as_of"),
        (f"ALTER FUNCTION {_BALANCES} SECURITY INVOKER", "function finance.balances_as_of"),
        (f"ALTER FUNCTION {_BALANCES} RESET search_path", "function finance.balances_as_of"),
    ],
)
def test_another_view_or_function(connection: psycopg.Connection, done: str, other: str) -> None:
    """One with other words, one that is gone, one that runs otherwise, a table in its place."""
    assert told(connection) == []
    connection.execute(done)
    assert told(connection) == [("views", _OTHER.format(other))]


@pytest.mark.usefixtures("journal")
def test_they_are_made_anew_if_the_schema_does_not_say_that_they_are(
    connection: psycopg.Connection,
) -> None:
    """As docs/operations.md has it."""
    connection.execute(f"DROP FUNCTION {_BALANCES}")
    connection.execute(_ALL_STRATEGIC)
    connection.execute("COMMENT ON SCHEMA projections IS NULL")
    install(connection)
    assert told(connection) == []


@pytest.mark.usefixtures("journal")
def test_what_was_made_to_compare_is_gone(connection: psycopg.Connection) -> None:
    """So that it may be done again, and nothing shadows what others read."""
    for _ in range(2):
        assert told(connection) == []
    left = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'v'"
        " UNION SELECT proname FROM pg_proc WHERE pronamespace = pg_my_temp_schema()"
    )
    assert left.fetchall() == []
