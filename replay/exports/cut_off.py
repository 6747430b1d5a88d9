"""The cut-off of a year: what was posted too late for it, paid ahead of it, or won in kind.

A line for a period that reaches past the year's end is divided by days, both ends counted: what
falls to the year is rounded half up, the rest goes to what follows, so the two make the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction

from ledger.engine.calendar import ONE_DAY, add_months
from replay.as_of import AsOf, Replay, Row

MEMBERS = (
    "section",
    "position",
    "partner_id",
    "kind",
    "rule",
    "client_id",
    "service_date",
    "service_end",
    "posting_date",
    "currency",
    "amount",
    "days",
    "days_after",
    "within",
    "after",
)
"""``within`` and ``after``: the amount for service up to the year's end, and past it."""

_MONTHS = 12
_SECTIONS = {"late": 0, "ahead": 1, "in_kind": 2}


def cut_off(replay: Replay, at: AsOf, year_end: date) -> list[Row]:
    """Return the lines that a year which ends on a day has to look at, by section and position.

    ``late``: S in the year, posted after it. ``ahead``: posted by its end, for service past it.
    ``in_kind``: prizes that are no money, with their value, S in the year. A sponsor's share, a
    take-back and an adjustment by finance have the period of the line that they name.
    """
    rows = list(_rows(replay, at, year_end))
    return sorted(rows, key=lambda row: (_SECTIONS[str(row["section"])], row["position"]))


def divide(amount: int, first: date, last: date, year_end: date) -> tuple[int, int]:
    """Return an amount for ``first`` … ``last`` divided at a year's end: up to it, and past it."""
    days = (last - first).days + 1
    within = min(max((year_end - first).days + 1, 0), days)
    share = Fraction(abs(amount) * within, days)
    rounded = (2 * share.numerator + share.denominator) // (2 * share.denominator)
    up_to = rounded if amount >= 0 else -rounded
    return up_to, amount - up_to


def _rows(replay: Replay, at: AsOf, year_end: date) -> Iterator[Row]:
    begin = add_months(year_end, -_MONTHS) + ONE_DAY
    reaching: dict[object, tuple[date, date]] = {}
    for line in replay.history(at):
        service, posted = line["service_date"], line["posting_date"]
        assert isinstance(service, date)
        assert isinstance(posted, date)
        if service > year_end:
            continue
        end = line["service_end"]
        period = reaching.get(line["line"])
        if isinstance(end, date):
            # Finance's adjustment has a day of its own, and the days of the line that it names.
            period = service, end
        if period is not None and period[1] > year_end:
            reaching[line["position"]] = period
        if line["kind"] == "waiver":
            continue
        section = _section(line, service, posted, begin, year_end, period)
        if section is not None:
            yield _row(section, line, period, year_end)


def _section(
    line: Row,
    service: date,
    posted: date,
    begin: date,
    year_end: date,
    period: tuple[date, date] | None,
) -> str | None:
    if line["kind"] == "prize" and not line["in_balance"]:
        return "in_kind" if service >= begin else None
    if posted > year_end:
        return "late" if service >= begin else None
    return "ahead" if period is not None and period[1] > year_end else None


def _row(section: str, line: Row, period: tuple[date, date] | None, year_end: date) -> Row:
    amount = line["amount"]
    assert isinstance(amount, int)
    row: Row = {name: line.get(name) for name in MEMBERS}
    row |= {"section": section, "within": amount, "after": 0}
    if period is not None:
        first, end = period
        within, after = divide(amount, first, end, year_end)
        days = (end - first).days + 1
        past = max((end - year_end).days, 0)
        row |= {"service_end": end, "days": days, "days_after": past}
        row |= {"within": within, "after": after}
    return row
