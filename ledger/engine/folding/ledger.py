"""Folding ``ledger``: commands, and how far runs and closes are."""

from __future__ import annotations

from datetime import date

from events.course import AccrualCompleted, StatementsSealed
from events.finance import (
    AccrualRun,
    CreditRequested,
    LedgerOpened,
    PartnerProgrammeAssigned,
    PayoutHeld,
    PayoutReleased,
    PeriodClosed,
    ProgrammeAdopted,
)
from events.recorded import Recorded
from ledger.engine.calendar import ONE_DAY, end_of_month, first_of_month
from ledger.engine.folding.table import Folds
from ledger.engine.state import (
    Ledger,
    Run,
)
from ledger.policy.programme import Programme


def _adopted(ledger: Ledger, _: Recorded, command: ProgrammeAdopted) -> Ledger:
    programme = Programme.from_document(command.document)
    adopted = ledger._replace(
        programmes=ledger.programmes.adopt(programme, command.from_day),
        time_zone=command.time_zone,
    )
    return adopted if command.from_day is None else _with_terms_from(adopted, command.from_day)


def _assigned(ledger: Ledger, _: Recorded, command: PartnerProgrammeAssigned) -> Ledger:
    return _with_terms_from(ledger, command.from_day)


def _with_terms_from(ledger: Ledger, day: date) -> Ledger:
    return ledger._replace(terms_from=min(ledger.terms_from or day, day))


def _run(ledger: Ledger, event: Recorded, command: AccrualRun) -> Ledger:
    run = Run(event.position, command.through, command.previous, command.previous_run or 0)
    return ledger._replace(accrued_through=command.through, last_run=event.position, open_run=run)


def _completed(ledger: Ledger, _: Recorded, decision: AccrualCompleted) -> Ledger:
    run = ledger.open_run
    if run is None or run.position != decision.run:
        return ledger
    return ledger._replace(open_run=None, terms_from=None)


def _period_closed(ledger: Ledger, event: Recorded, command: PeriodClosed) -> Ledger:
    last = end_of_month(first_of_month(command.month))
    return ledger._replace(closed_through=last, unsealed=(command.month, event.position))


def _opened(ledger: Ledger, _: Recorded, command: LedgerOpened) -> Ledger:
    eve = command.day - ONE_DAY
    return ledger._replace(opened_on=command.day, accrued_through=eve, closed_through=eve)


def _credited(ledger: Ledger, _: Recorded, command: CreditRequested) -> Ledger:
    first = ledger.credited_from
    if first is not None and first <= command.date:
        return ledger
    return ledger._replace(credited_from=command.date)


def _held(ledger: Ledger, _: Recorded, command: PayoutHeld) -> Ledger:
    return ledger._replace(held=ledger.held | {command.partner_id})


def _released(ledger: Ledger, _: Recorded, command: PayoutReleased) -> Ledger:
    return ledger._replace(held=ledger.held - {command.partner_id})


def _sealed(ledger: Ledger, _: Recorded, __: StatementsSealed) -> Ledger:
    return ledger._replace(unsealed=None)


FOLDS: Folds = {
    ProgrammeAdopted: _adopted,
    PartnerProgrammeAssigned: _assigned,
    AccrualRun: _run,
    AccrualCompleted: _completed,
    PeriodClosed: _period_closed,
    StatementsSealed: _sealed,
    LedgerOpened: _opened,
    CreditRequested: _credited,
    PayoutHeld: _held,
    PayoutReleased: _released,
}
