"""Goes through a log and decides it again, each fact and each command as the write side does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from events.base import Command, Decision, Event, Fact
from events.controls import CommandProposed, DocumentRead, ProposalApproved, ProposalRejected
from events.course import AccrualCompleted
from events.finance import (
    AccrualRun,
    AdjustmentRequested,
    AttributionAssignmentRequested,
    CreditRequested,
    FactRetracted,
    IngestGapAccepted,
    LedgerOpened,
    PartnerCorrected,
    PartnerOpened,
    PartnerProgrammeAssigned,
    PayoutHeld,
    PayoutReleased,
    PayoutRun,
    PeriodClosed,
    ProgrammeAdopted,
    ResolutionRequested,
)
from events.lines import AdjustmentPosted, PeriodLine
from events.recorded import Recorded
from ledger.engine import closes, commands
from ledger.engine.calendar import start_of
from ledger.engine.posted import period_of
from ledger.engine.recording import DECIDING, answer
from ledger.errors import Refused
from replay.rerun.commands import Key, Named, decide_command, decide_rankings
from replay.rerun.log import Log, Told
from replay.rerun.memory import Memory
from replay.rerun.parts import TOLD
from replay.rerun.runs import MemoryRun

Adoptions = Callable[[ProgrammeAdopted], Iterable[ProgrammeAdopted]]
"""What stands in the place of an adoption that was recorded."""

Progress = Callable[[int, int], None]
"""Called with the positions done and the positions there are."""

_PROGRESS_EVENTS = 2_000


class Rerun:
    """Decides a log again; ``decided`` is told each decision with its position in the rerun.

    How far runs were, seals of statements and lists for finance are left out: no decision rests on
    them.
    """

    def __init__(
        self,
        log: Log,
        decided: Callable[[int, Decision], None],
        adoptions: Adoptions = lambda adopted: (adopted,),
    ) -> None:
        self._log, self._adoptions = log, adoptions
        self._retracted: dict[Key, Recorded] = {}
        self._memory = Memory(decided)
        self._named = Named({}, self._retracted)
        self._run = 0
        self._commands: Mapping[type[Event], Callable[[Recorded, Any], None]] = {
            ProgrammeAdopted: self._adopted,
            PartnerProgrammeAssigned: self._answered,
            AttributionAssignmentRequested: self._answered,
            PartnerCorrected: self._answered,
            FactRetracted: self._answered,
            ResolutionRequested: self._only_told,
            LedgerOpened: self._only_told,
            PartnerOpened: self._answered,
            AccrualRun: self._accrued,
            AdjustmentRequested: self._adjusted,
            CreditRequested: self._answered,
            PeriodClosed: self._closed,
            PayoutRun: self._answered,
            PayoutHeld: self._only_told,
            PayoutReleased: self._only_told,
            IngestGapAccepted: self._only_told,
            CommandProposed: self._only_told,
            ProposalApproved: self._only_told,
            ProposalRejected: self._only_told,
            DocumentRead: self._only_told,
        }

    def decide(self, progress: Progress | None = None) -> None:
        """Go through the whole log. Raises Refused for a command that cannot be decided again."""
        self.begin()
        for number, told in enumerate(self._log.told(TOLD)):
            self.take(told)
            if progress is not None and number % _PROGRESS_EVENTS == 0:
                progress(told.position, self._log.through)

    def begin(self) -> None:
        """Read beforehand what single commands name."""
        self._retracted = self._log.retracted()
        self._named = Named(self._log.adjusted_lines(), self._retracted)

    @property
    def position(self) -> int:
        """The position of the last event in the rerun."""
        return self._memory.position

    def take(self, told: Told) -> None:
        """Take the next fact, command or completion of a run, and decide on it."""
        event = told.event
        data = event.data
        if isinstance(data, Fact):
            recorded = self._memory.tell(data, event.effective_at, event.day)
            if (event.source, event.id) in self._retracted:
                self._retracted[event.source or "", event.id or ""] = recorded
            if type(data) in DECIDING:
                decisions = answer(self._memory.state, recorded)
                self._memory.append(decisions, folded=True)
        elif isinstance(data, AccrualCompleted):
            # Facts told while a run worked knew that it was open, and so they do here.
            self._memory.append([AccrualCompleted(run=self._run, day=data.day)])
        else:
            decide = self._commands.get(type(data))
            if decide is None:
                raise Refused(
                    f"the {data.type} at position {told.position} cannot be decided again yet"
                )
            decide(event, data)

    # --- commands --------------------------------------------------------------------------------

    def _tell(self, event: Recorded, command: Command) -> Recorded:
        return self._memory.tell(command, event.effective_at, event.day)

    def _only_told(self, event: Recorded, command: Command) -> None:
        self._tell(event, command)

    def _adopted(self, event: Recorded, command: ProgrammeAdopted) -> None:
        for adopted in self._adoptions(command):
            self._memory.tell(adopted, *self._beginning(command, adopted.from_day, event))

    def _beginning(
        self, command: ProgrammeAdopted, day: date | None, event: Recorded
    ) -> tuple[Any, date]:
        if day is None or day == event.day:
            return event.effective_at, event.day
        return start_of(day, _zone(command.time_zone)), day

    def _answered(self, event: Recorded, command: Command) -> None:
        """A command that is decided at once, by what is known here."""
        memory = self._memory
        recorded = self._tell(event, command)
        decisions = decide_command(memory, memory.state, recorded, self._named)
        memory.append(decisions, folded=True)

    def _accrued(self, event: Recorded, command: AccrualRun) -> None:
        ledger = self._memory.ledger
        again = command.model_copy(
            update={
                "previous": ledger.accrued_through,
                "previous_run": ledger.last_run or None,
            }
        )
        self._run = self._tell(event, again).position
        MemoryRun(self._memory).decide()

    def _closed(self, event: Recorded, command: PeriodClosed) -> None:
        memory = self._memory
        close = self._tell(event, command)
        spans = {board.span for board in closes.boards(memory.ledger, command.month)}
        tallies = {span: memory.tallies(span) for span in spans}
        memory.append(decide_rankings(memory, close, tallies))

    def _adjusted(self, event: Recorded, command: AdjustmentRequested) -> None:
        """The same adjustment, of the line that the period has here, if it has one."""
        named = self._named.lines.get(command.line or 0)
        line = self._line_like(named.data) if named is not None else None
        again = command.model_copy(update={"line": line})
        recorded = self._tell(event, again)
        booked = commands.decide_adjustment(self._memory.ledger, recorded, again, named)
        self._memory.append([booked])

    def _line_like(self, named: Event) -> int | None:
        if isinstance(named, AdjustmentPosted):
            # What was taken back is of the period of the line that it names (D9.4).
            line = self._named.lines.get(named.line or 0)
            return self._line_like(line.data) if line is not None else None
        if not isinstance(named, PeriodLine):
            return None
        of_client = self._memory.posted(named.client_id)
        posted = of_client.get((named.client_id, named.partner_id), {}).get(period_of(named))
        return posted.line if posted is not None else None


_zone = lru_cache(ZoneInfo)
