"""Commission lines of the model: what a run posts for the periods of one partner (D4–D9).

Agreed readings:

- A posted period whose S stays due with another currency or interval is left alone (D9.3).
- A difference shows the rate of the first line; a waiver its base and rate too.
- The tier of ``rate_basis = "activation_date"`` is that of the client's first activation day.
- An adjustment of any commission or waiver of a period makes that period finance's (D9.4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from events.values import TierName
from ledger.policy.programme import Programme
from tests.model.days import client_year
from tests.model.journal import LineView, PeriodKey
from tests.model.periods import Period, all_spells, first_activation_day, periods
from tests.model.seen import Seen, in_force
from tests.model.tiers import Change


def rounded(base: int, rate: Decimal) -> int:
    """Base × rate, rounded half up to the minor unit (D1)."""
    return int(Fraction(base) * Fraction(rate) + Fraction(1, 2))


def tier_on(changes: list[Change], day: date) -> TierName:
    """The tier in force on a day: of the latest first day up to it, the last decided.

    A day before the enrolment, of which no line can be, has the enrolment's.
    """
    tier = changes[0]
    for change in changes:
        if tier.first_day <= change.first_day <= day:
            tier = change
    return tier.to_tier


@dataclass
class PartnerRun:
    """What a run needs to know about one partner."""

    partner_id: str
    founding: bool
    facts: list[Seen]
    changes: list[Change]
    programme: Callable[[date], Programme]
    version: Callable[[date], str]
    posting: Callable[[date], date]

    def due(self, client_id: str, through: date) -> dict[PeriodKey, Period]:
        """The periods of a client of this partner that are due by what is recorded (D4.3)."""
        found = {}
        for spell in all_spells(self.facts, client_id):
            for period in periods(self.facts, client_id, spell, through):
                if in_force(self.facts, self.partner_id, period.start):
                    key = PeriodKey(
                        self.partner_id, client_id, period.subscription_id, period.start
                    )
                    found[key] = period
        return found

    def lines_of(
        self, client_id: str, through: date, posted: list[LineView], adjusted: set[PeriodKey]
    ) -> list[LineView]:
        """The lines that a run through a day posts for a client, by subscription and S."""
        due = self.due(client_id, through)
        lines: list[LineView] = []
        before: dict[PeriodKey, list[LineView]] = {}
        for line in posted:
            if line.kind in {"commission", "waiver"} and line.client_id == client_id:
                before.setdefault(line.period, []).append(line)
        for key in sorted(set(due) | set(before)):
            if key not in before:
                lines.append(self._first(key, due[key]))
            elif key not in adjusted:
                lines += self._later(due.get(key), before[key])
        return lines

    def _first(self, key: PeriodKey, period: Period) -> LineView:
        """D7: the first line of a period."""
        day = period.start
        programme = self.programme(day)
        activated = first_activation_day(self.facts, key.client_id)
        assert activated is not None
        tier = tier_on(
            self.changes, activated if programme.rate_basis == "activation_date" else day
        )
        year = client_year(activated, day)
        rate = programme.rate(tier, year, self.founding)
        return LineView(
            kind="commission",
            rule="D7",
            partner_id=self.partner_id,
            service_date=day,
            posting_date=self.posting(day),
            amount=rounded(period.price, rate),
            currency=period.currency,
            client_id=key.client_id,
            subscription_id=key.subscription_id,
            service_end=period.last_day,
            base=period.price,
            rate=rate,
            tier=tier,
            client_year=year,
            programme_version=self.version(day),
            facts=period.facts,
        )

    def _later(self, now: Period | None, lines: list[LineView]) -> list[LineView]:
        """D9.1 to D9.3: the difference or the waiver of a period that was posted."""
        first = lines[0]
        assert first.rate is not None
        assert first.base is not None
        if now is not None and _changed_kind(first, now):
            return []
        commissions = [line for line in lines if line.kind == "commission"]
        posted = sum(line.amount for line in commissions)
        waived = sum(line.amount for line in lines if line.kind == "waiver")
        worth = 0 if now is None else rounded(now.price, first.rate)
        if now is not None and worth > posted:
            base = max(0, now.price - sum(line.base or 0 for line in commissions))
            return [self._beside(first, "commission", "D9.1", worth - posted, base)]
        if posted - worth - waived > 0:
            return [self._beside(first, "waiver", "D9.2", posted - worth - waived, first.base)]
        return []

    def _beside(self, first: LineView, kind: str, rule: str, amount: int, base: int) -> LineView:
        return LineView(
            kind=kind,
            rule=rule,
            partner_id=self.partner_id,
            service_date=first.service_date,
            posting_date=self.posting(first.service_date),
            amount=amount,
            currency=first.currency,
            client_id=first.client_id,
            subscription_id=first.subscription_id,
            base=base,
            rate=first.rate,
            programme_version=first.programme_version,
            facts=first.facts,
        )


def _changed_kind(first: LineView, now: Period) -> bool:
    """Whether a period has another currency or interval than when it was posted (D9.3)."""
    assert first.service_end is not None
    was_year = (first.service_end - first.service_date).days > 31
    return now.currency != first.currency or (now.interval == "year") != was_year
