"""D18.10: a log decided again, in memory, brings the decisions that were recorded."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, settings

from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import decided_otherwise, play
from tests.properties.stories import Story, stories
from tests.rules.commands import retract
from tests.rules.dsl import Given
from tests.rules.facts import accrue, activated, certified, enrolled, lead, referred
from tests.rules.ledger_adapter import open_ledger


@settings(
    max_examples=max(20, settings().max_examples // 2),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking a story on a database takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(story=stories() | stories_of_every_rule())
def test_a_log_decided_again_brings_the_same_decisions(story: Story) -> None:
    """Lines, tiers, standings, answers, payouts, with every position that they name."""
    with open_ledger() as ledger:
        play(story, ledger)
        assert decided_otherwise() == []
        assert decided_otherwise(part_events=1) == []


def test_a_retraction_is_decided_again() -> None:
    """D9.5: what was voided, taken back and posted anew to another, a payment's place included."""
    with open_ledger() as ledger:
        story = Given(ledger)(
            enrolled("2024-01-01"),
            enrolled("2024-01-01", "p2"),
            referred("2024-01-05", id="claim"),
            activated("2024-01-10", id="active"),
            lead("2024-01-05", "l", client="c2", id="lead"),
            activated("2024-01-11", "c2"),
            certified("2024-01-06", id="report"),
            accrue("2024-02-29"),
        )
        story.when(
            *(retract("claim"), retract("report"), retract("lead")),
            referred("2024-01-06", partner="p2", id="other"),
            accrue("2024-02-29"),
            retract("other"),
            referred("2024-01-07"),
            accrue("2024-03-31"),
            retract("active"),
            accrue("2024-04-30"),
        )
        assert decided_otherwise() == []
