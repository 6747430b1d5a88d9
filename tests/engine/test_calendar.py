"""Days, months, quarters and period starts, on both sides of each end (D2, D4.1, D5, D15.1)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from ledger.engine import calendar

PARIS = ZoneInfo("Europe/Paris")
day = date.fromisoformat


def test_a_day_starts_at_midnight_of_the_ledgers_zone() -> None:
    """D2: told in UTC, in summer and in winter; its last instant is still that day."""
    for of_day, start in (("2024-07-01", "2024-06-30T22:00"), ("2024-12-01", "2024-11-30T23:00")):
        begins = calendar.start_of(day(of_day), PARIS)
        assert begins == datetime.fromisoformat(f"{start}+00:00")
        assert begins.tzinfo is UTC
        assert calendar.day_of(begins, PARIS) == day(of_day)
        assert calendar.day_of(begins - datetime.resolution, PARIS) == day(start[:10])


@pytest.mark.parametrize(
    ("first", "months", "found"),
    [
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-01-31", 1, "2023-02-28"),
        ("2023-01-29", 1, "2023-02-28"),
        ("2023-01-28", 1, "2023-02-28"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-12-31", 1, "2025-01-31"),
        ("2024-01-31", -2, "2023-11-30"),
        ("2024-03-31", 0, "2024-03-31"),
        ("0001-01-31", 1, "0001-02-28"),
        ("0001-02-10", -1, "0001-01-10"),
        ("0001-01-10", -1, "0001-01-01"),
        ("9999-10-31", 1, "9999-11-30"),
        ("9999-11-10", 1, "9999-12-10"),
        ("9999-12-10", 1, "9999-12-31"),
    ],
)
def test_months_keep_the_day(first: str, months: int, found: str) -> None:
    """D2: clamped to the month's end; beyond the calendar's ends it is the calendar's end."""
    assert calendar.add_months(day(first), months) == day(found)


def test_days_end_with_the_calendar() -> None:
    """D3.4: a window that would end after it ends with it."""
    for first, days, found in (
        ("2024-02-28", 0, "2024-02-28"),
        ("2024-02-28", 2, "2024-03-01"),
        ("9999-12-01", 30, "9999-12-31"),
        ("9999-12-01", 31, "9999-12-31"),
    ):
        assert calendar.add_days(day(first), days) == day(found)


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2024-01-31", "2024-02-28", 0),
        ("2024-01-31", "2024-02-29", 1),
        ("2024-01-10", "2025-02-09", 12),
        ("2024-01-10", "2025-02-10", 13),
        ("2024-01-10", "2024-01-09", -1),
        ("2024-01-10", "2023-12-10", -1),
        ("2024-01-10", "2023-12-09", -2),
    ],
)
def test_whole_months(start: str, end: str, months: int) -> None:
    """The most that have gone by; fewer than none before the start."""
    assert calendar.whole_months(day(start), day(end)) == months


def test_client_years_turn_on_their_anniversaries() -> None:
    """D5: at least 1, before the first activation, too."""
    first = day("2024-01-10")
    found = {
        of_day: calendar.client_year(first, day(of_day))
        for of_day in ("2020-01-10", "2024-01-10", "2025-01-09", "2025-01-10", "2026-01-10")
    }
    assert list(found.values()) == [1, 1, 1, 2, 3]


def test_months_and_quarters_by_name() -> None:
    """Of any year, four digits; the first and last month of each quarter."""
    assert calendar.first_of_month("2024-02") == day("2024-02-01")
    assert calendar.end_of_month(day("2024-02-01")) == day("2024-02-29")
    assert calendar.month_of(day("0987-06-05")) == "0987-06"
    quarters = [calendar.quarter_of(date(987, month, 1)) for month in (1, 3, 4, 6, 7, 9, 10, 12)]
    assert quarters == [f"0987Q{number}" for number in (1, 1, 2, 2, 3, 3, 4, 4)]


def test_cutoffs_end_a_month_or_a_quarter() -> None:
    """D15.1: the eve of the end is none, nor with ``quarter`` the end of another month."""
    ends = [(2, 28), (2, 29), (3, 30), (3, 31), (12, 31)]
    for cadence, found in (
        ("month", [False, True, False, True, True]),
        ("quarter", [False, False, False, True, True]),
    ):
        assert [calendar.is_cutoff(date(2024, *end), cadence) for end in ends] == found


@pytest.mark.parametrize(
    ("months", "wanted", "found"),
    [
        (1, "2023-01-01", "2024-01-31"),
        (1, "2024-01-31", "2024-01-31"),
        (1, "2024-02-01", "2024-02-29"),
        (1, "2024-02-29", "2024-02-29"),
        (1, "2024-03-01", "2024-03-31"),
        (12, "2024-02-01", "2025-01-31"),
        (12, "2025-01-31", "2025-01-31"),
        (12, "2025-02-01", "2026-01-31"),
    ],
)
def test_the_first_period_start_from_a_day_on(months: int, wanted: str, found: str) -> None:
    """D4.1: of a schedule from 31 January 2024."""
    assert calendar.period_start_from(day("2024-01-31"), months, day(wanted)) == day(found)
