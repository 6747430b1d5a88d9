"""How a ledger starts for a programme with a past (D8.3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from psycopg import Cursor

from events.base import Command, Decision
from events.finance import LedgerOpened, OpeningBalance, PartnerOpened
from events.recorded import Recorded
from events.values import TierName
from ledger.commanding.commanding import Commanding, Plan, is_command
from ledger.engine import openings
from ledger.engine.approvals import Proposed
from ledger.engine.state import Ledger


class OpeningCommands(Commanding):
    """The opening of a ledger, and of its partners, each by two persons."""

    def open(self, *, day: date, requested_by: str, approved_by: str) -> int | Proposed:
        """Open the ledger on the first of a month (D8.3). The position of the command."""

        def decide(ledger: Ledger, _: Cursor[Any]) -> Command:
            openings.check_opening(ledger, day)
            return LedgerOpened(
                day=day,
                requested_by=requested_by,
                approved_by=approved_by,
                operator=self._operator,
            )

        return self._asked(Plan(decide, lambda _: day))

    def open_partner(
        self,
        *,
        partner_id: str,
        tier: TierName,
        since: date,
        balances: Mapping[str, int],
        requested_by: str,
        approved_by: str,
    ) -> int | Proposed:
        """Fix a partner's tier and balances of the opening day (D8.3).

        ``balances`` are minor units of either sign by currency. The position of the command.
        """
        opened_on: list[date] = []

        def decide(ledger: Ledger, cursor: Cursor[Any]) -> Command:
            openings.check_partner_opening(ledger, self._partner(cursor, partner_id), since)
            assert ledger.opened_on is not None
            opened_on.append(ledger.opened_on)
            return PartnerOpened(
                partner_id=partner_id,
                tier=tier,
                since=since,
                balances=tuple(
                    OpeningBalance(currency=currency, amount=amount)
                    for currency, amount in sorted(balances.items())
                ),
                requested_by=requested_by,
                approved_by=approved_by,
                operator=self._operator,
            )

        def book(context: tuple[Ledger, Cursor[Any]], event: Recorded) -> list[Decision]:
            ledger, cursor = context
            command = is_command(event, PartnerOpened)
            partner = self._partner(cursor, partner_id)
            return openings.decide_partner_opening(ledger, event, command, partner)

        return self._asked(Plan(decide, lambda _: opened_on[-1], book))
