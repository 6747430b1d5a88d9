"""Goes through a log and decides it again, each fact and each command as the write side does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from events.base import Command, Decision, Event, Fact
from events.catalogue import COMMANDS, FACTS
from events.controls import CommandProposed, ProposalApproved, ProposalRejected
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
)
from events.lines import PeriodLine
from events.recorded import Recorded
from ledger.engine import (
    DECIDING,
    answer,
    closes,
    commands,
    decide_payouts,
    folded_topics,
    openings,
)
from ledger.engine.assignments import decide_assignment
from ledger.engine.calendar import start_of
from ledger.engine.posted import period_of
from ledger.engine.retraction import decide_retraction
from ledger.engine.ties import decide_correction
from ledger.errors import Refused
from replay.rerun.log import Key, Log, Told
from replay.rerun.memory import Memory
from replay.rerun.runs import MemoryRun

Adoptions = Callable[[ProgrammeAdopted], Iterable[ProgrammeAdopted]]
"""What stands in the place of an adoption that was recorded."""

Progress = Callable[[int, int], None]
"""Called with the positions done and the positions there are."""

_PROGRESS_EVENTS = 2_000
_FOLDED = {topic.partition("/")[0] for topic in folded_topics()}


def _is_read(cls: type[Event]) -> bool:
    """Whether a decision rests on facts of a class, or is taken on them."""
    return cls.type in _FOLDED or cls in DECIDING


TOLD: list[type[Event]] = [
    *(cls for cls in FACTS.values() if _is_read(cls)),
    *COMMANDS.values(),
    AccrualCompleted,
]
"""What a rerun is told: facts that decisions rest on, commands, and where runs were complete."""


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
        self._memory = Memory(decided)
        self._named: Mapping[int, Recorded] = {}
        self._retracted: dict[Key, Recorded] = {}
        self._run = 0
        self._commands: Mapping[type[Event], Callable[[Recorded, Any], None]] = {
            ProgrammeAdopted: self._adopted,
            PartnerProgrammeAssigned: self._assigned_programme,
            AttributionAssignmentRequested: self._assigned,
            PartnerCorrected: self._corrected,
            FactRetracted: self._voided,
            LedgerOpened: self._only_told,
            PartnerOpened: self._partner_opened,
            AccrualRun: self._accrued,
            AdjustmentRequested: self._adjusted,
            CreditRequested: self._credited,
            PeriodClosed: self._closed,
            PayoutRun: self._paid,
            PayoutHeld: self._only_told,
            PayoutReleased: self._only_told,
            IngestGapAccepted: self._only_told,
            CommandProposed: self._only_told,
            ProposalApproved: self._only_told,
            ProposalRejected: self._only_told,
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
        self._named = self._log.adjusted_lines()
        self._retracted = self._log.retracted()

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

    def _assigned_programme(self, event: Recorded, command: PartnerProgrammeAssigned) -> None:
        memory = self._memory
        clients = memory.clients_activated_from(command.partner_id, command.from_day)
        recorded = self._tell(event, command)
        decisions = commands.decide_assignment(memory.state, recorded, command, clients)
        memory.append(decisions, folded=True)

    def _assigned(self, event: Recorded, command: AttributionAssignmentRequested) -> None:
        recorded = self._tell(event, command)
        decisions = decide_assignment(self._memory.state, recorded, command)
        self._memory.append(decisions, folded=True)

    def _corrected(self, event: Recorded, command: PartnerCorrected) -> None:
        recorded = self._tell(event, command)
        decisions = decide_correction(self._memory.state, recorded, command)
        self._memory.append(decisions, folded=True)

    def _voided(self, event: Recorded, command: FactRetracted) -> None:
        """What a retraction decides, but for the list of what stays: no line rests on that."""
        recorded = self._tell(event, command)
        fact = self._retracted[command.source, command.id]
        decisions = decide_retraction(self._memory.state, recorded, fact)
        self._memory.append(decisions, folded=True)

    def _partner_opened(self, event: Recorded, command: PartnerOpened) -> None:
        memory = self._memory
        recorded = self._tell(event, command)
        partner = memory.partner(command.partner_id)
        memory.append(openings.decide_partner_opening(memory.ledger, recorded, command, partner))

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
        ledger = memory.ledger
        close = self._tell(event, command).position
        boards = closes.boards(ledger, command.month)
        if boards:
            partners = memory.partners()
            tallies = {span: memory.tallies(span) for span in {board.span for board in boards}}
            ranked = [closes.rank(ledger, each, tallies[each.span], partners) for each in boards]
            memory.append(closes.decide_close(ledger, close, command.month, ranked, partners))

    def _paid(self, event: Recorded, command: PayoutRun) -> None:
        memory = self._memory
        payables = memory.payables(command.cutoff, command.partner_id)
        recorded = self._tell(event, command)
        named = command.partner_id is not None
        memory.append(
            list(
                decide_payouts(
                    memory.ledger, recorded.position, command.cutoff, payables, on_any_day=named
                )
            )
        )

    def _adjusted(self, event: Recorded, command: AdjustmentRequested) -> None:
        """The same adjustment, of the line that the period has here, if it has one."""
        named = self._named.get(command.line or 0)
        line = self._line_like(named.data) if named is not None else None
        again = command.model_copy(update={"line": line})
        recorded = self._tell(event, again)
        booked = commands.decide_adjustment(self._memory.ledger, recorded, again, named)
        self._memory.append([booked])

    def _line_like(self, named: Event) -> int | None:
        if not isinstance(named, PeriodLine):
            return None
        of_client = self._memory.posted(named.client_id)
        posted = of_client.get((named.client_id, named.partner_id), {}).get(period_of(named))
        return posted.line if posted is not None else None

    def _credited(self, event: Recorded, command: CreditRequested) -> None:
        recorded = self._tell(event, command)
        self._memory.append([commands.decide_credit(self._memory.ledger, recorded, command)])


_zone = lru_cache(ZoneInfo)
