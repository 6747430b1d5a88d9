"""Four eyes: proposals of finance's commands, approved or rejected (D16.1)."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from psycopg import Cursor, sql
from psycopg.rows import tuple_row

from events.base import Command, Decision
from events.codec import decode_state
from events.controls import CommandProposed, ProposalApproved, ProposalRejected
from events.finance import (
    AdjustmentRequested,
    AttributionAssignmentRequested,
    CreditRequested,
    FactRetracted,
    LedgerOpened,
    PartnerOpened,
    PartnerProgrammeAssigned,
    PayoutRun,
    ProgrammeAdopted,
    ResolutionRequested,
)
from ledger.commanding.commanding import Carried, Commanding, Plan
from ledger.commanding.corrections import CorrectionCommands
from ledger.commanding.openings import OpeningCommands
from ledger.commanding.payouts import PayoutCommands
from ledger.commanding.programmes import ProgrammeCommands
from ledger.commanding.retractions import RetractionCommands
from ledger.engine import approvals
from ledger.engine.approvals import Fate, Proposed
from ledger.engine.state import LEDGER, Ledger
from ledger.entities import Entities
from ledger.errors import Refused
from ledger.policy.programme import Programme


class Approved(NamedTuple):
    """A proposal that took effect: positions of approval and command, and what that decided."""

    approval: int
    command: int
    type: str
    decisions: tuple[Decision, ...]


class ControlledCommands(
    ProgrammeCommands, OpeningCommands, PayoutCommands, CorrectionCommands, RetractionCommands
):
    """The commands of which some wait for another operator."""


class ApprovalCommands(ControlledCommands):
    """Proposals, decided by another operator than who made them."""

    def approve(self, position: int) -> Approved:
        """Let the command that was proposed at a position take effect now (D16.1).

        It is decided again, on the ledger as it stands. Raises Refused where the operator is who
        proposed it, where nothing waits at that position, and where the command is refused by now.
        """
        return _Approving(self, position).approve()

    def reject(self, position: int, reason: str) -> int:
        """End a proposal without effect (D16.1); who made it may, too. The rejection's position."""
        standing_on: list[date] = []

        def decide(_: Ledger, cursor: Cursor[Any]) -> Command:
            event = self._event(cursor, position)
            approvals.check_pending(position, event, fate(self._entities, cursor, position))
            assert event is not None
            standing_on.append(event.day)
            return ProposalRejected(proposal=position, reason=reason, operator=self._operator)

        return self._command(decide, lambda _: standing_on[-1])


class _Approving(ControlledCommands):
    """The same commands, each carried out as the proposal at ``position`` asks for it."""

    def __init__(self, of: Commanding, position: int) -> None:
        # The same store and the same entities at hand: whatever is appended here, that one sees.
        self.__dict__.update(of.__dict__)
        self._position = position
        self._done: Approved | None = None

    def approve(self) -> Approved:
        with self._appender.transaction() as cursor:
            self._follow(cursor)
            command = approvals.proposed(self._waiting(cursor))
        self._again(command)
        assert self._done is not None
        return self._done

    def _ask(self, plan: Plan) -> Carried | Proposed:
        with self._alone():
            self._finish(None)
            with self._appender.transaction() as cursor:
                head = self._recorder.head(cursor)
                ledger = self._follow(cursor, head.position)
                proposal = self._waiting(cursor)
                approved = ProposalApproved(proposal=self._position, operator=self._operator)
                command = self._valid(plan, ledger, cursor).model_copy(
                    update={"approval": head.position + 1, "operator": proposal.operator}
                )
                done = self._carry_out(cursor, head, ledger, plan, command, [approved])
        self._done = Approved(head.position + 1, done.position, command.type, done.decisions)
        return done

    def _waiting(self, cursor: Cursor[Any]) -> CommandProposed:
        """The proposal, which still waits, and for another operator than this one."""
        event = self._event(cursor, self._position)
        found = fate(self._entities, cursor, self._position)
        proposal = approvals.check_pending(self._position, event, found)
        approvals.check_other(self._position, proposal, self._operator)
        return proposal

    def _valid(self, plan: Plan, ledger: Ledger, cursor: Cursor[Any]) -> Command:
        try:
            return self._decided(plan, ledger, cursor)
        except Refused as error:
            raise Refused(
                f"proposal {self._position} cannot take effect any more: {error}; end it with:"
                f" commissions reject {self._position} --reason CODE"
            ) from None

    def _again(self, command: Command) -> object:
        """Ask for the command that was proposed, by the days and lines that it fixed."""
        match command:
            case ProgrammeAdopted():
                programme = Programme.from_document(command.document)
                return self.adopt(programme, from_day=command.from_day)
            case PartnerProgrammeAssigned():
                partner_id, programme_id = command.partner_id, command.programme
                return self.assign_programme(partner_id, programme_id, command.from_day)
            case PayoutRun():
                return self.run_payouts(command.cutoff, command.partner_id, ahead=command.ahead)
            case _:
                return self._again_by_two(command)

    def _again_by_two(self, command: Command) -> object:
        members = {
            name: value
            for name, value in command
            if name not in {"operator", "approval", "date", "balances"}
        }
        match command:
            case ResolutionRequested():
                # Whose decision it is, is found again.
                del members["partner_id"]
                return self.resolve(**members)
            case AdjustmentRequested():
                return self.adjust(**members, day=command.date)
            case CreditRequested():
                return self.credit(**members, day=command.date)
            case AttributionAssignmentRequested():
                return self.assign(**members)
            case FactRetracted():
                return self.retract(**members)
            case LedgerOpened():
                return self.open(**members)
            case PartnerOpened():
                balances = {each.currency: each.amount for each in command.balances}
                return self.open_partner(**members, balances=balances)
            case _:
                raise AssertionError(command.type)


def fate(entities: Entities, cursor: Cursor[Any], position: int) -> Fate | None:
    """What became of the proposal at a position; None while it waits."""
    query = sql.SQL(
        "SELECT position, topic, state FROM {} WHERE originator_id = %s AND topic = ANY(%s)"
        " AND (convert_from(state, 'UTF8')::jsonb ->> 'proposal')::bigint = %s"
    ).format(entities.table)
    topics = [ProposalApproved.topic(), ProposalRejected.topic()]
    with cursor.connection.cursor(row_factory=tuple_row) as own:
        row = own.execute(query, (LEDGER, topics, position), prepare=False).fetchone()
    if row is None:
        return None
    answer = decode_state(row[1], bytes(row[2]))
    assert isinstance(answer, ProposalApproved | ProposalRejected)
    return Fate(row[0], answer)
