"""D18.10 for runs: decided again on the events up to its own position, a run decides the same."""

from __future__ import annotations

import psycopg
from hypothesis import HealthCheck, Phase, given, settings

from ledger.store import merkle
from projections import Projector
from projections.registry import STORED
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import play
from tests.properties.stories import Story, stories
from tests.rules.ledger_adapter import RealLedger, _database, open_ledger

_EVENTS = """
    SELECT position, originator_id, originator_version, topic, convert_from(state, 'UTF8') AS state
    FROM ledger.events ORDER BY position
"""


def cut_after(position: int) -> None:
    """Take the ledger back to what it was at a position, as only its owner can."""
    with psycopg.connect(_database()) as connection:
        connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER refuse_change")
        connection.execute("DELETE FROM ledger.events WHERE position > %s", (position,))
        connection.execute("ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER refuse_change")
        leaves = connection.execute("SELECT leaf FROM ledger.events ORDER BY position").fetchall()
        connection.execute(
            "UPDATE ledger.ledger_head SET position = %s, frontier = %s, recorded_at ="
            " (SELECT max(recorded_at) FROM ledger.events)",
            (position, merkle.append(b"", 0, [bytes(leaf) for (leaf,) in leaves])),
        )
        for each in STORED:
            connection.execute(f"TRUNCATE projections.{each.name}")
        connection.execute("UPDATE projections.projections SET position = 0")
        with connection.cursor() as cursor:
            Projector().merge(cursor, 0, position)


@settings(
    max_examples=max(6, settings().max_examples // 8),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking a story on a database takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(story=stories() | stories_of_every_rule())
def test_a_run_decided_again_decides_the_same(story: Story) -> None:
    """Whatever was recorded since: it is not there any more, or it would not have been read."""
    with open_ledger() as ledger:
        play(story, ledger)
        recorded = ledger._select(_EVENTS)
        runs = [event["position"] for event in recorded if event["topic"] == "accrual.run/1"]
        for run in sorted(map(int, map(str, runs)), reverse=True):
            cut_after(run)
            again = RealLedger()
            again.application._finish(None)
            decided = again._select(_EVENTS)
            assert decided[-1]["topic"] == "AccrualCompleted/1"
            assert decided == recorded[: len(decided)]
