"""How far the ledger is: runs, closes and openings as ``ledger`` folds them (D8, D16)."""

from __future__ import annotations

from datetime import date

import pytest

from events.base import Decision
from events.course import AccrualCompleted, StatementsSealed
from events.finance import AccrualRun, LedgerOpened, PeriodClosed
from ledger.engine.state import Ledger, Run, ledger_of
from tests.engine.journal import Journal
from tests.rules.programmes import plain

JANUARY, FEBRUARY = date(2024, 1, 31), date(2024, 2, 29)


@pytest.fixture
def journal() -> Journal:
    """A programme is adopted at position 1."""
    return Journal(plain())


def clock(journal: Journal) -> Ledger:
    """The ledger's own entity."""
    return ledger_of(journal.state)


def accrue(journal: Journal, through: date, **before: object) -> None:
    """A run begins."""
    command = AccrualRun.model_validate({"through": through, "operator": "tester", **before})
    journal.append(command, through)


def test_an_adopted_programme_fixes_the_zone(journal: Journal) -> None:
    """D2, D7.2."""
    assert clock(journal).time_zone == "UTC"
    assert list(clock(journal).programmes.versions) == [plain().name]


def test_a_run_is_open_until_its_own_completion(journal: Journal) -> None:
    """D8.1: another run's changes nothing, nor does a second."""
    accrue(journal, JANUARY)
    first = clock(journal)
    assert (first.accrued_through, first.last_run) == (JANUARY, 2)
    assert first.open_run == Run(2, JANUARY, None, 0)
    journal.append(AccrualCompleted(run=9, day=JANUARY), JANUARY)
    assert clock(journal) == first
    for _ in range(2):
        journal.append(AccrualCompleted(run=2, day=JANUARY), JANUARY)
        assert clock(journal) == first._replace(open_run=None)
    accrue(journal, FEBRUARY, previous=JANUARY, previous_run=2)
    assert clock(journal).open_run == Run(6, FEBRUARY, JANUARY, 2)


def test_a_month_is_closed_and_then_sealed(journal: Journal) -> None:
    """D16: through its last day; which close waits for its seal."""
    journal.append(PeriodClosed(month="2024-02", operator="tester"), FEBRUARY)
    assert clock(journal).closed_through == FEBRUARY
    assert clock(journal).unsealed == ("2024-02", 2)
    seal: Decision = StatementsSealed(
        month="2024-02", close=2, statements=0, sha256="0" * 64, day=FEBRUARY
    )
    journal.take([seal])
    assert clock(journal).closed_through == FEBRUARY
    assert clock(journal).unsealed is None


def test_an_opening_closes_what_was_before(journal: Journal) -> None:
    """D8.3: L is the eve, and no run is open."""
    opened = LedgerOpened(
        day=date(2024, 2, 1), requested_by="ann", approved_by="bob", operator="tester"
    )
    journal.append(opened, opened.day)
    ledger = clock(journal)
    assert ledger.opened_on == opened.day
    assert (ledger.accrued_through, ledger.closed_through) == (JANUARY, JANUARY)
    assert (ledger.last_run, ledger.open_run) == (0, None)
