"""Payout runs, holds and releases (D15)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from psycopg import Cursor

from events.base import Command, Decision
from events.finance import PayoutHeld, PayoutReleased, PayoutRun
from events.payout_decisions import PayoutInitiated
from events.recorded import Recorded
from ledger.commanding.commanding import ALWAYS, Commanding, Plan
from ledger.engine import commands
from ledger.engine.approvals import Proposed
from ledger.engine.numbered import ENGINE
from ledger.engine.payouts import Payable, decide_payouts, payout_id
from ledger.engine.state import Ledger, Partner


class PayoutCommands(Commanding):
    """Payout runs, and who is kept out of them."""

    def run_payouts(
        self, cutoff: date, partner_id: str | None = None, *, ahead: bool = False
    ) -> list[PayoutInitiated] | Proposed:
        """Initiate what is due on a cut-off (D15.1); the same cut-off again pays nothing twice.

        ``partner_id``: of this partner alone, on any cut-off. Who is held is not paid.
        """

        def decide(ledger: Ledger, cursor: Cursor[Any]) -> Command:
            commands.check_payouts(ledger, cutoff)
            if partner_id is not None:
                commands.check_known(self._partner(cursor, partner_id))
            return PayoutRun(
                cutoff=cutoff,
                partner_id=partner_id,
                ahead=ahead,
                operator=self._operator,
                engine=ENGINE,
            )

        def payouts(context: tuple[Ledger, Cursor[Any]], event: Recorded) -> list[Decision]:
            ledger, cursor = context
            payables = self._payables(cursor, cutoff, partner_id)
            named = partner_id is not None
            return list(decide_payouts(ledger, event.position, cutoff, payables, on_any_day=named))

        done = self._ask(Plan(decide, lambda _: cutoff, payouts))
        if isinstance(done, Proposed):
            return done
        return [each for each in done.decisions if isinstance(each, PayoutInitiated)]

    def hold(self, partner_id: str, reason: str) -> int:
        """Suspend a partner's payouts (D15.1). The position of the command."""
        return self._switch(PayoutHeld, partner_id, reason)

    def release(self, partner_id: str, reason: str) -> int:
        """Resume a partner's payouts (D15.1). The position of the command."""
        return self._switch(PayoutReleased, partner_id, reason)

    def _switch(self, cls: type[PayoutHeld | PayoutReleased], partner_id: str, reason: str) -> int:
        standing_on: list[date] = []

        def decide(ledger: Ledger, cursor: Cursor[Any]) -> Command:
            commands.check_known(self._partner(cursor, partner_id))
            standing_on.append(ledger.accrued_through or ALWAYS)
            return cls(partner_id=partner_id, reason=reason, operator=self._operator)

        return self._command(decide, lambda _: standing_on[-1])

    def _payables(
        self, cursor: Cursor[Any], cutoff: date, partner_id: str | None
    ) -> Iterator[Payable]:
        """What is owed by the cut-off, but for what the same cut-off has initiated before."""
        owed = list(self._models.payables(cursor, cutoff, partner_id))
        streams = [f"payout:{payout_id(name, currency, cutoff)}" for name, currency, _ in owed]
        partners = [f"partner:{name}" for name, _, _ in owed]
        position = self._entities.position
        initiated = self._entities.folded(cursor, streams, position)
        known = self._entities.folded(cursor, sorted(set(partners)), position)
        for stream, partner, (name, currency, amount) in zip(streams, partners, owed, strict=True):
            if stream not in initiated:
                entity = known.get(partner)
                partner_entity = entity if isinstance(entity, Partner) else Partner(name)
                yield Payable(partner_entity, currency, amount)
