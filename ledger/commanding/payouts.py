"""Payout runs (D15)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from psycopg import Cursor

from events.base import Command, Decision
from events.finance import (
    PayoutRun,
)
from events.payout_decisions import PayoutInitiated
from events.recorded import Recorded
from ledger.commanding.commanding import Commanding
from ledger.engine import Payable, commands, decide_payouts
from ledger.engine.payouts import payout_id
from ledger.engine.state import Ledger, Partner


class PayoutCommands(Commanding):
    """Payout runs."""

    def run_payouts(self, cutoff: date, *, ahead: bool = False) -> list[PayoutInitiated]:
        """Initiate what is due on a cut-off (D15.1); the same cut-off again pays nothing twice."""
        initiated: list[PayoutInitiated] = []

        def decide(ledger: Ledger, _: Cursor[Any]) -> Command:
            commands.check_payouts(ledger, cutoff)
            return PayoutRun(cutoff=cutoff, ahead=ahead, operator=self._operator)

        def payouts(context: tuple[Ledger, Cursor[Any]], event: Recorded) -> list[Decision]:
            ledger, cursor = context
            payables = list(self._payables(cursor, cutoff))
            initiated.extend(decide_payouts(ledger, event.position, cutoff, payables))
            return list(initiated)

        self._command(decide, lambda _: cutoff, payouts)
        return initiated

    def _payables(self, cursor: Cursor[Any], cutoff: date) -> Iterator[Payable]:
        """What is owed by the cut-off, but for what the same cut-off has initiated before."""
        owed = list(self._models.payables(cursor, cutoff))
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
