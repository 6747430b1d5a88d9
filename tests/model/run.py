"""What a run of the model works on, and the lines that it posts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from events.values import TierName
from ledger.policy.programme import Programme
from tests.model.brands import Brands
from tests.model.programmes import Programmes
from tests.model.seen import in_force
from tests.model.tiers import Change
from tests.model.ties import Ties
from tests.model.views import BadgeView, LineView, PeriodKey
from tests.model.world import World

Places = list[tuple[str, int]]
"""Partners with how many clients, the first place first."""


@dataclass
class Books:
    """All that was decided and is never taken back."""

    posted: list[LineView] = field(default_factory=list)
    changes: dict[str, list[Change]] = field(default_factory=dict)
    adjusted: set[PeriodKey] = field(default_factory=set)
    badges: list[BadgeView] = field(default_factory=list)
    overrides: dict[int, int] = field(default_factory=dict)
    """Of each line that earned its partner's sponsor a share: its place, and the base of that."""
    rankings: dict[tuple[str, str], Places] = field(default_factory=dict)
    """By what is ranked (``2026Q1``, a contest's code) and programme."""


@dataclass(frozen=True)
class Run:
    """An accrual run through a day, or what a close decides after one."""

    through: date
    world: World
    unretracted: World
    programmes: Programmes
    books: Books
    ties: Ties
    brands: Brands
    founding: Callable[[str], bool]
    posting_day: Callable[[date], date]
    opened: date | None

    def programme(self, partner_id: str, day: date) -> Programme:
        """The programme of a partner, in the version of a day."""
        return self.programmes.programme(partner_id, day)

    def tier(self, partner_id: str, day: date) -> TierName:
        """The tier of a partner on a day, as decided so far."""
        return tier_on(self.books.changes[partner_id], day)

    def may_earn(self, partner_id: str, day: date) -> bool:
        """Whether a partner may have a line of a day but those of D7: D4.4, D8.3."""
        return self.is_kept(day) and in_force(self.world.facts, partner_id, day)

    def is_kept(self, day: date) -> bool:
        """Whether the ledger was open on a day (D8.3)."""
        return self.opened is None or day >= self.opened

    def post(
        self,
        kind: str,
        rule: str,
        partner_id: str,
        day: date,
        amount: int,
        currency: str,
        **more: Any,
    ) -> None:
        """Post a line of S ``day``."""
        self.books.posted.append(
            LineView(
                kind=kind,
                rule=rule,
                partner_id=partner_id,
                service_date=day,
                posting_date=self.posting_day(day),
                amount=amount,
                currency=currency,
                **more,
            )
        )


def tier_on(changes: list[Change], day: date) -> TierName:
    """The tier in force on a day: of the latest first day up to it, the last decided.

    A day before the enrolment, of which no line can be, has the enrolment's.
    """
    tier = changes[0]
    for change in changes:
        if tier.first_day <= change.first_day <= day:
            tier = change
    return tier.to_tier
