"""The shortest story that still fails as a long one did: steps and messages left out one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.properties.stories import Story

Judge = Callable[[Story], str | None]
"""What is wrong with a story, None if nothing is."""


def shortened(story: Story, judge: Judge) -> Story:
    """A part of a story that fails as the whole does: no more of it can be left out."""
    wrong = _kind(judge(story))
    assert wrong is not None, "the story does not fail"
    while (less := next((s for s in _less(story) if _kind(judge(s)) == wrong), None)) is not None:
        story = less
    return story


def shown(story: Story) -> str:
    """A story for people, a step or message a line."""
    lines: list[str] = []
    for step in story:
        lines += map(repr, step) if isinstance(step, list) else [repr(step)]
    return "\n".join(lines)


def _less(story: Story) -> Iterator[Story]:
    """The story without one step, from its end; then without one message."""
    for place in reversed(range(len(story))):
        yield story[:place] + story[place + 1 :]
    for place in reversed(range(len(story))):
        step = story[place]
        if isinstance(step, list):
            for of in reversed(range(len(step))):
                fewer = step[:of] + step[of + 1 :]
                yield [*story[:place], fewer, *story[place + 1 :]]


def _kind(wrong: str | None) -> str | None:
    """What a failure is about: its first words, without amounts and names."""
    return None if wrong is None else wrong.partition("(")[0]
