"""Accrual runs and closes (D8, D16)."""

from __future__ import annotations

from datetime import date
from typing import Any

from psycopg import Cursor

from events.base import Command
from events.finance import (
    AccrualRun as AccrualRunCommand,
)
from events.finance import (
    PeriodClosed,
)
from ledger.accrual import Accrued, Progress
from ledger.commanding.commanding import Closed, Commanding
from ledger.engine import commands
from ledger.engine.calendar import end_of_month, first_of_month
from ledger.engine.state import Ledger


class RunCommands(Commanding):
    """Runs and closes."""

    def accrue(
        self, through: date, *, ahead: bool = False, progress: Progress | None = None
    ) -> Accrued:
        """Run an accrual through a day (D8.1); a run left open by a kill is finished first."""
        with self._alone():
            self._finish(progress)
            return self._accrue(through, progress, ahead=ahead)

    def _accrue(self, through: date, progress: Progress | None, *, ahead: bool) -> Accrued:
        def decide(ledger: Ledger, _: Cursor[Any]) -> Command:
            commands.check_accrual(ledger, through)
            return AccrualRunCommand(
                through=through,
                previous=ledger.accrued_through,
                previous_run=ledger.last_run or None,
                ahead=ahead,
                operator=self._operator,
            )

        self._append_command(decide, lambda _: through)
        finished = self._finish(progress)
        assert finished is not None
        return finished

    def close(self, month: str, *, ahead: bool = False, progress: Progress | None = None) -> Closed:
        """Close a month (D16): accrue through L again, close, seal its statements."""
        with self._alone():
            self._finish(progress)
            ledger = self.ledger
            commands.check_close(ledger, month)
            assert ledger.accrued_through is not None
            self._accrue(ledger.accrued_through, progress, ahead=ahead)

            def decide(ledger: Ledger, _: Cursor[Any]) -> Command:
                commands.check_close(ledger, month)
                return PeriodClosed(month=month, ahead=ahead, operator=self._operator)

            self._append_command(decide, lambda _: end_of_month(first_of_month(month)))
            sealed = self._finish_seal()
            assert sealed is not None
            return sealed
