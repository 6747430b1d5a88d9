"""The cut-off of a year, on lines written by hand; amounts are divided to the minor unit."""

from __future__ import annotations

from datetime import date, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.lines import AdjustmentPosted, ClawbackWaived, OverridePosted, PrizePosted
from replay.as_of import Replay
from replay.exports.cut_off import cut_off, divide
from tests.projections.journal import Journal, commission

YEAR_END = date(2026, 12, 31)
MARCH, MID_DECEMBER, JANUARY = date(2026, 3, 1), date(2026, 12, 17), date(2027, 1, 1)
days = st.dates(date(2025, 1, 1), date(2028, 1, 1))


@given(st.integers(-(10**12), 10**12), days, st.integers(0, 800), days)
def test_what_is_divided_makes_the_line(amount: int, first: date, more: int, end: date) -> None:
    """Nothing before the first day, all after the last; a share is never above the whole."""
    last = first + timedelta(days=more)
    within, after = divide(amount, first, last, end)
    assert within + after == amount
    assert abs(within) <= abs(amount)
    if end < first:
        assert within == 0
    if end >= last:
        assert after == 0


def test_days_are_counted_with_both_ends() -> None:
    """17 December to 16 January: 15 of 31 days are in the year; half up, below 0 as above."""
    end = date(2027, 1, 16)
    assert divide(3100, MID_DECEMBER, end, YEAR_END) == (1500, 1600)
    assert divide(-3100, MID_DECEMBER, end, YEAR_END) == (-1500, -1600)
    assert divide(1, YEAR_END, JANUARY, YEAR_END) == (1, 0)


def test_late_ahead_and_in_kind(journal: Journal, connection: psycopg.Connection) -> None:
    """A sponsor's share and a take-back have the period of their line; the rest is left out."""
    reaching = date(2027, 1, 16)
    ahead = journal.decide(
        commission("p1", "c1", MID_DECEMBER, 3100, service_end=reaching), MID_DECEMBER
    )
    share = OverridePosted.model_validate(
        {
            "rule": "D11.2",
            "day": MID_DECEMBER,
            "partner_id": "p2",
            "posting_date": MID_DECEMBER,
            "amount": 775,
            "currency": "EUR",
            "sponsored_id": "p1",
            "client_id": "c1",
            "subscription_id": "c1",
            "base": 15_500,
            "rate": "0.05",
            "line": ahead,
        }
    )
    shared = journal.decide(share, MID_DECEMBER)
    late = journal.decide(commission("p1", "c2", MARCH, 500, posting_date=JANUARY), MARCH)
    journal.decide(commission("p1", "c3", MARCH, 500), MARCH)
    journal.decide(commission("p1", "c4", JANUARY, 500), JANUARY)
    old = date(2025, 5, 1)
    journal.decide(commission("p1", "c5", old, 500, posting_date=JANUARY), old)
    prize = PrizePosted.model_validate(
        {
            "rule": "D10.3",
            "day": MARCH,
            "partner_id": "p1",
            "posting_date": MARCH,
            "amount": 300_000,
            "currency": "EUR",
            "prize": "trip",
            "rank": 1,
            "cash": False,
        }
    )
    won = journal.decide(prize, MARCH)
    back = AdjustmentPosted.model_validate(
        {
            "rule": "D9.5",
            "day": MID_DECEMBER,
            "partner_id": "p1",
            "posting_date": JANUARY,
            "amount": -3100,
            "currency": "EUR",
            "reason": "error",
            "line": ahead,
            "client_id": "c1",
            "subscription_id": "c1",
        }
    )
    taken = journal.decide(back, MID_DECEMBER)
    journal.append()
    replay = Replay(connection)
    rows = cut_off(replay, replay.resolve(), YEAR_END)
    found = [
        (row["section"], row["position"], row["amount"], row["days_after"], row["within"])
        for row in rows
    ]
    assert found == [
        ("late", late, 500, 0, 500),
        ("late", taken, -3100, 16, -1500),
        ("ahead", ahead, 3100, 16, 1500),
        ("ahead", shared, 775, 16, 375),
        ("in_kind", won, 300_000, None, 300_000),
    ]
    assert rows[3]["service_end"] == reaching
    then = cut_off(replay, replay.resolve(position=ahead), YEAR_END)
    assert [row["position"] for row in then] == [ahead]


@pytest.mark.parametrize("named", ["line", "waiver"])
def test_finances_adjustment_is_divided_as_the_line_that_it_names(
    journal: Journal, connection: psycopg.Connection, named: str
) -> None:
    """Dated on the last day of the year it undoes 15 of 31 days in it, not one of seventeen."""
    reaching = date(2027, 1, 16)
    line = commission("p1", "c1", MID_DECEMBER, 3100, service_end=reaching)
    first = journal.decide(line, MID_DECEMBER)
    given_up = ClawbackWaived.model_validate(
        {**line.model_dump(), "rule": "D9.2", "line": first, "amount": 100}
    )
    waiver = journal.decide(given_up, MID_DECEMBER)
    adjustment = AdjustmentPosted.model_validate(
        {
            "rule": "D9.4",
            "day": YEAR_END,
            "partner_id": "p1",
            "posting_date": YEAR_END,
            "amount": -3100,
            "currency": "EUR",
            "reason": "error",
            "line": first if named == "line" else waiver,
            "client_id": "c1",
            "subscription_id": "c1",
        }
    )
    journal.decide(adjustment, YEAR_END)
    journal.append()
    replay = Replay(connection)
    rows = cut_off(replay, replay.resolve(), YEAR_END)
    assert [(row["days"], row["days_after"], row["within"], row["after"]) for row in rows] == [
        (31, 16, 1500, 1600),
        (31, 16, -1500, -1600),
    ]
