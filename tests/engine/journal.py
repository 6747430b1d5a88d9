"""A ledger in memory: facts and decisions in their order, each decided on what it may read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import TypeVar

from events.base import Command, Decision, Event, Fact
from events.finance import AccrualRun, ProgrammeAdopted
from events.partner_decisions import TierChanged
from events.recorded import Recorded
from events.values import TierName
from ledger.engine.evolve import evolve
from ledger.engine.recording import answer, reads
from ledger.engine.state import Overlay, State
from ledger.policy.programme import Programme

E = TypeVar("E", bound=Event)


class Readable:
    """A state of which only the streams that were named may be read."""

    def __init__(self, state: dict[str, object], streams: Iterable[str]) -> None:
        self._state, self._streams = state, set(streams)

    def get(self, stream: str, /) -> object | None:
        """The entity of a stream that was named."""
        assert stream in self._streams, f"{stream} was not to be read"
        return self._state.get(stream)


class Journal:
    """Events in their order, folded; noon UTC of a day where no instant is given."""

    def __init__(self, programme: Programme) -> None:
        self.state: dict[str, object] = {}
        self.events: list[Recorded] = []
        self.append(
            ProgrammeAdopted(
                programme=programme.name,
                number=1,
                document=programme.document(),
                sha256=programme.sha256(),
                time_zone="UTC",
                operator="tester",
            ),
            date(1970, 1, 1),
        )

    def append(self, data: Event, day: date, hour: int = 12) -> Recorded:
        """Append an event and fold it."""
        at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        event = Recorded(len(self.events) + 1, at, day, data)
        self.events.append(event)
        entity = evolve(data.stream, self.state.get(data.stream), event)
        if entity is not None:
            self.state[data.stream] = entity
        return event

    def tell(self, fact: Fact, day: str, hour: int = 12) -> list[Decision]:
        """Record a fact; what it decides, on the streams that it says it reads and no others."""
        told = date.fromisoformat(day)
        coming = Recorded(0, datetime(told.year, told.month, told.day, tzinfo=UTC), told, fact)
        named = self._closure(lambda state: reads(coming, state))
        event = self.append(fact, told, hour)
        decisions = answer(Overlay(Readable(self.state, named | {fact.stream})), event)
        self.take(decisions)
        return decisions

    def command(
        self,
        data: Command,
        day: str,
        decide: Callable[[Overlay, Recorded], list[Decision]],
        wanted: Callable[[State], set[str]],
    ) -> list[Decision]:
        """Append a command and what it decides, on the streams that it says it reads."""
        named = self._closure(wanted)
        event = self.append(data, date.fromisoformat(day))
        decisions = decide(Overlay(Readable(self.state, named)), event)
        self.take(decisions)
        return decisions

    def take(self, decisions: Iterable[Decision]) -> None:
        """Append decisions, each of the day that it names."""
        for decision in decisions:
            self.append(decision, decision.__dict__["day"])

    def promote(self, partner_id: str, tier: TierName, day: str, run: int = 1) -> None:
        """A completed run makes a partner what it is from a day on."""
        self.take(
            [
                TierChanged(
                    rule="D6",
                    day=date.fromisoformat(day),
                    partner_id=partner_id,
                    from_tier="referent",
                    to_tier=tier,
                    cause="promotion",
                    run=run,
                )
            ]
        )

    def begin_run(self, through: str) -> int:
        """An accrual run begins; its position."""
        day = date.fromisoformat(through)
        return self.append(AccrualRun(through=day, operator="tester"), day).position

    def _closure(self, wanted: Callable[[State], set[str]]) -> set[str]:
        named: set[str] = set()
        while True:
            more = wanted({stream: self.state.get(stream) for stream in named})
            if more <= named:
                return named
            named |= more


def only(decisions: Iterable[Decision], cls: type[E]) -> E:
    """The one decision of a class."""
    [found] = [decision for decision in decisions if isinstance(decision, cls)]
    return found
