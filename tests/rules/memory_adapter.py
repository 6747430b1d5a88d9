"""The engine in memory as a ledger under test: what is told is decided at once, nothing is stored.

It is the engine and the checks of commands that the real ledger has, around them the rerun of
``replay.rerun``. What only a database does (locks, batches, projections, kills) is not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, cast
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from events.base import Command, Decision, Event
from events.controls import CommandProposed, ProposalApproved, ProposalRejected
from events.course import AccrualCompleted
from events.decisions import FactVoided
from events.finance import (
    AccrualRun,
    AdjustmentRequested,
    AttributionAssignmentRequested,
    CreditRequested,
    FactRetracted,
    LedgerOpened,
    OpeningBalance,
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
from ledger.commanding.commanding import ALWAYS
from ledger.commanding.programmes import DEFAULT_ZONE
from ledger.engine import approvals, commands, openings
from ledger.engine.approvals import Fate
from ledger.engine.calendar import day_of, end_of_month, first_of_month, start_of
from ledger.engine.evolve import evolve
from ledger.engine.state import LEDGER, Ledger, Partner
from ledger.errors import Refused
from ledger.policy.programme import Programme
from replay.rerun import Log, Rerun
from replay.rerun import Told as ToRerun
from tests.model.commands import (
    Adjust,
    Assign,
    CorrectPartner,
    Credit,
    Open,
    OpenPartner,
    Retract,
    TwoPersons,
)
from tests.model.commands import Command as Asked
from tests.model.journal import Message, perform
from tests.rules.memory_grounds import groundless
from tests.rules.memory_views import MemoryViews, line_of

_OPERATOR = "tester"


class _Named:
    """What commands name of what was told before, as a log would say it of a whole history."""

    def __init__(self) -> None:
        self.lines: dict[int, Recorded] = {}
        self.facts: dict[tuple[str, str], Recorded] = {}

    def adjusted_lines(self) -> dict[int, Recorded]:
        return self.lines

    def retracted(self) -> dict[tuple[str, str], Recorded]:
        return self.facts


class MemoryLedger(MemoryViews):
    """The engine as a :class:`~tests.model.journal.LedgerUnderTest`."""

    def __init__(self) -> None:
        super().__init__()
        self._named = _Named()
        self._rerun = Rerun(cast("Log", self._named), self._decided)
        self._rerun.begin()
        self._told: dict[tuple[str, str], Message] = {}
        self._voided: set[tuple[str, int]] = set()
        self._entities: dict[str, object] = {}
        self._asked: Asked | None = None
        self._proposals: list[tuple[int, CommandProposed, Asked]] = []
        self._fates: dict[int, Fate] = {}
        self._approving: tuple[int, CommandProposed, str] | None = None

    def check(self) -> None:
        """Every decision is valid and names its grounds (D18.5)."""
        wrong = next(groundless(self.events), None)
        assert wrong is None, wrong

    # --- what is known ---------------------------------------------------------------------------

    @property
    def _ledger(self) -> Ledger:
        entity = self._entities.get(LEDGER)
        return entity if isinstance(entity, Ledger) else Ledger()

    def _partner(self, partner_id: str) -> Partner:
        entity = self._entities.get(f"partner:{partner_id}")
        return entity if isinstance(entity, Partner) else Partner(partner_id)

    def _decided(self, position: int, decision: Decision) -> None:
        self._keep(position, decision, decision)
        if isinstance(decision, FactVoided):
            self._voided.add((decision.stream, decision.fact))

    def _keep(self, position: int, event: Event, recorded: Recorded | Event) -> None:
        """Take an event, and fold it apart from the rerun, which must come to the same."""
        self.keep(position, event)
        stream = event.stream
        if stream == LEDGER or stream.startswith("partner:"):
            entity = evolve(stream, self._entities.get(stream), recorded)
            if entity is not None:
                self._entities[stream] = entity

    def _take(self, event: Recorded) -> None:
        self._keep(event.position, event.data, event)
        self._rerun.take(ToRerun(event.position, event))

    def _command(self, command: Command, day: date) -> None:
        if not isinstance(command, ProgrammeAdopted):
            commands.check_adopted(self._ledger)
        if self._approving is not None:
            position, proposal, operator = self._approving
            approval = ProposalApproved(proposal=position, operator=operator)
            self._fates[position] = Fate(self._tell(approval, day), approval)
            told = {"approval": self._rerun.position, "operator": proposal.operator}
            command = command.model_copy(update=told)
        elif approvals.needs_approval(self._ledger, command):
            proposal = approvals.propose(command)
            asked = self._asked
            assert asked is not None
            if isinstance(asked, Adjust | Credit):
                asked = replace(asked, date=day)
            self._proposals.append((self._tell(proposal, day), proposal, asked))
            return
        self._tell(command, day)

    def _tell(self, command: Command, day: date) -> int:
        zone = ZoneInfo(self._ledger.time_zone or DEFAULT_ZONE)
        event = Recorded(self._rerun.position + 1, start_of(day, zone), day, command)
        self._take(event)
        return event.position

    # --- four eyes -------------------------------------------------------------------------------

    def proposes(self, command: Asked) -> bool:
        """It is seen to where a command is told; here it is kept as it was asked."""
        self._asked = command
        return False

    def approve(self, number: int, operator: str) -> None:
        """Let a proposal take effect."""
        position, proposal, asked = self._proposal(number)
        approvals.check_pending(position, self._recorded(proposal), self._fates.get(position))
        approvals.check_other(position, proposal, operator)
        self._approving = position, proposal, operator
        try:
            perform(self, asked)
        finally:
            self._approving = None

    def reject(self, number: int) -> None:
        """End a proposal without effect."""
        position, proposal, _ = self._proposal(number)
        event = self._recorded(proposal)
        approvals.check_pending(position, event, self._fates.get(position))
        rejected = ProposalRejected(proposal=position, reason="mistaken", operator=_OPERATOR)
        self._fates[position] = Fate(self._tell(rejected, event.day), rejected)

    def _proposal(self, number: int) -> tuple[int, CommandProposed, Asked]:
        if number > len(self._proposals):
            raise Refused("no such proposal waits")
        return self._proposals[number - 1]

    def _recorded(self, proposal: CommandProposed) -> Recorded:
        zone = ZoneInfo(self._ledger.time_zone)
        return Recorded(1, start_of(ALWAYS, zone), ALWAYS, proposal)

    # --- facts -----------------------------------------------------------------------------------

    def record(self, messages: Sequence[Message]) -> None:
        """Record facts, each decided before the next."""
        commands.check_adopted(self._ledger)
        zone = ZoneInfo(self._ledger.time_zone)
        for message in messages:
            if message.key in self._told:
                continue
            self._told[message.key] = message
            day = day_of(message.effective_at, zone)
            position = self._rerun.position + 1
            self.ids[position] = message.id
            at = message.effective_at
            event = Recorded(position, at, day, message.data, message.source, message.id)
            self._take(event)
            self._named.facts[message.key] = event

    # --- programmes, runs ------------------------------------------------------------------------

    def adopt(self, programme: Programme, from_day: date | None) -> None:
        """Adopt a version of a programme."""
        ledger = self._ledger
        commands.check_adoption(ledger, programme, from_day, None)
        command = ProgrammeAdopted(
            programme=programme.name,
            number=len(ledger.programmes.versions.get(programme.name, ())) + 1,
            document=programme.document(),
            sha256=programme.sha256(),
            from_day=from_day,
            time_zone=ledger.time_zone or DEFAULT_ZONE,
            operator=_OPERATOR,
        )
        self._command(command, from_day or ALWAYS)

    def assign_programme(self, partner_id: str, programme: str, from_day: date) -> None:
        """Put a partner under another programme."""
        commands.check_assignment(self._ledger, self._partner(partner_id), programme, from_day)
        command = PartnerProgrammeAssigned(
            partner_id=partner_id, programme=programme, from_day=from_day, operator=_OPERATOR
        )
        self._command(command, from_day)

    def accrue(self, through: date) -> None:
        """Run an accrual to its end."""
        ledger = self._ledger
        commands.check_accrual(ledger, through)
        run = AccrualRun(
            through=through,
            previous=ledger.accrued_through,
            previous_run=ledger.last_run or None,
            operator=_OPERATOR,
        )
        position = self._rerun.position + 1
        self._command(run, through)
        completed = AccrualCompleted(run=position, day=through)
        zone = ZoneInfo(self._ledger.time_zone)
        event = Recorded(self._rerun.position + 1, start_of(through, zone), through, completed)
        self._rerun.take(ToRerun(event.position, event))

    def close(self, month: str) -> None:
        """Accrue through L again, then close a month."""
        commands.check_close(self._ledger, month)
        accrued = self._ledger.accrued_through
        assert accrued is not None
        self.accrue(accrued)
        day = end_of_month(first_of_month(month))
        self._command(PeriodClosed(month=month, operator=_OPERATOR), day)

    # --- payouts ---------------------------------------------------------------------------------

    def pay(self, cutoff: date, partner_id: str | None) -> None:
        """Run payouts."""
        commands.check_payouts(self._ledger, cutoff)
        if partner_id is not None:
            commands.check_known(self._partner(partner_id))
        self._command(PayoutRun(cutoff=cutoff, partner_id=partner_id, operator=_OPERATOR), cutoff)

    def hold(self, partner_id: str, reason: str) -> None:
        """Suspend a partner's payouts."""
        self._switch(PayoutHeld, partner_id, reason)

    def release(self, partner_id: str, reason: str) -> None:
        """Resume a partner's payouts."""
        self._switch(PayoutReleased, partner_id, reason)

    def _switch(self, cls: type[PayoutHeld | PayoutReleased], partner_id: str, reason: str) -> None:
        commands.check_known(self._partner(partner_id))
        command = cls(partner_id=partner_id, reason=reason, operator=_OPERATOR)
        self._command(command, self._ledger.accrued_through or ALWAYS)

    # --- what two persons do ---------------------------------------------------------------------

    def adjust(self, adjustment: Adjust) -> None:
        """Post an adjustment."""
        partner = self._partner(adjustment.partner_id)
        commands.check_known(partner)
        position = None
        if adjustment.line is not None:
            named = next(self._first_lines(adjustment), None)
            if named is None:
                raise Refused("no such line")
            position = named.position
            commands.check_line(partner, position, named, adjustment.currency)
            self._named.lines[position] = named
        day = commands.dated(self._ledger, adjustment.date)
        self._command(_of_money(AdjustmentRequested, adjustment, day, line=position), day)

    def _first_lines(self, adjustment: Adjust) -> Iterator[Recorded]:
        zone = ZoneInfo(self._ledger.time_zone)
        for position, event in self.events:
            if not isinstance(event, PeriodLine) or event.line is not None:
                continue
            if line_of(event).period == adjustment.line:
                yield Recorded(position, start_of(event.day, zone), event.day, event)

    def credit(self, credit: Credit) -> None:
        """Post a credit."""
        commands.check_known(self._partner(credit.partner_id))
        day = commands.credited(self._ledger, credit.date)
        self._command(_of_money(CreditRequested, credit, day), day)

    def assign(self, assignment: Assign) -> None:
        """Give a client to a partner, or to none."""
        named = assignment.partner_id
        partner = self._partner(named) if named is not None else None
        commands.check_attribution(self._ledger, partner, assignment.from_day)
        command = _by_two(
            AttributionAssignmentRequested,
            assignment,
            client_id=assignment.client_id,
            partner_id=named,
            from_day=assignment.from_day,
            reason=assignment.reason,
        )
        self._command(command, assignment.from_day)

    def retract(self, retraction: Retract) -> None:
        """Void a fact."""
        found = self._named.facts.get((retraction.source, retraction.id))
        voided = found is not None and (found.data.stream, found.position) in self._voided
        fact = commands.check_retraction(retraction.source, retraction.id, found, voided=voided)
        command = _by_two(
            FactRetracted,
            retraction,
            source=retraction.source,
            id=retraction.id,
            reason=retraction.reason,
        )
        self._command(command, fact.day)

    def correct_partner(self, correction: CorrectPartner) -> None:
        """Replace what an enrolment said."""
        partner = self._partner(correction.partner_id)
        commands.check_known(partner)
        assert partner.enrolment is not None
        command = _by_two(
            PartnerCorrected,
            correction,
            partner_id=correction.partner_id,
            kind=correction.kind,
            founding=correction.founding,
            sponsor_id=correction.sponsor_id,
            department=correction.department,
            cleared=correction.cleared,
        )
        self._command(command, partner.enrolment.day)

    def open(self, opening: Open) -> None:
        """Start the ledger for a programme that has a past."""
        openings.check_opening(self._ledger, opening.day)
        self._command(_by_two(LedgerOpened, opening, day=opening.day), opening.day)

    def open_partner(self, opening: OpenPartner) -> None:
        """Fix a partner's tier and balances of the opening."""
        ledger = self._ledger
        openings.check_partner_opening(ledger, self._partner(opening.partner_id), opening.since)
        assert ledger.opened_on is not None
        balances = tuple(
            OpeningBalance(currency=currency, amount=amount)
            for currency, amount in sorted(opening.balances.items())
        )
        command = _by_two(
            PartnerOpened,
            opening,
            partner_id=opening.partner_id,
            tier=opening.tier,
            since=opening.since,
            balances=balances,
        )
        self._command(command, ledger.opened_on)


def _of_money(cls: type[Any], asked: Adjust | Credit, day: date, **members: object) -> Any:
    """A command of two persons that gives a partner an amount, or takes it away."""
    return _by_two(
        cls,
        asked,
        partner_id=asked.partner_id,
        amount=asked.amount,
        currency=asked.currency,
        reason=asked.reason,
        date=day,
        **members,
    )


def _by_two(cls: type[Any], asked: TwoPersons, **members: object) -> Any:
    """A command of two persons; Refused for what its own members do not allow."""
    try:
        return cls(
            **members,
            requested_by=asked.requested_by,
            approved_by=asked.approved_by,
            operator=_OPERATOR,
        )
    except ValidationError as error:
        raise Refused(str(error)) from None
