"""A run through the calendar's last day never ended: the day after it is that day again."""

from __future__ import annotations

from datetime import date
from itertools import islice

import pytest

from events.decisions import Term
from events.values import Interval
from ledger.engine.subscriptions import period_starts


@pytest.mark.parametrize(("interval", "last"), [("month", "9999-12-10"), ("year", "9999-01-10")])
def test_periods_end_with_the_calendar(interval: Interval, last: str) -> None:
    """The last period is the last that begins on its own day."""
    term = Term(
        start=date(9990, 1, 10), end=None, anchor=date(9990, 1, 10), interval=interval,
        plan="pro", price=1, currency="EUR", activation=1, price_fact=1,
    )  # fmt: skip
    found = list(islice(period_starts(term, None, date.max), 1_000))
    assert len(found) == (120 if interval == "month" else 10)
    assert found[-1][0] == date.fromisoformat(last)
    assert list(period_starts(term, found[-1][0], date.max)) == []
