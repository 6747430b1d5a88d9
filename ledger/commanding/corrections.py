"""Finance's own corrections: lines, holders, enrolments (D9.4, D3.6, D9.6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

from psycopg import Cursor

from events.base import Command, Decision
from events.finance import (
    AdjustmentRequested,
    AttributionAssignmentRequested,
    CreditRequested,
    PartnerCorrected,
)
from events.recorded import Recorded
from ledger.commanding.commanding import Commanding, Plan, is_command
from ledger.engine import commands
from ledger.engine.approvals import Proposed
from ledger.engine.assignments import decide_assignment
from ledger.engine.recording import reads_of_client, reads_of_sponsor
from ledger.engine.state import LEDGER, Ledger
from ledger.engine.ties import decide_correction


class CorrectionCommands(Commanding):
    """What finance corrects and grants, by two persons."""

    def adjust(
        self,
        *,
        partner_id: str,
        amount: int,
        currency: str,
        reason: str,
        line: int | None = None,
        day: date | None = None,
        requested_by: str,
        approved_by: str,
    ) -> int | Proposed:
        """Correct an error (D9.4); minor units of either sign. The position of the line."""
        named: list[Recorded | None] = [None]

        def decide(ledger: Ledger, cursor: Cursor[Any]) -> Command:
            partner = self._partner(cursor, partner_id)
            commands.check_known(partner)
            if line is not None:
                named[0] = self._event(cursor, line)
                commands.check_line(partner, line, named[0], currency)
            return AdjustmentRequested(
                partner_id=partner_id,
                amount=amount,
                currency=currency,
                reason=reason,
                line=line,
                date=commands.dated(ledger, day),
                requested_by=requested_by,
                approved_by=approved_by,
                operator=self._operator,
            )

        def book(context: tuple[Ledger, Cursor[Any]], event: Recorded) -> list[Decision]:
            command = is_command(event, AdjustmentRequested)
            return [commands.decide_adjustment(context[0], event, command, named[0])]

        done = self._ask(Plan(decide, lambda command: command.date, book))
        return done if isinstance(done, Proposed) else done.position + 1

    def credit(
        self,
        *,
        partner_id: str,
        amount: int,
        currency: str,
        reason: str,
        day: date | None = None,
        requested_by: str,
        approved_by: str,
    ) -> int | Proposed:
        """Grant something extra (D9.4); minor units above 0. The position of the line."""

        def decide(ledger: Ledger, cursor: Cursor[Any]) -> Command:
            commands.check_known(self._partner(cursor, partner_id))
            return CreditRequested.model_validate(
                {
                    "partner_id": partner_id,
                    "amount": amount,
                    "currency": currency,
                    "reason": reason,
                    "date": commands.credited(ledger, day),
                    "requested_by": requested_by,
                    "approved_by": approved_by,
                    "operator": self._operator,
                }
            )

        def book(context: tuple[Ledger, Cursor[Any]], event: Recorded) -> list[Decision]:
            return [commands.decide_credit(context[0], event, is_command(event, CreditRequested))]

        done = self._ask(Plan(decide, lambda command: command.date, book))
        return done if isinstance(done, Proposed) else done.position + 1

    def assign(
        self,
        *,
        client_id: str,
        partner_id: str | None,
        from_day: date,
        reason: str,
        requested_by: str,
        approved_by: str,
    ) -> int | Proposed:
        """Give a client to a partner, or to none, from a day on (D3.6). The command's position."""

        def decide(ledger: Ledger, cursor: Cursor[Any]) -> Command:
            partner = self._partner(cursor, partner_id) if partner_id is not None else None
            commands.check_attribution(ledger, partner, from_day)
            return AttributionAssignmentRequested(
                client_id=client_id,
                partner_id=partner_id,
                from_day=from_day,
                reason=reason,
                requested_by=requested_by,
                approved_by=approved_by,
                operator=self._operator,
            )

        def assign(context: tuple[Ledger, Cursor[Any]], event: Recorded) -> list[Decision]:
            command = is_command(event, AttributionAssignmentRequested)
            own = {f"partner:{partner_id}"} if partner_id is not None else set()
            state = self._loaded(context[1], lambda at: own | reads_of_client(at, client_id))
            return decide_assignment(state, event, command)

        return self._asked(Plan(decide, lambda command: command.from_day, assign))

    def correct_partner(
        self,
        *,
        partner_id: str,
        kind: Literal["referral", "reseller", "tech", "oem"] | None = None,
        founding: bool | None = None,
        sponsor_id: str | None = None,
        department: str | None = None,
        cleared: Sequence[Literal["sponsor_id", "department"]] = (),
        requested_by: str,
        approved_by: str,
    ) -> int:
        """Replace what an enrolment said, for later decisions (D9.6). The command's position."""
        enrolled: list[date] = []

        def decide(_: Ledger, cursor: Cursor[Any]) -> Command:
            partner = self._partner(cursor, partner_id)
            commands.check_known(partner)
            assert partner.enrolment is not None
            enrolled.append(partner.enrolment.day)
            return PartnerCorrected(
                partner_id=partner_id,
                kind=kind,
                founding=founding,
                sponsor_id=sponsor_id,
                department=department,
                cleared=tuple(cleared),
                requested_by=requested_by,
                approved_by=approved_by,
                operator=self._operator,
            )

        def correct(context: tuple[Ledger, Cursor[Any]], event: Recorded) -> list[Decision]:
            own = {LEDGER, f"partner:{partner_id}"}
            state = self._loaded(context[1], lambda at: own | reads_of_sponsor(at, sponsor_id))
            return decide_correction(state, event, is_command(event, PartnerCorrected))

        # It names no day of its own: it stands where what it replaces stands.
        return self._command(decide, lambda _: enrolled[-1], correct)
