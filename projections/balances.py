"""Balances: earned, adjusted, paid and in flight of each partner and currency (D15)."""

from __future__ import annotations

from events.lines import (
    AdjustmentPosted,
    BonusPosted,
    ClawbackWaived,
    CommissionPosted,
    ContestPosted,
    CreditPosted,
    MarginPosted,
    OverridePosted,
    PrizePosted,
    RewardPosted,
)
from events.payout_decisions import (
    PaymentBooked,
    PayoutClosed,
    PayoutInitiated,
    WholesaleBooked,
)
from projections.definition import Column, StoredProjection

LINE_TOPICS = frozenset(
    line.topic()
    for line in (
        AdjustmentPosted,
        BonusPosted,
        ClawbackWaived,
        CommissionPosted,
        ContestPosted,
        CreditPosted,
        MarginPosted,
        OverridePosted,
        PrizePosted,
        RewardPosted,
    )
)
"""Topics of the lines of D18."""

MONEY_TOPICS = LINE_TOPICS | {
    PayoutInitiated.topic(),
    PayoutClosed.topic(),
    PaymentBooked.topic(),
    WholesaleBooked.topic(),
}
"""Topics of events with a kind: lines, payouts and payments."""

PARTNER = Column("partner_id", 'text COLLATE "C"', "The partner.")
CURRENCY = Column("currency", 'text COLLATE "C"', "ISO 4217 code of the amounts.")

BALANCES = StoredProjection(
    name="balances",
    comment="What each partner earned, was adjusted by and was paid, by currency.",
    columns=(
        PARTNER,
        CURRENCY,
        Column("earned", "numeric(38, 0)", "All payable lines and credits, in minor units."),
        Column("adjusted", "numeric(38, 0)", "Adjustments of either sign, in minor units."),
        Column("paid", "numeric(38, 0)", "Settled, less what came back, in minor units."),
        Column("in_flight", "numeric(38, 0)", "Initiated, neither settled nor failed."),
    ),
    order_by=("partner_id", "currency"),
    key=("partner_id", "currency"),
    topics=MONEY_TOPICS,
    combine="add",
)
