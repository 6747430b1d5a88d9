"""Read models behind the figures of partners and programme: each one SELECT over the events.

Their marks, beside those of every read model: ``:known``, all events up to the position;
``:until``, the last day of a stock; ``:day`` and ``:since``, the last and first day of a window;
``:days``, the days on which stocks are taken (``on_day``). Who holds a client on a day is said in
``holders.sql`` alone.
"""

from __future__ import annotations

from projections.balances import CURRENCY, PARTNER
from projections.clients import CLIENT
from projections.definition import Column, ReadModel

_ON_DAY = Column("on_day", "date", "The day on which it stands.")
_CLIENTS = Column("clients", "bigint", "How many clients.")
_ARR = Column("arr", "numeric", "Prices of a year, in minor units.")


def _count(name: str, comment: str) -> Column:
    return Column(name, "numeric", comment)


HOLDERS = ReadModel(
    name="holders",
    comment="The partner that holds each client, from start_day to the eve of end_day.",
    columns=(
        CLIENT,
        PARTNER,
        Column("start_day", "date", "First day; -infinity: from the beginning."),
        Column("end_day", "date", "The day after the last; infinity: for good."),
    ),
    order_by=("client_id", "start_day"),
)

VOIDED = ReadModel(
    name="voided",
    comment="Facts that were never true (D9.5).",
    columns=(
        Column("position", "bigint", "Position of the fact."),
        Column("originator_id", "text", "The stream that it stands in."),
    ),
)

PRICES = ReadModel(
    name="prices",
    comment="Terms of subscriptions with what each makes in a year.",
    columns=(
        CLIENT,
        Column("subscription_id", "text", "The subscription."),
        Column("start_day", "date", "First day of the term."),
        Column("end_day", "date", "The day after its last; null: open."),
        Column("plan", "text", "Code of the plan."),
        Column("price", "bigint", "Price of a period, in minor units."),
        CURRENCY,
        Column("yearly", "bigint", "Price of a year, in minor units."),
    ),
    order_by=("client_id", "subscription_id", "start_day"),
)

PROSPECTS = ReadModel(
    name="prospects",
    comment="Every prospect: a client, or a lead whose client is not known.",
    columns=(
        CLIENT,
        Column("lead_id", "text", "The lead, where no client is known."),
        Column("partner_id", "text", "The partner that it counts for; null: none."),
        Column("captured_on", "date", "Day on which its lead was captured."),
        Column("live_through", "date", "Last day on which its claim stands; null: none, or won."),
        _count("demos", "Demonstrations held."),
        _count("co_hosted_demos", "Those held with the partner."),
        Column("first_demo_on", "date", "Day of the first demonstration."),
        Column("first_trial_on", "date", "Day on which the first trial began."),
        Column("last_trial_on", "date", "Day on which the last trial began."),
        Column("lost_on", "date", "Day on which a trial was last lost."),
        Column("activated_on", "date", "Day of the client's first activation."),
        Column("paid_on", "date", "First day of a price above 0."),
    ),
    order_by=("client_id", "lead_id"),
)

ACQUISITION = ReadModel(
    name="acquisition",
    comment="What each partner brought, and what became of its prospects.",
    columns=(
        PARTNER,
        _count("leads", "Leads that it captured."),
        _count("referrals", "Clients that it claimed by a referral."),
        _count("demos", "Demonstrations to its prospects."),
        _count("co_hosted_demos", "Those held with it."),
        _count("shown", "Prospects with a demonstration."),
        _count("shown_and_tried", "Those with a trial on or after the first of them."),
        _count("tried", "Prospects with a trial."),
        _count("tried_and_paid", "Those that pay since its first day or later."),
    ),
    order_by=("partner_id",),
)

PIPELINE = ReadModel(
    name="pipeline",
    comment="Prospects of partners that may still become clients, by stage.",
    columns=(
        PARTNER,
        _count("in_trial", "Those with a trial."),
        _count("shown", "Those with a demonstration and no trial."),
        _count("claimed", "All others."),
    ),
    order_by=("partner_id",),
)

PORTFOLIO = ReadModel(
    name="portfolio",
    comment="Clients that pay on a day, and what that makes in a year.",
    columns=(_ON_DAY, PARTNER, CURRENCY, _CLIENTS, _ARR),
    order_by=("on_day", "partner_id", "currency"),
)

COUNTING = ReadModel(
    name="counting",
    comment="Counted clients by counting day (D6.1).",
    columns=(PARTNER, Column("counted_on", "date", "The counting day."), _CLIENTS),
    order_by=("partner_id", "counted_on"),
)

COUNTED = ReadModel(
    name="counted",
    comment="Clients counted up to a day (D6.1).",
    columns=(_ON_DAY, PARTNER, _CLIENTS),
    order_by=("on_day", "partner_id"),
)

COUNTED_CLIENTS = ReadModel(
    name="counted_clients",
    comment="The clients counted from one day to another, with what decisions name of each.",
    columns=(
        CLIENT,
        PARTNER,
        Column("counted_on", "date", "Its counting day."),
        Column("first_activated_at", "timestamptz", "Instant of its first activation."),
        Column("claim", "bigint", "Position of the winning claim; null: finance assigned it."),
        Column("claimed_on", "date", "The claim's day."),
        Column("activation", "bigint", "Position of an activation of its first day."),
    ),
    order_by=("counted_on", "first_activated_at", "client_id"),
)

RETENTION = ReadModel(
    name="retention",
    comment="Clients that paid in a window, and those that do not pay on its last day.",
    columns=(PARTNER, _CLIENTS, _count("lost", "Those that do not pay any more.")),
    order_by=("partner_id",),
)

EXPANSION = ReadModel(
    name="expansion",
    comment="What clients that paid already came to pay more in a window.",
    columns=(
        PARTNER,
        CURRENCY,
        _count("upsells", "Changes to a dearer plan."),
        _count("expansion", "What is paid more in a year, in minor units."),
    ),
    order_by=("partner_id", "currency"),
)

ENGAGEMENT = ReadModel(
    name="engagement",
    comment="What each partner does on the portal.",
    columns=(
        PARTNER,
        Column("last_visit", "date", "Day of the last visit."),
        _count("visits", "Visits."),
        _count("courses", "Courses that it completed."),
        _count("all_courses", "Courses that any partner completed."),
        _count("downloads", "Resources taken."),
        _count("resources", "Resources taken, each once."),
    ),
    order_by=("partner_id",),
)

SCORES = ReadModel(
    name="scores",
    comment="Last scores and use of each partner's clients, summed.",
    columns=(
        PARTNER,
        _count("score_sum", "Sum of the last score of each client."),
        _count("scored_clients", "Clients with a score."),
        _count("used_sum", "Sum of the last use of each client that pays, in percent."),
        _count("used_clients", "Clients that pay, with a use."),
        _count("reported", "The last score reported of the partner's clients."),
    ),
    order_by=("partner_id",),
)

NETWORK = ReadModel(
    name="network",
    comment="Partners enrolled by a day, and whether their agreement is in force.",
    columns=(
        _ON_DAY,
        PARTNER,
        Column("enrolled_on", "date", "Day of the enrolment."),
        Column("in_force", "boolean", "Whether the agreement is in force (D4.4)."),
    ),
    order_by=("on_day", "partner_id"),
)

COSTS = ReadModel(
    name="costs",
    comment="What the programme cost in a window, beside commissions.",
    columns=(CURRENCY, _count("amount", "Sum of the costs, in minor units.")),
    order_by=("currency",),
)

BILLED = ReadModel(
    name="billed",
    comment="Prices of the periods that began in a window (D4.1).",
    columns=(PARTNER, CURRENCY, _count("amount", "Sum of the prices, in minor units.")),
    order_by=("partner_id", "currency"),
)

RUNNING = ReadModel(
    name="running",
    comment="Terms under which periods may begin in a window, with how many clients have each.",
    columns=(
        PARTNER,
        Column("first_activated_on", "date", "Day of the client's first activation."),
        Column("start_day", "date", "First day of the term."),
        Column("end_day", "date", "The day after its last; null: open."),
        Column("anchor", "date", "First day of the schedule of its periods."),
        Column("months", "smallint", "Months of a period: 1 or 12."),
        Column("price", "bigint", "Price of a period, in minor units."),
        CURRENCY,
        Column("alike", "bigint", "Clients that have such a term."),
    ),
    order_by=("partner_id", "first_activated_on", "start_day", "anchor", "currency", "price"),
)
