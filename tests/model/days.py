"""Days and months of the model (D2)."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
ONE = timedelta(days=1)


def day_of(instant: datetime) -> date:
    """The calendar day of an instant in the ledger's time zone."""
    return instant.astimezone(PARIS).date()


def plus_days(day: date, days: int) -> date:
    """The day so many days later; the last one that there is, if there are not so many."""
    return day + min(timedelta(days=days), date.max - day)


def plus_months(day: date, months: int) -> date:
    """The day so many months later or earlier; it keeps its day, clamped to the month's end."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def days(first: date, last: date) -> Iterator[date]:
    """Every day from the first to the last, both included."""
    day = first
    while day <= last:
        yield day
        day += ONE


def month_of(day: date) -> str:
    """``YYYY-MM``."""
    return day.isoformat()[:7]


def month_after(month: str) -> str:
    """The month after one."""
    return month_of(plus_months(first_of(month), 1))


def first_of(month: str) -> date:
    """The first day of a month."""
    return date.fromisoformat(f"{month}-01")


def last_of(month: str) -> date:
    """The last day of a month."""
    return first_of(month_after(month)) - ONE


def is_month_end(day: date) -> bool:
    """Whether a day is the last of its month."""
    return (day + ONE).day == 1


def is_quarter_end(day: date) -> bool:
    """Whether a day is the last of its quarter."""
    return is_month_end(day) and day.month % 3 == 0


def client_year(first_activation: date, day: date) -> int:
    """D5: 1 + floor(n / 12), n the most months with first activation + n months not after S."""
    n = 0
    while plus_months(first_activation, n + 1) <= day:
        n += 1
    return 1 + n // 12
