"""A story that fails is cut down to what it fails by."""

from __future__ import annotations

import pytest

from tests.model.commands import Accrue
from tests.properties.shortening import shortened, shown
from tests.properties.stories import Story
from tests.rules.facts import accrue, activated, referred

TOLD = [referred("2024-01-05"), activated("2024-01-10"), activated("2024-01-11", "c2")]
STORY: Story = [accrue("2024-01-31"), TOLD, accrue("2024-02-29"), accrue("2024-03-31")]


def judge(story: Story) -> str | None:
    """Fails where c2 and a run are told; without a run it fails by something else."""
    told = [m.data for step in story if isinstance(step, list) for m in step]
    runs = sum(isinstance(step, Accrue) for step in story)
    if not runs:
        return "lines (none)"
    is_told = any(getattr(data, "client_id", "") == "c2" for data in told)
    return f"tiers ({runs})" if is_told else None


def test_what_is_left_fails_as_the_whole_does() -> None:
    """One message and one run."""
    story = shortened(STORY, judge)
    assert story == [STORY[0], [TOLD[-1]]]
    assert judge(story) == "tiers (1)"
    assert len(shown(story).splitlines()) == 2


def test_a_story_that_does_not_fail_is_not_shortened() -> None:
    """It is an error of whoever asks."""
    with pytest.raises(AssertionError, match="does not fail"):
        shortened([accrue("2024-01-31")], judge)
