"""A preview decides what the run then decides, and writes nothing (D8.1)."""

from __future__ import annotations

from datetime import timedelta

import psycopg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from events.base import Decision
from events.codec import decode_state
from events.course import AccrualCompleted, PartnerAccrued
from events.lines import OverridePosted
from tests.model.commands import Accrue
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import last_run, play
from tests.properties.stories import Story
from tests.rules.ledger_adapter import RealLedger, open_ledger


def _recorded(ledger: RealLedger, after: int) -> list[Decision]:
    """What a run recorded, without its course."""
    with psycopg.connect(ledger.url) as connection:
        rows = connection.execute(
            "SELECT topic, state FROM ledger.events WHERE position > %s ORDER BY position", (after,)
        ).fetchall()
    events = [decode_state(topic, state) for topic, state in rows]
    return [
        event
        for event in events
        if isinstance(event, Decision) and not isinstance(event, PartnerAccrued | AccrualCompleted)
    ]


def _alike(decision: Decision) -> tuple[object, ...]:
    """A decision but for positions that only a recorded run can have."""
    members = dict(decision.__dict__)
    members.pop("run", None)
    if isinstance(decision, OverridePosted):
        members.pop("line")
    return (type(decision).__name__, sorted(members.items(), key=lambda member: member[0]))


@settings(
    max_examples=max(6, settings().max_examples // 5),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking a story on a database takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(story=stories_of_every_rule(), days=st.sampled_from([0, 1, 40, 400]))
def test_a_preview_is_what_the_run_decides(story: Story, days: int) -> None:
    """In its order; the ledger stands where it stood until then."""
    with open_ledger() as ledger:
        play(story, ledger)
        through = last_run(story) + timedelta(days=days)
        with ledger.application.preview(through) as found:
            shown = [_alike(decision) for decision in found.decisions]
        play([Accrue(through)], ledger)
        assert shown == [_alike(decision) for decision in _recorded(ledger, found.position)]
