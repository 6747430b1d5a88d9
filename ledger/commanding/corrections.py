"""Finance's own corrections: adjustments and credits (D9.4)."""

from __future__ import annotations

from datetime import date
from typing import Any

from psycopg import Cursor

from events.base import Command, Decision
from events.finance import (
    AdjustmentRequested,
    CreditRequested,
)
from events.recorded import Recorded
from ledger.commanding.commanding import Commanding, is_command
from ledger.engine import commands
from ledger.engine.state import Ledger


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
    ) -> int:
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

        return 1 + self._command(decide, lambda command: command.date, book)

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
    ) -> int:
        """Grant something extra (D9.4); minor units above 0. The position of the line."""

        def decide(ledger: Ledger, cursor: Cursor[Any]) -> Command:
            commands.check_known(self._partner(cursor, partner_id))
            return CreditRequested.model_validate(
                {
                    "partner_id": partner_id,
                    "amount": amount,
                    "currency": currency,
                    "reason": reason,
                    "date": commands.dated(ledger, day),
                    "requested_by": requested_by,
                    "approved_by": approved_by,
                    "operator": self._operator,
                }
            )

        def book(context: tuple[Ledger, Cursor[Any]], event: Recorded) -> list[Decision]:
            return [commands.decide_credit(context[0], event, is_command(event, CreditRequested))]

        return 1 + self._command(decide, lambda command: command.date, book)
