"""Clients: how each stands, and the terms of its subscriptions (D4)."""

from __future__ import annotations

from events.decisions import AttributionAssigned, ClientStanding
from projections.balances import CURRENCY
from projections.definition import Column, StoredProjection

_TOPICS = frozenset({ClientStanding.topic()})
CLIENT = Column("client_id", 'text COLLATE "C"', "The client.")

CLIENTS = StoredProjection(
    name="clients",
    comment="How each client stands: its holder, first activation and counting day.",
    columns=(
        CLIENT,
        Column(
            "partner_id", 'text COLLATE "C"', "The partner that holds it by claims; null: none."
        ),
        Column("claim", "bigint", "Position of the claim that won it."),
        Column("first_activated_on", "date", "Day of its first activation."),
        Column("first_activated_at", "timestamptz", "Instant of its first activation."),
        Column("counted_on", "date", "Its counting day (D6.1); null: not counted."),
        Column("counted_by", 'text COLLATE "C"', "Who counts it, where that is not partner_id."),
        Column("retracted", "boolean", "Whether a fact about it was retracted (D9.5)."),
        Column("position", "bigint", "Position of the ClientStanding that says so."),
    ),
    order_by=("client_id",),
    key=("client_id",),
    topics=_TOPICS,
    latest=("position",),
    # A partner's clients; those that count on some days.
    indexes=("partner_id, client_id", "counted_on"),
    version=3,
)

ASSIGNMENTS = StoredProjection(
    name="assignments",
    comment="Who holds a client from a day on by finance's word (D3.6); of one day the last.",
    columns=(
        CLIENT,
        Column("from_day", "date", "The day from which it holds."),
        Column("partner_id", 'text COLLATE "C"', "The partner that holds it; null: direct."),
        Column("position", "bigint", "Position of the AttributionAssigned."),
    ),
    order_by=("client_id", "from_day"),
    key=("client_id", "from_day"),
    topics=frozenset({AttributionAssigned.topic()}),
    latest=("position",),
    # The clients that a partner was given.
    indexes=("partner_id, client_id",),
)

TERMS = StoredProjection(
    name="terms",
    comment="Stretches of days on which one price of one subscription holds.",
    columns=(
        CLIENT,
        Column("subscription_id", 'text COLLATE "C"', "The subscription."),
        Column("start_day", "date", "First day of the term."),
        Column("end_day", "date", "The day after its last; null: open."),
        Column("anchor", "date", "First day of the schedule of its periods."),
        Column("months", "smallint", "Months of a period: 1 or 12."),
        Column("plan", 'text COLLATE "C"', "Code of the plan."),
        Column("price", "bigint", "Price of a period, in minor units."),
        CURRENCY,
        Column("activation", "bigint", "Position of the activation."),
        Column("price_fact", "bigint", "Position of the fact that set the price."),
        Column("position", "bigint", "Position of the ClientStanding that put it there."),
    ),
    order_by=("client_id", "subscription_id", "start_day"),
    key=("client_id", "subscription_id", "start_day"),
    topics=_TOPICS,
    latest=("position",),
    removes=True,
    # Those that may have a period due on a day of the month.
    indexes=("(EXTRACT(DAY FROM anchor)::int)",),
    version=2,
)
