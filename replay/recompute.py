"""Decides the whole log again and compares each decision with the one recorded (D18.10).

In two passes: first part by part, each some partners with all of their clients, wherever parts are
decided (here, in processes, on a cluster), then what all share: ties, brands, departments, leads,
rankings of closes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection

from events.finance import AccrualRun, PayoutRun, PeriodClosed, ProgrammeAdopted
from ledger.collecting import collect_seldom
from ledger.engine import numbered
from ledger.engine.closes import Span, Tally
from ledger.errors import NotReady
from projections import DEFAULT_NAMES, Names
from replay.as_of import Replay
from replay.findings import Discrepancy
from replay.rerun import Log, reading
from replay.rerun.commands import Named
from replay.rerun.differences import Difference, Members
from replay.rerun.part import Tallied, decide_part
from replay.rerun.parts import Part
from replay.rerun.rerun import Progress

CHECK = "D18.10"

PART_EVENTS = 250_000
"""Events of partners in a part: what a process holds at a time, some 500 MiB."""

_NUMBERED = (ProgrammeAdopted, AccrualRun, PeriodClosed, PayoutRun)

Found = Sequence[Difference | Tallied]
Deciding = Callable[[Log, Sequence[Part], Named], AbstractContextManager[Iterable[Found]]]
"""Decides each part of a log, wherever that is, and yields what is found of each, in any order."""
Opening = Callable[[], AbstractContextManager[Log]]
"""Opens the same log in another process; it can be pickled."""


class Engines(NamedTuple):
    """Which engine took a decision: the last that a command named before it, and the next named.

    None: commands did not name one. They differ where a release came between.
    """

    before: int | None
    after: int | None

    @property
    def explain(self) -> bool:
        """Whether another engine than this one may have taken the decision, by what is recorded."""
        return any(engine not in {None, numbered.ENGINE} for engine in self)

    def __str__(self) -> str:
        """For people: ``decided by engine 1, this is engine 2``."""
        known = sorted({engine for engine in self if engine is not None})
        if not known:
            return f"decided by an engine without a number, this is engine {numbered.ENGINE}"
        which = " or ".join(map(str, known))
        return f"decided by engine {which}, this is engine {numbered.ENGINE}"


@dataclass(frozen=True, slots=True)
class Explained:
    """A difference, with the engine and the programme's version that the record names."""

    difference: Difference
    engines: Engines

    @property
    def is_explained(self) -> bool:
        """Whether it was another engine that decided."""
        return self.engines.explain

    @property
    def programme_version(self) -> str | None:
        """The version of the programme by which it was decided, or would be."""
        one = self.difference
        found: str | None = (one.was or one.would_be).get("programme_version")
        return found

    @property
    def what(self) -> str:
        """One sentence for people."""
        one = self.difference
        name = f"{one.type} in {one.stream}"
        if one.problem is not None:
            said = f"nothing can be decided on {name}: {one.problem}"
        elif one.recorded is None:
            said = f"{name} is decided again on position {one.cause}, but was not recorded"
        elif one.decided is None:
            said = f"{name} is not decided again"
        else:
            said = f"{name} is decided otherwise: {_members(one.was, one.would_be)}"
        return f"{said}; {self.engines}" if self.is_explained else said

    def told(self) -> Discrepancy:
        """The same as verification tells it."""
        one = self.difference
        return Discrepancy(CHECK, self.what, one.position, one.partner_id)


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What came of it: the last position, and all differences, the first one first."""

    position: int
    differences: tuple[Explained, ...]

    @property
    def unexplained(self) -> int:
        """The differences that no other engine explains."""
        return sum(not one.is_explained for one in self.differences)


def recompute(
    connection: Connection[Any],
    names: Names = DEFAULT_NAMES,
    progress: Progress | None = None,
    *,
    processes: int = 1,
    part_events: int = PART_EVENTS,
) -> Recomputed:
    """Decide the log again and tell every decision that is not decided so again, or not recorded.

    Raises NotReady while a run is open, and where there is nothing to decide; Corrupt for an event
    that cannot be read. ``connection`` must be idle; it only reads. Further processes have
    connections of their own to the same database.
    """
    with reading(connection):
        log = Log(connection, Replay(connection, names).resolve().position, names)
        there = partial(_stored_log, log.address, names, log.through)
        return recompute_log(log, in_processes(there, processes), progress, processes, part_events)


def recompute_log(
    log: Log,
    deciding: Deciding,
    progress: Progress | None = None,
    processes: int = 1,
    part_events: int = PART_EVENTS,
) -> Recomputed:
    """Decide a log again, wherever it stands: what :func:`recompute` does for a ledger's.

    ``deciding`` decides its parts, in so many ``processes`` at a time.
    """
    if not log.through:
        raise NotReady("nothing is recorded yet, so there is nothing to decide again")
    log.check_readable()
    log.check_complete()
    named = log.named()
    parts = log.parts(part_events, processes)
    found: set[Difference] = set()
    tallies: defaultdict[int, defaultdict[Span, list[Tally]]]
    tallies = defaultdict(lambda: defaultdict(list))
    with deciding(log, parts, named) as results:
        for done, one in enumerate(results, start=1):
            for each in one:
                if isinstance(each, Difference):
                    found.add(each)
                else:
                    tallies[each.close][each.span] += each.tallies
            if progress is not None:
                progress(done, len(parts) + 1)
    common = Part()
    for each in decide_part(log.rows(common), common, named, tallies):
        if isinstance(each, Difference):
            found.add(each)
    course = _Course(log)
    ordered = sorted(found, key=lambda one: (one.place, one.decided or b""))
    return Recomputed(log.through, tuple(Explained(one, course.engines(one)) for one in ordered))


def in_processes(there: Opening, processes: int) -> Deciding:
    """Decide parts here, one after the other, or in so many processes that open the log anew."""

    @contextmanager
    def deciding(log: Log, parts: Sequence[Part], named: Named) -> Iterator[Iterable[Found]]:
        if min(processes, len(parts)) <= 1:
            yield (list(decide_part(log.rows(part), part, named)) for part in parts)
            return
        # The log is read by each: their memory is that of a part, and no row passes between them.
        tasks = [partial(_decide_there, there, part, named) for part in parts]
        with at_once(tasks, processes) as found:
            yield found

    return deciding


@contextmanager
def at_once(tasks: Sequence[Callable[[], Found]], processes: int) -> Iterator[Iterable[Found]]:
    """What each task finds, in any order: so many at a time in processes, or in this one.

    Tasks can be pickled. Raises NotReady where a process ends before its task.
    """
    if min(processes, len(tasks)) <= 1:
        yield (task() for task in tasks)
        return
    with ProcessPoolExecutor(min(processes, len(tasks)), get_context("spawn")) as pool:
        try:
            running = [pool.submit(task) for task in tasks]
            yield (task.result() for task in as_completed(running))
        except BrokenProcessPool:
            raise NotReady(
                "a process ended before its part of the log was decided, perhaps for want of"
                " memory; run it again with: commissions recompute --processes 1"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _decide_there(there: Opening, part: Part, named: Named) -> Found:
    collect_seldom()
    with there() as log:
        return list(decide_part(log.rows(part), part, named))


@contextmanager
def _stored_log(address: str, names: Names, through: int) -> Iterator[Log]:
    with psycopg.connect(address) as connection, reading(connection):
        yield Log(connection, through, names)


class _Course:
    """Which engine decided when, by what commands name."""

    def __init__(self, log: Log) -> None:
        self._positions: list[int] = []
        self._numbers: list[int | None] = []
        for told in log.told(_NUMBERED):
            self._positions.append(told.position)
            self._numbers.append(told.event.data.__dict__["engine"])

    def engines(self, one: Difference) -> Engines:
        """Of a decision on one of these commands its engine; else that before and that after."""
        place = bisect_right(self._positions, one.cause)
        before = self._numbers[place - 1] if place else None
        if place and self._positions[place - 1] == one.cause:
            return Engines(before, before)
        after = self._numbers[place] if place < len(self._numbers) else numbered.ENGINE
        return Engines(before, after)


def _members(recorded: Members, again: Members) -> str:
    told = [
        f"{name} was {recorded.get(name)!r}, is {again.get(name)!r}"
        for name in sorted(recorded.keys() | again.keys())
        if recorded.get(name) != again.get(name)
    ]
    return "; ".join(told)
