"""Each line of any history is explained, and its arithmetic comes to what was recorded."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, settings

from replay.as_of import Replay
from replay.explaining.explanation import explain
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import play
from tests.properties.stories import Story
from tests.rules.ledger_adapter import _database, open_ledger
from tests.rules.looking import looking

_EACH = 7
"""Of events that are no lines, every so-manieth: explaining all would take minutes."""

TOLD_BY_THE_ENGINE = frozenset({"ClawbackWaived", "AdjustmentPosted"})
"""Whose amount follows from all facts, not from the members of the events named."""


@settings(
    max_examples=max(4, settings().max_examples // 16),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(story=stories_of_every_rule())
def test_every_event_is_explained_and_every_line_comes_out(story: Story) -> None:
    """All that an event names is found before it; no explanation contradicts its line."""
    with open_ledger() as ledger, looking(_database()) as connection:
        play(story, ledger)
        replay = Replay(connection)
        at = replay.resolve()
        lines = {int(str(row["position"])) for row in replay.history(at)}
        for position in sorted(lines | set(range(1, at.position + 1, _EACH))):
            found = explain(replay, position, at)
            assert found.agrees is not False, (position, found.document())
            assert all(fact.position < position for fact in found.facts)
            assert all(later.position > position for later in found.linked)
            if found.arithmetic is not None:
                assert found.rule is not None
                late = found.event.data.get("line") is not None
                if found.event.type not in TOLD_BY_THE_ENGINE and not late:
                    assert found.agrees, (position, found.document())
                assert found.decided_by is not None
            assert found.document()["event"]
