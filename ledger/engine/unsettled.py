"""What is open of a month that is to be closed, and what refuses the close (D16.2)."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from events.finance import OpenLetter, PeriodClosed
from events.values import parse_instant
from ledger.engine.calendar import day_of
from ledger.errors import Refused


class Unsettled(NamedTuple):
    """What is open of a month: dead letters, and positions of facts and decisions."""

    letters: tuple[OpenLetter, ...] = ()
    facts: tuple[int, ...] = ()

    def without(self, closes: Iterable[PeriodClosed]) -> Unsettled:
        """What no earlier close has listed; what was acknowledged once is not asked again."""
        listed = list(closes)
        letters = {each.id for close in listed for each in close.letters or ()}
        facts = {position for close in listed for position in close.unresolved or ()}
        return Unsettled(
            tuple(each for each in self.letters if each.id not in letters),
            tuple(position for position in self.facts if position not in facts),
        )

    def check(self, month: str, *, acknowledge: bool) -> None:
        """Refuse a close that would leave something open, unless that is acknowledged."""
        if acknowledge or not (self.letters or self.facts):
            return
        quarantined = sum(each.kind == "quarantined" for each in self.letters)
        counts = {
            "rejected": len(self.letters) - quarantined,
            "quarantined": quarantined,
            "unresolved": len(self.facts),
        }
        told = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
        raise Refused(
            f"{month} is not closed, as something up to its end is open: {told}; settle what these"
            " show: commissions dead-letters list, commissions unresolved; or add --acknowledge:"
            " the close lists it"
        )


def is_of_month(said: JsonValue, error: str, last: date, zone: ZoneInfo) -> bool:
    """Whether a dead letter may be about a month up to its last day, or one before.

    It is not if it says a later time that can be read. ``said`` is what it says of its time,
    ``error`` the class of what was wrong with it: of one with a wrong time nobody knows the day.
    """
    if error != "wrong_time" and isinstance(said, str):
        with suppress(ValueError):
            return day_of(parse_instant(said), zone) <= last
    return True
