"""The days of instants in a time zone, without making the instants: D2 asked millions of times."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from ledger.engine.calendar import start_of
from replay.plain import EPOCH, instant_of

_STRETCH = 900_000_000
"""Microseconds of a quarter of an hour: most of them lie in one day, at one offset."""

_MOST_KNOWN = 200_000
_MICROSECOND = timedelta(microseconds=1)


class Days:
    """Instants are microseconds since 2000, days are ordinals."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._of_stretch: dict[int, int] = {}
        self.starts = _Starts(zone)
        """The instant at which a day begins; None for what is no day of the calendar."""

    @staticmethod
    @cache
    def of(time_zone: str) -> Days:
        """Those of a time zone, the same for each that asks."""
        return Days(ZoneInfo(time_zone))

    def day_of(self, instant: int) -> int:
        """The day of an instant; 0 for one that no calendar has."""
        stretch = instant // _STRETCH
        day = self._of_stretch.get(stretch)
        if day is None:
            day = self._common(stretch)
            if len(self._of_stretch) < _MOST_KNOWN:
                self._of_stretch[stretch] = day
        return day or self._exactly(instant)

    def _common(self, stretch: int) -> int:
        """The day of a whole stretch, 0 if that is not one."""
        first, last = stretch * _STRETCH, (stretch + 1) * _STRETCH - 1
        day = self._exactly(first)
        same = day == self._exactly(last) and self._offset(first) == self._offset(last)
        return day if same else 0

    def _exactly(self, instant: int) -> int:
        try:
            return instant_of(instant).astimezone(self.zone).toordinal()
        except (OverflowError, ValueError):
            return 0

    def _offset(self, instant: int) -> timedelta | None:
        try:
            return instant_of(instant).astimezone(self.zone).utcoffset()
        except (OverflowError, ValueError):
            return None


class _Starts(dict[int, int | None]):
    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__()
        self.zone = zone

    def __missing__(self, ordinal: int) -> int | None:
        start: int | None
        try:
            start = (start_of(date.fromordinal(ordinal), self.zone) - EPOCH) // _MICROSECOND
        except (OverflowError, ValueError):
            start = None
        if len(self) < _MOST_KNOWN:
            self[ordinal] = start
        return start
