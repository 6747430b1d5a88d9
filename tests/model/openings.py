"""The opening of a ledger for a programme that has a past (D8.3).

Readings:

- A partner is opened after the ledger, once; ``since`` lies from its enrolment day to the opening
  day.
- No run evaluates a day before the opening day, also of partners that finance did not open: neither
  the first, nor the one after a first run through the eve (D18.11).
- No credit has a date before the opening day (no line but an adjustment may).
"""

from __future__ import annotations

from datetime import date

from ledger.errors import Refused
from tests.model.commands import OpenPartner
from tests.model.days import ONE, month_of
from tests.model.tiers import Change


class Openings:
    """The day on which the ledger opened, if it has a past, and the partners opened."""

    def __init__(self) -> None:
        self.day: date | None = None
        self._partners: set[str] = set()

    def open(self, day: date) -> tuple[date, str]:
        """Open on a day: gives L, and the month closed last."""
        if self.day is not None or day.day != 1 or day == date.min:
            raise Refused("a ledger opens once, on the first of a month with one before it")
        self.day = day
        return day - ONE, month_of(day - ONE)

    def open_partner(self, opening: OpenPartner, changes: list[Change]) -> date:
        """Fix a partner's tier: gives the opening day."""
        if self.day is None or opening.partner_id in self._partners:
            raise Refused("a partner is opened once, after the ledger")
        if not changes[0].first_day <= opening.since <= self.day:
            raise Refused("the tier begins between the enrolment and the opening")
        self._partners.add(opening.partner_id)
        changes.append(Change(changes[-1].to_tier, opening.tier, opening.since))
        return self.day
