"""Tiers of the model: every day evaluated, one after the other (D6).

Agreed readings:

- The present tier is the one decided last, though its first day may lie ahead.
- A level is *lost in a review* if the partner was ever demoted from it. Who lost certified must
  regain it by its own rule to reach strategic, too.
- A partner is evaluated from its enrolment day, or from L if that is later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from events.values import TIERS, TierName
from ledger.policy.parts import Requirements
from ledger.policy.programme import Programme
from tests.model.days import ONE, days, plus_months

Reported = tuple[date, tuple[datetime, int], int]
"""A day, its order within it (effective_at, position), and the value reported."""


@dataclass(frozen=True)
class Evidence:
    """All that a partner's tiers rest on, as recorded so far."""

    counted: list[date]
    certified: list[date]
    nps: list[Reported]
    portfolio: list[Reported]
    comarketing: list[tuple[date, int, str]]

    def counted_in(self, first: date, last: date) -> int:
        """Clients that count on a day from the first to the last."""
        return sum(first <= day <= last for day in self.counted)

    def invested_in(self, first: date, last: date, currency: str) -> int:
        """Co-marketing of a currency, in minor units, of the days from the first to the last."""
        return sum(a for day, a, c in self.comarketing if first <= day <= last and c == currency)


@dataclass(frozen=True)
class Change:
    """A tier from its first day on; ``demotion`` if a review decided it."""

    from_tier: TierName | None
    to_tier: TierName
    first_day: date
    demotion: bool = False


def decide(
    history: list[Change],
    evidence: Evidence,
    programme: Callable[[date], Programme],
    *,
    first: date,
    last: date,
    accrued: date | None,
) -> list[Change]:
    """The changes that a run decides, taking the days from first to last; ``accrued`` is L.

    ``history`` holds the changes decided before, the enrolment's first.
    """
    changes = list(history)
    for day in days(first, last):
        if accrued is None or day > accrued:
            changes += _review(changes, evidence, programme(day), day)
        changes += _evaluate(changes, evidence, programme(day), day)
    return changes[len(history) :]


def _review(
    changes: list[Change], evidence: Evidence, programme: Programme, day: date
) -> list[Change]:
    """D6.4: the review that falls on a day, if any."""
    present = changes[-1]
    years = 1
    while plus_months(present.first_day, 12 * years) < day:
        years += 1
    if plus_months(present.first_day, 12 * years) != day:
        return []
    since = plus_months(present.first_day, 12 * (years - 1))
    if _keeps(programme, present.to_tier, evidence, since, day - ONE):
        return []
    below = TIERS[TIERS.index(present.to_tier) - 1]
    return [Change(present.to_tier, below, day, demotion=True)]


def _evaluate(
    changes: list[Change], evidence: Evidence, programme: Programme, day: date
) -> list[Change]:
    """D6.2, D6.3: the promotion that a day's evaluation gives, if any: from the day after it."""
    present = changes[-1].to_tier
    lost = {change.from_tier for change in changes if change.demotion}
    trailing = plus_months(day, -12) + ONE

    def won(tier: TierName) -> bool:
        return _meets(programme, tier, evidence, day) and (
            tier not in lost or _keeps(programme, tier, evidence, trailing, day)
        )

    holds = present == "certified" or won("certified")
    if present != "strategic" and holds and won("strategic"):
        return [Change(present, "strategic", day + ONE)]
    if present == "referent" and won("certified"):
        return [Change(present, "certified", day + ONE)]
    return []


def _keeps(
    programme: Programme, tier: TierName, evidence: Evidence, first: date, last: date
) -> bool:
    """Whether the commitments of a tier are met between two days, both included."""
    commitment = programme.tier(tier).commitment
    clients = commitment.counted_clients_per_year
    invested = commitment.comarketing_per_year
    return (clients is None or evidence.counted_in(first, last) >= clients) and (
        invested is None or evidence.invested_in(first, last, programme.currency) >= invested
    )


def _meets(programme: Programme, tier: TierName, evidence: Evidence, day: date) -> bool:
    """Whether the requirements of a tier itself are met as of a day."""
    requires = programme.tier(tier).requires
    trailing = plus_months(day, -12) + ONE
    checks = [
        _at_least(requires.counted_clients_12_months, evidence.counted_in(trailing, day)),
        _at_least(requires.counted_clients_ever, evidence.counted_in(date.min, day)),
        _at_least(
            requires.comarketing_12_months,
            evidence.invested_in(trailing, day, programme.currency),
        ),
        not requires.certification or any(certified <= day for certified in evidence.certified),
        *_last_values(requires, evidence, day),
    ]
    return all(checks)


def _last_values(requires: Requirements, evidence: Evidence, day: date) -> list[bool]:
    return [
        _above(requires.nps_above, _last(evidence.nps, day)),
        _above(requires.portfolio_above, _last(evidence.portfolio, day)),
    ]


def _last(reports: list[Reported], day: date) -> int | None:
    known = [report for report in reports if report[0] <= day]
    return max(known, key=lambda report: report[1])[2] if known else None


def _at_least(required: int | None, measured: int) -> bool:
    return required is None or measured >= required


def _above(required: int | None, measured: int | None) -> bool:
    return required is None or (measured is not None and measured > required)
