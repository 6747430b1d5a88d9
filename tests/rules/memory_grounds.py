"""D18.5 of a ledger in memory: every decision is valid, and names its grounds rightly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from events.base import Command, Decision, Event, Fact
from events.course import AccrualCompleted
from events.decisions import FactVoided
from events.finance import (
    AccrualRun,
    FactRetracted,
    PayoutRun,
    PeriodClosed,
    ProgrammeAdopted,
)
from events.lines import (
    AdjustmentPosted,
    ClawbackWaived,
    CommissionPosted,
    Line,
    OverridePosted,
    PeriodLine,
)

_RUNS = (AccrualRun, PayoutRun, PeriodClosed)
_TAKEN_BACK = {"D9.5": "retracted", "D13": "margin"}


def groundless(events: Sequence[tuple[int, Event]]) -> Iterator[str]:
    """What is wrong with decisions, each in a few words; ``events`` are all, by position."""
    at = dict(events)
    versions: set[str] = set()
    last = 0
    for position, event in events:
        if isinstance(event, ProgrammeAdopted):
            versions.add(f"{event.programme}/{event.number}")
        if not isinstance(event, Decision):
            last = position
        elif not isinstance(event, AccrualCompleted):
            type(event).model_validate(event.__dict__)
            for wrong in _wrong(event, last, at, versions):
                yield f"{wrong} of {event!r} at {position}, after {at[last]!r}"


def _wrong(
    decision: Decision, last: int, at: dict[int, Event], versions: set[str]
) -> Iterator[str]:
    """What a decision names wrongly; ``last`` is the fact or command that brought it."""
    members = decision.__dict__
    by_run = isinstance(at[last], _RUNS)
    if "run" in members and members["run"] != (last if by_run else None):
        yield "run"
    version = members.get("programme_version")
    if version is None and by_run and isinstance(decision, Line):
        yield "programme_version"
    if version is not None and version not in versions:
        yield "programme_version"
    if "command" in members and not by_run and members["command"] != last:
        yield "command"
    if not _is_sound(members.get("facts", ()), last, at):
        yield "facts"
    if by_run and isinstance(decision, Line) and not decision.facts:
        yield "facts"
    if isinstance(decision, OverridePosted):
        shared = at.get(decision.line)
        if not isinstance(shared, CommissionPosted) or shared.facts != decision.facts:
            yield "line"
    if isinstance(decision, PeriodLine | AdjustmentPosted) and by_run:
        yield from _wrong_of_period(decision, last, at)


def _is_sound(facts: tuple[int, ...], last: int, at: dict[int, Event]) -> bool:
    """Whether facts were told, or are finance's commands, in the order of telling, each once."""
    told = (at.get(fact) for fact in facts)
    return list(facts) == sorted({fact for fact in facts if fact <= last}) and all(
        isinstance(event, Fact | Command) for event in told
    )


def _wrong_of_period(
    line: PeriodLine | AdjustmentPosted, last: int, at: dict[int, Event]
) -> Iterator[str]:
    """What the line of a period names wrongly: its facts, its first line, why it was taken back."""
    if line.facts[-1:] > (last,):
        yield "facts"
    first: Any = at.get(line.line) if line.line is not None else None
    if isinstance(line, AdjustmentPosted | ClawbackWaived) or line.rule == "D9.1":
        names = ("partner_id", "client_id", "subscription_id", "day", "currency")
        if not isinstance(first, PeriodLine) or first.line is not None:
            yield "line"
        elif any(getattr(first, name) != getattr(line, name) for name in names):
            yield "first line"
        elif first.programme_version != line.programme_version:
            yield "programme_version"
    elif line.line is not None:
        yield "line"
    if isinstance(line, AdjustmentPosted):
        if line.reason != _TAKEN_BACK[line.rule]:
            yield "reason"
        if not _rests_on_its_command(line, at):
            yield "command"


def _rests_on_its_command(line: AdjustmentPosted, at: dict[int, Event]) -> bool:
    """Whether the command of a take-back retracted the fact that it names; D13 has none."""
    if line.rule != "D9.5":
        return line.command is None
    return isinstance(at.get(line.command or 0), FactRetracted) and any(
        (event.fact,) == line.facts and event.command == line.command
        for event in at.values()
        if isinstance(event, FactVoided)
    )
