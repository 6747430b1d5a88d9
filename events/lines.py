"""Lines: the decisions that carry an amount, each in the account of a partner (D18).

Members named ``fact``, ``line``, ``facts``, ``run`` and ``command`` hold positions; amounts are
integer minor units. ``day`` is S, the day that a line is for.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from events.decisions import Facts, RuledDecision
from events.values import (
    Code,
    Count,
    Currency,
    Day,
    Identifier,
    Interval,
    Position,
    Rate,
    TierName,
    Total,
)

RankingKind = Literal["quarter", "year", "contest"]
"""What a ranking counts (D12)."""


class Line(RuledDecision):
    """A decision that carries an amount, in the account of a partner.

    ``day`` is S, the day that the line is for; ``posting_date`` the day in a statement (D16).
    """

    kind: ClassVar[str]
    partner_id: Identifier
    posting_date: Day
    amount: Total
    currency: Currency
    facts: Facts = ()
    run: Position | None = None

    @property
    def stream(self) -> str:
        """``account:<partner_id>``."""
        return f"account:{self.partner_id}"


class PeriodLine(Line):
    """A line of one period (client, subscription, S), with its arithmetic.

    ``line`` is the first line of the period where this one is not it. A line on what a client paid
    names the invoice, and the payment if it has an id of its own; ``base`` is then net of refunds
    (D8.2).
    """

    client_id: Identifier
    subscription_id: Identifier
    service_end: Day
    interval: Interval
    client_year: Annotated[int, Field(ge=1)]
    tier: TierName
    base: Annotated[int, Field(ge=0)]
    rate: Rate
    line: Position | None = None
    invoice_id: Identifier | None = None
    payment_id: Identifier | None = None


class CommissionPosted(PeriodLine):
    """A commission on a period, or its late difference (D7, D9.1)."""

    type: ClassVar[str] = "CommissionPosted"
    kind: ClassVar[str] = "commission"
    amount: Annotated[Total, Field(ge=0)]


class MarginPosted(PeriodLine):
    """A white-label margin on a period, or its late difference (D13, D9.1)."""

    type: ClassVar[str] = "MarginPosted"
    kind: ClassVar[str] = "margin"
    amount: Annotated[Total, Field(ge=0)]


class ClawbackWaived(PeriodLine):
    """What the promise not to claw back costs for a period (D9.2); no effect on balances."""

    type: ClassVar[str] = "ClawbackWaived"
    kind: ClassVar[str] = "waiver"
    amount: Annotated[Total, Field(gt=0)]


class BonusPosted(Line):
    """A bonus for each ten counted clients (D10.1); ``ordinal`` is the count reached."""

    type: ClassVar[str] = "BonusPosted"
    kind: ClassVar[str] = "bonus"
    client_id: Identifier
    ordinal: Annotated[int, Field(ge=1)]


class BonusDeclined(RuledDecision):
    """A bonus refused for ``day``, as ``tier`` on the day judged was too low (D10.1).

    For another day it is judged anew.
    """

    type: ClassVar[str] = "BonusDeclined"
    partner_id: Identifier
    client_id: Identifier
    ordinal: Annotated[int, Field(ge=1)]
    tier: TierName
    facts: Facts
    run: Position

    @property
    def stream(self) -> str:
        """``account:<partner_id>``."""
        return f"account:{self.partner_id}"


class ContestPosted(Line):
    """A contest's amount for one counted client (D10.2)."""

    type: ClassVar[str] = "ContestPosted"
    kind: ClassVar[str] = "contest"
    client_id: Identifier
    contest: Code


class RewardPosted(Line):
    """A sponsor's reward for an active partner (D11.1)."""

    type: ClassVar[str] = "RewardPosted"
    kind: ClassVar[str] = "reward"
    sponsored_id: Identifier


class OverridePosted(Line):
    """A sponsor's share on a line of the sponsored partner (D11.2)."""

    type: ClassVar[str] = "OverridePosted"
    kind: ClassVar[str] = "override"
    sponsored_id: Identifier
    client_id: Identifier
    subscription_id: Identifier
    base: Annotated[int, Field(ge=0)]
    rate: Rate
    line: Position


class PrizePosted(Line):
    """A prize of a ranking or a contest (D10.3, D12); in no balance if not ``cash``.

    ``ranking`` is the position of the ranking that it is a place of; ``facts`` holds what
    completes the count of the place: a claim, or finance's assignment.
    """

    type: ClassVar[str] = "PrizePosted"
    kind: ClassVar[str] = "prize"
    prize: Code
    rank: Annotated[int, Field(ge=1)]
    cash: bool = True
    ranking: Position | None = None


class CreditPosted(Line):
    """Something extra, granted by finance (D9.4)."""

    type: ClassVar[str] = "CreditPosted"
    kind: ClassVar[str] = "credit"
    reason: Code
    command: Position


class AdjustmentPosted(Line):
    """A correction (D9.4), a take-back (D9.5, D13) or an opening balance (D8.3); of either sign.

    ``of_margin``: it corrects a margin and is in no balance; ``base`` is then the base taken back.
    """

    type: ClassVar[str] = "AdjustmentPosted"
    kind: ClassVar[str] = "adjustment"
    reason: Code
    command: Position | None = None
    line: Position | None = None
    client_id: Identifier | None = None
    subscription_id: Identifier | None = None
    base: Annotated[int, Field(ge=0)] | None = None
    of_margin: bool = False


class RankingRecorded(RuledDecision):
    """A ranking of one programme's partners, fixed at a close (D12); ``run`` is that close.

    ``of`` says what was counted: a quarter (``ranking`` is such as ``2026Q1``), all clients up to a
    year's end (``2026``), or a contest (its code); None is a quarter. ``places`` are (partner,
    clients), the first first.
    """

    type: ClassVar[str] = "RankingRecorded"
    of: RankingKind | None = None
    ranking: Code
    programme: Identifier
    places: tuple[tuple[Identifier, Count], ...]
    run: Position

    @property
    def stream(self) -> str:
        """``ranking:<ranking>``."""
        return f"ranking:{self.ranking}"


class DifferenceUnresolved(RuledDecision):
    """A period that runs leave alone would differ now: it is finance's to settle (D9.3, D9.4).

    ``due`` is V, what the period would be worth by what is recorded, in ``due_currency``;
    ``posted`` is P, in ``currency``. The reason ``settled`` ends the list: the period is again as
    it was left.
    """

    type: ClassVar[str] = "DifferenceUnresolved"
    partner_id: Identifier
    client_id: Identifier
    subscription_id: Identifier
    line: Position
    due: Annotated[int, Field(ge=0)]
    due_currency: Currency
    posted: int
    currency: Currency
    reason: Literal[
        "accrual_changed", "adjusted", "currency_changed", "interval_changed", "settled"
    ]
    run: Position

    @property
    def stream(self) -> str:
        """``client:<client_id>``."""
        return f"client:{self.client_id}"
