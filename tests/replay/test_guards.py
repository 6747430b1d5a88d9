"""What keeps events from being changed: that it is gone is told, though nothing was changed yet."""

from __future__ import annotations

import psycopg
import pytest

from replay.verify import verify


def told(connection: psycopg.Connection) -> list[tuple[str, str]]:
    """What verification tells, by check."""
    return [(each.check, each.what) for each in verify(connection)]


_OFF = 'nothing keeps rows of "ledger"."{}" from being changed: its trigger is gone or is off'
_SHARED = 'no unique index of "ledger"."events" is on {}'
_GUTTED = """
CREATE OR REPLACE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN RETURN NULL; END'
"""
_LESS = """
DROP TRIGGER refuse_change ON ledger.events;
CREATE TRIGGER refuse_change BEFORE DELETE ON ledger.events
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER refuse_change
"""
_OF_SOME = """
DROP INDEX ledger.events_message_key;
CREATE UNIQUE INDEX events_message_key ON ledger.events (source, event_id) WHERE event_id = 'x'
"""


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(
    ("done", "lacking"),
    [
        ("DROP TRIGGER refuse_change ON ledger.events", ["events"]),
        ("ALTER TABLE ledger.events DISABLE TRIGGER refuse_change", ["events"]),
        ("ALTER TABLE ledger.events ENABLE TRIGGER refuse_change", ["events"]),
        ("ALTER TABLE ledger.ledger_head DISABLE TRIGGER ALL", ["ledger_head"]),
        ("DROP TRIGGER refuse_change ON ledger.checkpoints", ["checkpoints"]),
        (_GUTTED, ["events", "ledger_head", "checkpoints"]),
        (_LESS, ["events"]),
    ],
)
def test_a_trigger_that_is_gone_or_off(
    connection: psycopg.Connection, done: str, lacking: list[str]
) -> None:
    """Or that refuses less, or only where the session wants it, or does nothing."""
    assert told(connection) == []
    connection.execute(done)
    assert told(connection) == [("guards", _OFF.format(table)) for table in lacking]


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(
    ("done", "key"),
    [
        ("DROP INDEX ledger.events_position_key", "position"),
        (
            "ALTER TABLE ledger.events DROP CONSTRAINT events_stream_key",
            "originator_id, originator_version",
        ),
        (_OF_SOME, "source, event_id"),
    ],
)
def test_a_key_that_two_events_could_share(
    connection: psycopg.Connection, done: str, key: str
) -> None:
    """No index, or one of some events only."""
    connection.execute(done)
    assert told(connection) == [("guards", _SHARED.format(key))]
