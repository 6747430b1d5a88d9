"""D18.6 on two thousand stories of every rule: the engine, in memory, against the model.

The seeds are fixed, so that a failure is everybody's failure. ``COMMISSIONS_TEST_STORIES`` asks for
others: how many hundreds, and, after a blank, from which seed on, such as ``"500 1000"``. What only
a database does is asked of fewer stories, in ``test_every_rule``.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.conftest import STORIES_VARIABLE
from tests.model.naive import NaiveLedger
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import assert_always_true, assert_same_everywhere, play
from tests.properties.shortening import shortened, shown
from tests.properties.stories import Story
from tests.rules.memory_adapter import MemoryLedger

_HUNDREDS, _FIRST = (*map(int, os.environ.get(STORIES_VARIABLE, "20").split()), 0)[:2]


@pytest.mark.parametrize("number", range(_FIRST, _FIRST + _HUNDREDS))
def test_the_engine_is_the_model(number: int) -> None:
    """Whatever is asked, the engine answers as the model does, a hundred stories a seed."""

    @seed(number)
    @settings(
        max_examples=100,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        # A story that fails is shortened here: hypothesis takes minutes for it.
        phases=[Phase.generate],
    )
    @given(story=stories_of_every_rule())
    def check(story: Story) -> None:
        if differing(story) is not None:
            story = shortened(story, differing)
            pytest.fail(f"{differing(story)}\n{shown(story)}", pytrace=False)

    check()


def differing(story: Story) -> str | None:
    """What the engine answers otherwise than the model, or what is not as it always must be."""
    model, engine = NaiveLedger(), MemoryLedger()
    try:
        play(story, model, engine)
        assert_same_everywhere(model, engine)
        assert model.unresolved() <= engine.unresolved()
        assert_always_true(engine)
    except Exception as error:  # noqa: BLE001 - a story that breaks the engine is a find, too
        return f"{type(error).__name__}: {error}"
    return None
