"""D18.6 on fifteen hundred stories of every rule: the engine, in memory, against the model.

The seeds are fixed, so that a failure is everybody's failure. ``COMMISSIONS_TEST_STORIES`` asks for
others: how many hundreds, and, after a blank, from which seed on, such as ``"500 1000"``. What only
a database does is asked of fewer stories, in ``test_every_rule``.
"""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.conftest import STORIES_VARIABLE
from tests.model.naive import NaiveLedger
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import assert_always_true, assert_same_everywhere, refusals
from tests.properties.shortening import shortened, shown
from tests.properties.stories import Story
from tests.rules.memory_adapter import MemoryLedger

_HUNDREDS, _FIRST = (*map(int, os.environ.get(STORIES_VARIABLE, "15").split()), 0)[:2]


class Played(NamedTuple):
    """A story with the model that heard it, and which steps that refused."""

    story: Story
    model: NaiveLedger
    refused: list[bool]


@pytest.mark.parametrize("number", range(_FIRST, _FIRST + _HUNDREDS))
def test_the_engine_is_the_model(number: int) -> None:
    """Whatever is asked, the engine answers as the model does, a hundred stories a seed."""
    for played in drawn(number):
        if difference(played) is not None:
            story = shortened(played.story, lambda shorter: difference(modelled(shorter)))
            pytest.fail(f"{difference(modelled(story))}\n{shown(story)}", pytrace=False)


@cache
def drawn(number: int) -> list[Played]:
    """The stories of a seed: once a process, so that of many mutants each is tried on the same."""
    found: list[Played] = []

    @seed(number)
    @settings(
        max_examples=100,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(story=stories_of_every_rule())
    def draw(story: Story) -> None:
        found.append(modelled(story))

    draw()
    return found


def modelled(story: Story) -> Played:
    """A story, told to the model."""
    model = NaiveLedger()
    return Played(story, model, refusals(story, model))


def difference(played: Played) -> str | None:
    """What the engine answers otherwise than the model, or what is not as it always must be."""
    story, model, refused = played
    engine = MemoryLedger()
    try:
        assert refusals(story, engine) == refused
        assert_same_everywhere(model, engine)
        assert model.unresolved() <= engine.unresolved()
        assert_always_true(engine)
        engine.check()
    except Exception as error:  # noqa: BLE001 - a story that breaks the engine is a find, too
        return f"{type(error).__name__}: {error}"
    return None
