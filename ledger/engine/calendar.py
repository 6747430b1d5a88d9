"""Days, months, quarters and client years (D2, D5). Pure: no clock, no zone but the one given."""

from __future__ import annotations

from calendar import monthrange
from datetime import MAXYEAR, UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_SHORTEST_MONTH = 28
_LAST = date.max.toordinal()
ONE_DAY = timedelta(days=1)
MONTHS = {"month": 1, "year": 12}
"""Months in one interval of a price."""


def day_of(instant: datetime, zone: ZoneInfo) -> date:
    """The calendar day of an instant in the ledger's time zone (D2)."""
    return instant.astimezone(zone).date()


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which a day starts in the ledger's time zone."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def add_days(day: date, days: int) -> date:
    """Add days; after year 9999 it stays at the calendar's last day, as months do."""
    return date.fromordinal(min(day.toordinal() + days, _LAST))


def add_months(day: date, months: int) -> date:
    """Add months and keep the day, clamped to the month's end (D2): 31 Jan + 1 = 28 Feb.

    Before year 1 and after year 9999 it stays at the calendar's first and last day.
    """
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    if not 1 <= year <= MAXYEAR:
        return date.min if year < 1 else date.max
    if day.day <= _SHORTEST_MONTH:
        return date(year, month + 1, day.day)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def whole_months(start: date, end: date) -> int:
    """The greatest n with ``add_months(start, n) <= end``; negative if ``end`` is earlier."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return months if add_months(start, months) <= end else months - 1


@lru_cache(maxsize=4096)
def client_year(first_activation: date, day: date) -> int:
    """The client year of a day, at least 1 (D5)."""
    return max(1, 1 + whole_months(first_activation, day) // 12)


def first_of_month(month: str) -> date:
    """The first day of a month written ``YYYY-MM``."""
    return date.fromisoformat(f"{month}-01")


def end_of_month(day: date) -> date:
    """The last day of the month that a day lies in."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def month_of(day: date) -> str:
    """The month of a day, ``YYYY-MM``."""
    return f"{day.year:04d}-{day.month:02d}"


def quarter_of(day: date) -> str:
    """The quarter of a day, such as ``2026Q1``."""
    return f"{day.year:04d}Q{(day.month + 2) // 3}"


def is_cutoff(day: date, cadence: str) -> bool:
    """Whether a day ends a month, or with the cadence ``quarter`` a quarter (D15.1)."""
    return day == end_of_month(day) and (cadence == "month" or day.month % 3 == 0)


def period_start_from(anchor: date, months: int, day: date) -> date:
    """The first period start of the schedule (anchor, every so many months) not before ``day``."""
    if day <= anchor:
        return anchor
    count = whole_months(anchor, day) // months
    start = add_months(anchor, count * months)
    return start if start >= day else add_months(anchor, (count + 1) * months)
