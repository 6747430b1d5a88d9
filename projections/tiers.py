"""Tiers: the present tier of each partner, and every change of it (D6)."""

from __future__ import annotations

from events.partner_decisions import TierChanged
from projections.balances import PARTNER
from projections.definition import Column, ReadModel, StoredProjection

TIERS = StoredProjection(
    name="tiers",
    comment="The present tier of each partner.",
    columns=(
        PARTNER,
        Column("tier", 'text COLLATE "C"', "referent, certified or strategic."),
        Column("since", "date", "The first day of the tier."),
        Column("position", "bigint", "Position of the TierChanged that gave it."),
    ),
    order_by=("partner_id",),
    key=("partner_id",),
    topics=frozenset({TierChanged.topic()}),
    latest=("since", "position"),
)

TIER_HISTORY = ReadModel(
    name="tier_history",
    comment="Every change of a tier, the enrolment's first.",
    columns=(
        PARTNER,
        Column("from_tier", "text", "The tier before; null at the enrolment."),
        Column("to_tier", "text", "The tier from the effective day on."),
        Column("effective_day", "date", "First day of the new tier."),
        Column("position", "bigint", "Position of the TierChanged."),
        Column("cause", "text", "enrolment, promotion, review or opening."),
        Column("rule", "text", "Number of the rule that decided it."),
        Column("programme_version", "text", "Programme and version that decided it."),
        Column("measures", "jsonb", "Requirements or commitments with what was measured."),
    ),
)
