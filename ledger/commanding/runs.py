"""Accrual runs and closes (D8, D16)."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import date
from typing import Any

from psycopg import Cursor

from events.base import Command, Decision
from events.finance import (
    AccrualRun as AccrualRunCommand,
)
from events.finance import (
    PeriodClosed,
)
from events.recorded import Recorded
from ledger.accrual import Accrued
from ledger.commanding.commanding import Closed, Commanding, is_command
from ledger.commanding.unsettled import unsettled
from ledger.deciding import Progress
from ledger.engine import closes, commands
from ledger.engine.calendar import end_of_month, first_of_month
from ledger.engine.numbered import ENGINE
from ledger.engine.state import Ledger, Partner
from ledger.preview import Previewed, previewed


class RunCommands(Commanding):
    """Runs and closes."""

    def accrue(
        self, through: date, *, ahead: bool = False, progress: Progress | None = None
    ) -> Accrued:
        """Run an accrual through a day (D8.1); a run left open by a kill is finished first."""
        with self._alone():
            self._finish(progress)
            return self._accrue(through, progress, ahead=ahead)

    def preview(self, through: date) -> AbstractContextManager[Previewed]:
        """What a run through a day would decide now, in its order; nothing is written.

        Within the context the decisions come as they are taken, all on one snapshot. Raises Refused
        for a day before L, NotReady while a run is open.
        """
        return previewed(self._appender, self._entities, through)

    def _accrue(self, through: date, progress: Progress | None, *, ahead: bool) -> Accrued:
        def decide(ledger: Ledger, _: Cursor[Any]) -> Command:
            commands.check_accrual(ledger, through)
            return AccrualRunCommand(
                through=through,
                previous=ledger.accrued_through,
                previous_run=ledger.last_run or None,
                ahead=ahead,
                operator=self._operator,
                engine=ENGINE,
            )

        self._append_command(decide, lambda _: through)
        finished = self._finish(progress)
        assert finished is not None
        return finished

    def close(
        self,
        month: str,
        *,
        ahead: bool = False,
        acknowledge: bool = False,
        progress: Progress | None = None,
    ) -> Closed:
        """Close a month (D16): accrue through L again, close, seal its statements.

        Refused while a dead letter or an unresolved fact of the month is open (D16.2); with
        ``acknowledge`` the close lists what is.
        """
        with self._alone():
            self._finish(progress)
            ledger = self.ledger
            commands.check_close(ledger, month)
            assert ledger.accrued_through is not None
            last = end_of_month(first_of_month(month))
            with self._appender.transaction() as cursor:
                left = unsettled(self._recorder, self._models, cursor, ledger, last)
            left.check(month, acknowledge=acknowledge)
            self._accrue(ledger.accrued_through, progress, ahead=ahead)

            def decide(ledger: Ledger, _: Cursor[Any]) -> Command:
                commands.check_close(ledger, month)
                return PeriodClosed(
                    month=month,
                    ahead=ahead,
                    letters=left.letters or None,
                    unresolved=left.facts or None,
                    operator=self._operator,
                    engine=ENGINE,
                )

            self._append_command(decide, lambda _: last, self._rankings)
            sealed = self._finish_seal()
            assert sealed is not None
            return sealed

    def _rankings(self, context: tuple[Ledger, Cursor[Any]], event: Recorded) -> list[Decision]:
        """The rankings and prizes of a close, from all that is recorded before it (D12)."""
        ledger, cursor = context
        month = is_command(event, PeriodClosed).month
        boards = closes.boards(ledger, month)
        if not boards:
            return []
        tallies = {span: self._models.tallies(cursor, span) for span in {b.span for b in boards}}
        assigned = self._partners(cursor, self._models.assigned_partners(cursor))
        ranked = [closes.rank(ledger, board, tallies[board.span], assigned) for board in boards]
        winners = {tally.partner_id for each in ranked for _, tally, _ in each.winners()}
        partners = self._partners(cursor, winners)
        return closes.decide_close(ledger, event.position, month, ranked, partners)

    def _partners(self, cursor: Cursor[Any], names: Iterable[str]) -> dict[str, Partner]:
        """Partners as they stand at the head, past the cache."""
        streams = [f"partner:{name}" for name in sorted(names)]
        folded = self._entities.folded(cursor, streams, self._entities.position)
        return {p.partner_id: p for p in folded.values() if isinstance(p, Partner)}
