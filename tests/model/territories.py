"""Departments held by partners alone, decided when a grant is recorded (D14).

Readings:

- A grant of the holder is a renewal if one of its own accepted grants runs on its day; the running
  end is the latest of these, and the new end counts from it, by the months of the programme in
  force on the new grant's day.
- A partner that is not enrolled by the grant's day is not strategic.
- Where the partner's programme of that day has no territories, a grant has no answer and no effect.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from tests.model.days import plus_months
from tests.model.views import GrantView


@dataclass(frozen=True)
class Holding:
    """A department held from ``start`` to the eve of ``end``."""

    department: str
    partner_id: str
    start: date
    end: date


@dataclass
class Territories:
    """All grants accepted, in recording order, and all answers."""

    holdings: list[Holding] = field(default_factory=list)
    answers: list[GrantView] = field(default_factory=list)

    def holder(self, department: str | None, day: date) -> str | None:
        """Who holds a department on a day, by what is recorded now."""
        for holding in self.holdings:
            if holding.department == department and holding.start <= day < holding.end:
                return holding.partner_id
        return None

    def hear(
        self,
        name: str,
        partner_id: str,
        department: str,
        day: date,
        *,
        months: int,
        is_strategic: bool,
    ) -> None:
        """Answer a grant; ``name`` is the id of its message."""
        end = plus_months(self._running_end(partner_id, department, day) or day, months)
        taken = any(
            holding.department == department
            and holding.partner_id != partner_id
            and holding.start < end
            and day < holding.end
            for holding in self.holdings
        )
        if not is_strategic or taken:
            reason = "held" if is_strategic else "not_strategic"
            self.answers.append(GrantView(name, partner_id, "rejected", reason, department))
            return
        self.holdings.append(Holding(department, partner_id, day, end))
        self.answers.append(GrantView(name, partner_id, "accepted", "", department, end))

    def _running_end(self, partner_id: str, department: str, day: date) -> date | None:
        running = [
            holding.end
            for holding in self.holdings
            if (holding.department, holding.partner_id) == (department, partner_id)
            and holding.start <= day < holding.end
        ]
        return max(running, default=None)
