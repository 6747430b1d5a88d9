"""Workers that stand still: before the append, in it, inside COPY, or only slow."""

from __future__ import annotations

import pytest

from tests.faults.consuming import Group, Oracle, produce, story, until

pytestmark = [pytest.mark.fault, pytest.mark.timeout(180)]


def _left(
    hook: str, group: Group, settings: dict[str, object] | None = None, *, other: str = ""
) -> int:
    """One worker stands still, another goes on; the first comes back. How often it was fenced."""
    events = story(120)
    produce(group.topics, group.topic, events)
    first = group.start(hook, settings={"batch_size": 20, **(settings or {})})
    if hook == "slow":
        until(lambda: len(first.lines("batch")) >= 2)
    else:
        until(lambda: first.is_frozen)
    second = group.start(other, settings={"batch_size": 20})
    until(lambda: group.facts() == len(events))
    if hook == "slow":
        first.go_on()
    else:
        first.wake()
    until(lambda: bool(first.lines("fenced") or first.lines("database away")))
    first.leave()
    second.leave()
    # Shown by pytest when the test fails.
    print(first.said, second.said, sep="\n--\n")  # noqa: T201
    return len(first.lines("fenced"))


@pytest.mark.parametrize("also", ["", " and fetches beside"])
def test_who_sleeps_before_its_append_is_fenced(also: str, group: Group, oracle: Oracle) -> None:
    """It wakes up with a batch in hand that another has recorded: nothing of it counts twice.

    The process that fetches for it does not sleep, and keeps no partition from the others.
    """
    assert _left(f"frozen before the append{also}", group) >= 1
    oracle.assert_exact(group, story(120))


def test_who_sleeps_under_the_head_lock_is_ended(group: Group, oracle: Oracle) -> None:
    """The server ends its transaction within seconds; the others append."""
    _left("frozen under the head lock", group)
    oracle.assert_exact(group, story(120))


def test_who_sleeps_inside_copy_is_ended_by_who_takes_over(group: Group, oracle: Oracle) -> None:
    """No timeout of the server's ends a wait for the data of a COPY."""
    _left("frozen inside COPY", group)
    oracle.assert_exact(group, story(120))


def test_who_sleeps_in_its_turn_is_ended(group: Group, oracle: Oracle) -> None:
    """Others wait in line for it, until the server takes the turn away."""
    assert _left("frozen in its turn", group, other="takes turns") >= 1
    oracle.assert_exact(group, story(120))


def test_who_is_slower_than_the_group_allows_is_fenced(group: Group, oracle: Oracle) -> None:
    """Its heart beats, yet it does not poll: the group gives its partitions to another."""
    assert _left("slow", group, {"kafka_max_poll_interval_ms": 2_000}) >= 1
    oracle.assert_exact(group, story(120))
