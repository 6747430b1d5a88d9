"""The figures of partner and programme: group, unit and definition of each.

Units: ``count``; ``money``, minor units; ``percent``, 100 × numerator ÷ denominator, and ``score``,
numerator ÷ denominator, both a decimal with one digit, rounded half up; ``day``.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Unit = Literal["count", "money", "percent", "score", "day"]


class Definition(NamedTuple):
    """What a figure says, in one sentence; ``windowed``: of days up to one day, null without it."""

    group: str
    figure: str
    unit: Unit
    text: str
    windowed: bool = False


_ACQUISITION = (
    Definition("acquisition", "leads", "count", "leads whose first capture names the partner"),
    Definition(
        "acquisition", "referrals", "count", "clients claimed by a referral, whatever the answer"
    ),
    Definition("acquisition", "demos", "count", "demonstrations to its prospects"),
    Definition(
        "acquisition",
        "demo_to_trial",
        "percent",
        "prospects with a trial on or after their first demonstration ÷ prospects with one",
    ),
    Definition(
        "acquisition",
        "trial_to_paid",
        "percent",
        "prospects that pay first on or after the day of their first trial ÷ prospects with one",
    ),
)

_HEALTH = (
    Definition(
        "health",
        "churn",
        "percent",
        "clients that paid in the 12 months up to the day and do not pay on it ÷ clients that paid",
        windowed=True,
    ),
    Definition(
        "health",
        "client_nps",
        "score",
        "sum of the last score of each client held ÷ clients with a score",
    ),
    Definition(
        "health",
        "usage",
        "percent",
        "sum of the last use of each active client, in percent ÷ 100 × clients with a use",
    ),
    Definition(
        "health",
        "upsells",
        "count",
        "changes to another plan at a higher price a year, in the 12 months up to the day",
        windowed=True,
    ),
    Definition(
        "health",
        "expansion",
        "money",
        "what clients that paid already came to pay more a year, in the 12 months up to the day",
        windowed=True,
    ),
)

PARTNER = (
    *_ACQUISITION,
    Definition("revenue", "active_clients", "count", "clients held with a running price above 0"),
    Definition("revenue", "arr", "money", "their prices of a year: those of a month times 12"),
    Definition("revenue", "arpu", "money", "ARR ÷ 12 × active clients of the currency"),
    Definition("revenue", "commissions_paid", "money", "all that was paid, less returns (D15)"),
    Definition(
        "revenue",
        "commissions_due",
        "money",
        "earned by lines whose service day is in the month, up to the day",
        windowed=True,
    ),
    Definition("engagement", "last_visit", "day", "day of the last visit to the portal"),
    Definition("engagement", "visits", "count", "visits to the portal"),
    Definition("engagement", "co_hosted_demos", "count", "demonstrations held with the partner"),
    Definition(
        "engagement",
        "trainings",
        "percent",
        "courses completed ÷ courses that any partner has completed",
    ),
    Definition("engagement", "downloads", "count", "marketing resources taken"),
    _HEALTH[0],
    Definition("health", "nps", "score", "the last score reported of its clients (D6.2)"),
    *_HEALTH[1:],
)
"""The figures of a partner, in their order."""

PROGRAMME = (
    Definition("network", "partners", "count", "partners enrolled"),
    Definition("network", "partners_in_force", "count", "those whose agreement is in force"),
    Definition("network", "active_partners", "count", "those in force that hold an active client"),
    Definition("network", "inactive_partners", "count", "partners enrolled that are not active"),
    Definition("clients", "clients", "count", "clients counted for partners, ever (D6.1)"),
    Definition("clients", "active_clients", "count", "clients of partners with a price above 0"),
    Definition(
        "clients",
        "new_clients",
        "count",
        "clients counted for partners in the month, up to the day (D6.1)",
        windowed=True,
    ),
    Definition(
        "clients",
        "churned_clients",
        "count",
        "clients of partners that paid on the eve of the month or in it and do not on the day",
        windowed=True,
    ),
    *_ACQUISITION,
    *_HEALTH,
    Definition("revenue", "partner_arr", "money", "ARR of the clients of partners"),
    Definition("revenue", "direct_arr", "money", "ARR of direct clients"),
    Definition(
        "revenue", "channel_share", "percent", "ARR of the clients of partners ÷ ARR of all"
    ),
    Definition(
        "commissions",
        "commissions_month",
        "money",
        "earned by lines whose service day is in the month, up to the day",
        windowed=True,
    ),
    Definition(
        "commissions",
        "commissions_year",
        "money",
        "earned by lines whose service day is in the calendar year, up to the day",
        windowed=True,
    ),
    Definition(
        "commissions",
        "commissions_projected",
        "money",
        "the year's, and the commissions of its periods still to come as clients and tiers stand",
        windowed=True,
    ),
    Definition(
        "return",
        "billed_year",
        "money",
        "prices of the periods of partners' clients that began in the year, up to the day",
        windowed=True,
    ),
    Definition(
        "return",
        "costs_year",
        "money",
        "costs recorded in the year, up to the day, beside commissions",
        windowed=True,
    ),
    Definition(
        "return",
        "return_year",
        "money",
        "billed_year − commissions_year − costs_year",
        windowed=True,
    ),
    Definition(
        "return",
        "return_rate",
        "percent",
        "return_year ÷ (commissions_year + costs_year)",
        windowed=True,
    ),
    Definition(
        "pipeline",
        "pipeline_deals",
        "count",
        "prospects of partners not activated nor lost in a trial, whose claim or lead still stands",
        windowed=True,
    ),
    Definition(
        "pipeline", "pipeline_claimed", "count", "those without a demonstration", windowed=True
    ),
    Definition(
        "pipeline", "pipeline_shown", "count", "those with one and without a trial", windowed=True
    ),
    Definition("pipeline", "pipeline_in_trial", "count", "those with a trial", windowed=True),
    Definition(
        "pipeline",
        "pipeline_value",
        "money",
        "deals × ARR of the clients of partners ÷ those clients, in the programme's currency",
        windowed=True,
    ),
    Definition(
        "top",
        "top_partner",
        "count",
        "clients counted in the quarter up to the day; the first ten of its leaderboard (D12.1)",
        windowed=True,
    ),
    Definition(
        "targets",
        "target_partners",
        "count",
        "partners in force on the target's day, while that is to come up to now ÷ target",
        windowed=True,
    ),
    Definition(
        "targets",
        "target_clients",
        "count",
        "clients counted for partners by then ÷ target",
        windowed=True,
    ),
    Definition(
        "targets",
        "target_arr",
        "money",
        "ARR of the clients of partners by then ÷ target, in the programme's currency",
        windowed=True,
    ),
    Definition(
        "targets",
        "target_share",
        "percent",
        "ARR of the clients of partners by then ÷ ARR of all, in the programme's currency",
        windowed=True,
    ),
)
"""The figures of the programme, in their order."""
