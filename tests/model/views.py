"""The views that come out of a ledger under test; amounts are minor units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

OF_PERIOD = frozenset({"commission", "margin", "waiver"})
"""Kinds of lines that are of one period, and show its base and rate."""

TAKE_BACK = frozenset({"D9.5", "D13"})
"""Rules of adjustments that runs post: of a retraction, or of a margin."""


@dataclass(frozen=True, order=True)
class PeriodKey:
    """A period: its first line is what an adjustment may name.

    ``payment``, of a line paid by invoice (D8.2): the invoice, and the payment if it is named.
    """

    partner_id: str
    client_id: str
    subscription_id: str
    service_date: date
    payment: tuple[str, ...] = ()


@dataclass(frozen=True)
class LineView:
    """A line of a partner's account, as `history` shows it; amounts in minor units.

    What a line has not is None. Never compared between ledgers: ``facts`` (positions), ``payment``,
    ``sponsored_id``, ``award``, ``ordinal``, ``of_margin``; ``service_end``, ``tier``,
    ``client_year`` and ``programme_version`` but of first lines; the client that an adjustment by
    hand may show.
    """

    kind: str
    rule: str
    partner_id: str
    service_date: date
    posting_date: date
    amount: int
    currency: str
    client_id: str | None = None
    subscription_id: str | None = None
    service_end: date | None = None
    base: int | None = None
    rate: Decimal | None = None
    tier: str | None = None
    client_year: int | None = None
    programme_version: str | None = None
    facts: tuple[int, ...] = ()
    payment: tuple[str, ...] = ()
    sponsored_id: str | None = None
    award: str | None = None
    ordinal: int | None = None
    of_margin: bool = False

    @property
    def is_first(self) -> bool:
        """Whether it is the first line of a period: a commission or a margin."""
        return self.kind in {"commission", "margin"} and self.rule in {"D7", "D13"}

    @property
    def is_take_back(self) -> bool:
        """Whether a run took something back by it (D9.5, D13)."""
        return self.kind == "adjustment" and self.rule in TAKE_BACK

    @property
    def is_payable(self) -> bool:
        """Whether its amount is in the payable balance (D18)."""
        if self.kind in {"margin", "waiver"} or self.of_margin:
            return False
        return self.rule != "D10.3"

    @property
    def is_earned(self) -> bool:
        """Whether its amount is in what was earned (D18)."""
        return self.is_payable and self.kind != "adjustment"

    @property
    def has_period(self) -> bool:
        """Whether it is a line of a period, or takes one back."""
        return self.kind in OF_PERIOD or self.is_take_back

    @property
    def period(self) -> PeriodKey:
        """The period that it is of."""
        assert self.client_id is not None
        assert self.subscription_id is not None
        return PeriodKey(
            self.partner_id, self.client_id, self.subscription_id, self.service_date, self.payment
        )

    def comparable(self) -> tuple[str, ...]:
        """All that two ledgers must agree on, as text that sorts."""
        with_client = self.has_period or self.kind in {"bonus", "contest", "override"}
        with_rate = self.kind in OF_PERIOD or self.kind == "override"
        parts: list[object] = [
            self.partner_id,
            self.client_id if with_client else None,
            self.subscription_id if self.has_period or self.kind == "override" else None,
            self.service_date,
            self.kind,
            self.rule,
            self.posting_date,
            self.base,
            None if self.rate is None or not with_rate else self.rate.normalize(),
            self.amount,
            self.currency,
        ]
        if self.is_first:
            parts += [self.service_end, self.tier, self.client_year, self.programme_version]
        return tuple(str(part) for part in parts)


@dataclass(frozen=True, order=True)
class TierView:
    """A change of tier, from its first day; the enrolment's has ``from_tier`` ''."""

    partner_id: str
    from_tier: str
    to_tier: str
    first_day: date


@dataclass(frozen=True, order=True)
class ClaimView:
    """A claim with its last answer; ``id`` is the message's (of a lead: the capture's).

    ``answer``: accepted, rejected, lapsed, no_effect, waiting; ``reason`` '' where there is none.
    """

    id: str
    client_id: str
    partner_id: str
    day: date
    answer: str
    reason: str = ""


@dataclass(frozen=True)
class ClientView:
    """How a client stands: its holder for life by a claim, its first activation day, who counts it.

    ``counted_by`` differs from ``partner_id`` where an assignment says so (D3.6), and is None, as
    ``counted_on`` is, for a client that does not count.
    """

    client_id: str
    partner_id: str | None
    first_activated_on: date | None
    counted_on: date | None
    counted_by: str | None = None


@dataclass(frozen=True, order=True)
class PayoutView:
    """A payout; ``status``: in_flight, settled, failed (after a return too)."""

    partner_id: str
    currency: str
    cutoff: date
    amount: int
    status: str = "in_flight"
    settled_amount: int = 0
    flagged: bool = False


@dataclass(frozen=True)
class Balance:
    """The balance of a partner in one currency, in minor units (D15)."""

    earned: int = 0
    adjusted: int = 0
    paid: int = 0
    in_flight: int = 0

    @property
    def payable(self) -> int:
        """Earned + adjusted - paid - in flight."""
        return self.earned + self.adjusted - self.paid - self.in_flight


@dataclass(frozen=True, order=True)
class BadgeView:
    """A badge of a partner, of the counting day that reached it (D12.2)."""

    partner_id: str
    badge: str
    day: date


@dataclass(frozen=True, order=True)
class PlaceView:
    """A place in the leaderboard of a quarter (D12.1); ranks are per programme."""

    rank: int
    partner_id: str
    clients: int


@dataclass(frozen=True, order=True)
class GrantView:
    """The answer to a brand or territory that was granted (D13, D14); ``id`` is the message's.

    ``answer``: accepted, rejected. ``end``: the day on which an accepted territory ends.
    """

    id: str
    partner_id: str
    answer: str
    reason: str = ""
    department: str = ""
    end: date = date.max


@dataclass(frozen=True, order=True)
class TieView:
    """What became of the sponsor that a partner names (D11).

    ``answer``: accepted, rejected (with its reason), waiting.
    """

    partner_id: str
    sponsor_id: str
    answer: str
    reason: str = ""
