"""What the figures are made of: sums and counts by partner, as of a place, asked once each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from functools import cached_property

from psycopg import sql

from ledger.engine.calendar import ONE_DAY, add_months
from ledger.engine.state import Ledger
from projections.balances import BALANCES
from projections.definition import scope_of
from projections.figures import (
    ACQUISITION,
    BILLED,
    COSTS,
    COUNTED,
    COUNTING,
    ENGAGEMENT,
    EXPANSION,
    NETWORK,
    PIPELINE,
    PORTFOLIO,
    RETENTION,
    RUNNING,
    SCORES,
)
from replay.as_of import AsOf, Replay, Row, rows_of
from replay.asking import Asking
from replay.entities import last_day_of

Key = tuple[str | None, ...]
"""A partner (None: direct), a currency, or both."""


class Measures:
    """Asks one ledger as of one place.

    ``day`` is the last day of every window: the effective day asked for, else L; None before a
    first run. ``until`` is the last day that counts for all else: the effective day, else every
    day recorded.
    """

    def __init__(self, replay: Replay, at: AsOf, ledger: Ledger) -> None:
        self._replay, self._at = replay, at
        self.ledger = ledger
        self.day = last_day_of(at, ledger)
        self.until = at.effective_at or date.max
        self._ask = Asking(replay, at, self.until)

    # --- by partner ------------------------------------------------------------------------------

    @cached_property
    def acquisition(self) -> Mapping[Key, Row]:
        """Leads, referrals, demonstrations and what became of prospects, by partner."""
        return _by(self._ask(ACQUISITION), "partner_id")

    @cached_property
    def engagement(self) -> Mapping[Key, Row]:
        """Visits, courses and resources, by partner."""
        return _by(self._ask(ENGAGEMENT), "partner_id")

    @cached_property
    def scores(self) -> Mapping[Key, Row]:
        """Scores and use of the clients held, by partner."""
        return _by(self._ask(SCORES), "partner_id")

    @cached_property
    def balances(self) -> Mapping[Key, Row]:
        """What was earned and paid, by partner and currency."""
        return _by(self._replay.balances(self._at), "partner_id", "currency")

    def earned(self, since: date, day: date) -> Mapping[Key, int]:
        """Earned by lines with a service day from ``since`` to ``day``, by partner and currency."""
        lines = scope_of(through=self._at.position, day=day)
        scope = sql.SQL("{} AND day >= {}").format(lines, sql.Literal(since))
        query = BALANCES.select(self._replay.names.events, scope)
        rows = rows_of(self._replay.connection, query)
        return {(_text(row, "partner_id"), _text(row, "currency")): whole(row, "earned")
                for row in rows}  # fmt: skip

    def retention(self, since: date, day: date) -> Mapping[Key, Row]:
        """Clients that paid from ``since`` to ``day``, and those lost by then, by partner."""
        return _by(self._ask(RETENTION, since=since, day=day), "partner_id")

    def expansion(self, since: date, day: date) -> Mapping[Key, Row]:
        """Upsells and expansion after ``since`` up to ``day``, by partner and currency."""
        return _by(self._ask(EXPANSION, since=since, day=day), "partner_id", "currency")

    def pipeline(self, day: date, window_days: int) -> Iterable[Row]:
        """Prospects that may still become clients on ``day``, by partner and stage."""
        return self._ask(PIPELINE, day=day, window_days=window_days)

    def billed(self, since: date, day: date) -> Mapping[Key, int]:
        """Prices of the periods that began from ``since`` to ``day``, by partner and currency."""
        rows = self._ask(BILLED, since=since, day=day)
        return {(_text(row, "partner_id"), _text(row, "currency")): whole(row, "amount")
                for row in rows}  # fmt: skip

    def costs(self, since: date, day: date) -> Mapping[str, int]:
        """Costs recorded from ``since`` to ``day``, by currency."""
        rows = self._ask(COSTS, since=since, day=day)
        return {str(row["currency"]): whole(row, "amount") for row in rows}

    def running(self, since: date, through: date) -> Iterable[Row]:
        """Terms of partners' clients with periods that may begin after ``since``."""
        return self._ask(RUNNING, since=since, through=through)

    # --- stocks of some days ---------------------------------------------------------------------

    def portfolio(self, days: Collection[date]) -> Mapping[date, Mapping[Key, Row]]:
        """Active clients and ARR on each day: by partner, and by partner and currency."""
        found: dict[date, dict[Key, Row]] = {day: {} for day in days}
        for row in self._ask(PORTFOLIO, days=days):
            key = (_text(row, "partner_id"), _text(row, "currency"))
            found[_day(row)][key] = row
        return found

    def counted(self, days: Collection[date]) -> Mapping[date, Mapping[Key, int]]:
        """Clients counted up to each day, by partner."""
        found: dict[date, dict[Key, int]] = {day: {} for day in days}
        for row in self._ask(COUNTED, days=days):
            found[_day(row)][(_text(row, "partner_id"),)] = whole(row, "clients")
        return found

    def network(self, days: Collection[date]) -> Mapping[date, Mapping[str, bool]]:
        """The partners enrolled by each day, and whether their agreement is in force."""
        found: dict[date, dict[str, bool]] = {day: {} for day in days}
        for row in self._ask(NETWORK, days=days):
            found[_day(row)][str(row["partner_id"])] = bool(row["in_force"])
        return found

    def counting_days(self) -> Mapping[str, Mapping[date, int]]:
        """Counted clients by counting day, for each partner; days to come included."""
        found: defaultdict[str, dict[date, int]] = defaultdict(dict)
        for row in self._ask(COUNTING):
            if row["partner_id"] is not None:
                found[str(row["partner_id"])][_day(row, "counted_on")] = whole(row, "clients")
        return found

    def leaders(self, day: date, programme: str) -> list[Row]:
        """A programme's leaderboard of the quarter that ``day`` lies in, up to it (D12.1)."""
        at = AsOf(self._at.position, self._at.known_at, day, self._at.final)
        quarter = f"{day.year:04d}Q{(day.month + 2) // 3}"
        return list(self._replay.leaderboard(at, quarter, programme))


def year_before(day: date) -> date:
    """The day 12 months before, as requirements count them (D6.2)."""
    return add_months(day, -12)


def eve(day: date) -> date:
    """The day before, or the calendar's first day itself."""
    return day if day == date.min else day - ONE_DAY


def eve_of_month(day: date) -> date:
    """The last day of the month before."""
    return eve(day.replace(day=1))


def whole(row: Row | None, name: str) -> int:
    """A count or an amount of a row; 0 where there is no row or nothing to sum."""
    value = None if row is None else row[name]
    if value is None:
        return 0
    if not isinstance(value, int):
        raise TypeError(f"{name} is {value!r}, no whole number")
    return value


def _by(rows: Iterable[Row], *names: str) -> dict[Key, Row]:
    return {tuple(_text(row, name) for name in names): row for row in rows}


def _text(row: Row, name: str) -> str | None:
    value = row[name]
    return None if value is None else str(value)


def _day(row: Row, name: str = "on_day") -> date:
    value = row[name]
    if not isinstance(value, date):
        raise TypeError(f"{name} is {value!r}, no day")
    return value
