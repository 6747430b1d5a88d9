"""An enrolment on the calendar's first day stopped every accrual run: the day before was asked."""

from __future__ import annotations

from datetime import date

from ledger.policy import files
from tests.rules.facts import activated, enrolled
from tests.rules.ledger_adapter import open_ledger


def test_an_enrolment_on_the_first_day_that_there_is() -> None:
    """A mistyped year is a fact all the same; it is 1 January of year 1 in New York."""
    with open_ledger() as ledger:
        ledger.application.adopt(files.load("izyinbox"), time_zone="America/New_York")
        ledger.record([enrolled("0001-01-02T00:00:00Z"), activated("2024-01-10", partner="p1")])
        ledger.accrue(date(2024, 1, 31))
        assert [change.first_day for change in ledger.tiers()] == [date.min]
        assert [line.amount for line in ledger.lines()] == [2_000]
