"""Decides the whole log again and compares each decision with the one recorded (D18.10).

Decisions are compared in the order of their stream and type, with the positions that they name: a
decision of the rerun that meets a recorded one takes its position from then on.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any

import orjson
from psycopg import Connection

from events.base import Decision
from events.catalogue import DECISIONS
from events.codec import encode
from events.course import AccrualCompleted, PartnerAccrued, StatementsSealed
from events.decisions import DecisionUnresolved
from ledger.errors import NotReady
from projections import DEFAULT_NAMES, Names
from replay.as_of import Replay
from replay.findings import Discrepancy
from replay.rerun import Log, Rerun, reading
from replay.rerun.rerun import TOLD, Progress

CHECK = "D18.10"
LEFT_OUT = (AccrualCompleted, PartnerAccrued, StatementsSealed, DecisionUnresolved)
"""How far runs were, seals (``verify`` hashes them) and lists for finance."""

POSITIONS = frozenset(
    {
        *("fact", "facts", "claim", "standing_claim", "cause", "line", "run", "command", "close"),
        *("activation", "price_fact", "payment", "refunds", "lines_after", "ranking"),
    }
)
"""Members that hold positions, wherever in a decision; a ranking's own is a code."""

_PROGRESS_EVENTS = 5_000

Members = dict[str, Any]


def recompute(
    connection: Connection[Any], names: Names = DEFAULT_NAMES, progress: Progress | None = None
) -> Iterator[Discrepancy]:
    """Yield every decision that is not decided again, or otherwise, or was not recorded.

    Raises NotReady while a run is open, and where there is nothing to decide. ``connection`` must
    be idle; it only reads.
    """
    with reading(connection):
        through = Replay(connection, names).resolve().position
        if not through:
            raise NotReady("nothing is recorded yet, so there is nothing to decide again")
        log = Log(connection, through, names)
        log.check_complete()
        yield from _Comparison(log).differences(progress)


class _Comparison:
    def __init__(self, log: Log) -> None:
        self._log = log
        self._rerun = Rerun(log, self._decided)
        self._waiting: defaultdict[tuple[str, str], deque[tuple[int, Decision]]]
        self._waiting = defaultdict(deque)
        self._recorded_at: dict[int, int] = {}

    def differences(self, progress: Progress | None) -> Iterator[Discrepancy]:
        compared = [cls for cls in DECISIONS.values() if cls not in LEFT_OUT]
        self._rerun.begin()
        for number, told in enumerate(self._log.told([*TOLD, *compared])):
            data = told.event.data
            if isinstance(data, Decision) and not isinstance(data, AccrualCompleted):
                yield from self._compare(told.position, data)
            else:
                self._recorded_at[self._rerun.position + 1] = told.position
                self._rerun.take(told)
            if progress is not None and number % _PROGRESS_EVENTS == 0:
                progress(told.position, self._log.through)
        for of_stream in self._waiting.values():
            for _, decision in of_stream:
                what = f"{_name(decision)} is decided again, but was not recorded"
                yield Discrepancy(CHECK, what, None, _partner(decision))

    def _decided(self, position: int, decision: Decision) -> None:
        if not isinstance(decision, LEFT_OUT):
            self._waiting[decision.stream, decision.type].append((position, decision))

    def _compare(self, position: int, recorded: Decision) -> Iterator[Discrepancy]:
        waiting = self._waiting.get((recorded.stream, recorded.type))
        if not waiting:
            what = f"{_name(recorded)} is not decided again"
            yield Discrepancy(CHECK, what, position, _partner(recorded))
            return
        told = _members(recorded)
        index = next((n for n, one in enumerate(waiting) if self._mapped(one[1]) == told), 0)
        at, decided = waiting[index]
        del waiting[index]
        self._recorded_at[at] = position
        again = self._mapped(decided)
        if again != told:
            what = f"{_name(recorded)} is decided otherwise: {_difference(told, again)}"
            yield Discrepancy(CHECK, what, position, _partner(recorded))

    def _mapped(self, decision: Decision) -> Members:
        """The members of a decision of the rerun, its positions those of the log."""
        mapped: Members = self._map(_members(decision))
        return mapped

    def _map(self, value: Any, *, is_position: bool = False) -> Any:
        match value:
            case dict():
                return {
                    name: self._map(each, is_position=name in POSITIONS)
                    for name, each in value.items()
                }
            case list():
                return [self._map(each, is_position=is_position) for each in value]
            case int() if is_position:
                return self._recorded_at.get(value, value)
            case _:
                return value


def _members(decision: Decision) -> Members:
    found: Members = orjson.loads(encode(decision))
    return found


def _difference(recorded: Members, again: Members) -> str:
    told = [
        f"{name} was {recorded.get(name)!r}, is {again.get(name)!r}"
        for name in sorted(recorded.keys() | again.keys())
        if recorded.get(name) != again.get(name)
    ]
    return "; ".join(told)


def _name(decision: Decision) -> str:
    return f"{decision.type} in {decision.stream}"


def _partner(decision: Decision) -> str | None:
    partner_id: str | None = decision.__dict__.get("partner_id")
    return partner_id
