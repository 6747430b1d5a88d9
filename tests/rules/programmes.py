"""Programmes for tests: the reference programme's terms, without bonuses, prizes and brands."""

from __future__ import annotations

from functools import cache

from pydantic import JsonValue

from ledger.policy.files import load
from ledger.policy.programme import Programme

_APART = (
    "per_ten",
    "contest",
    "sponsorship",
    "leaderboard",
    "ambassadors",
    "badges",
    "white_label",
    "territory",
)


@cache
def plain() -> Programme:
    """The reference programme's tiers, rates, windows, cadences; nothing that D10–D14 add."""
    return programme()


def programme(**parts: JsonValue) -> Programme:
    """The plain programme with some parts of the document replaced."""
    document = {k: v for k, v in load("izyinbox").document().items() if k not in _APART}
    return Programme.from_document({**document, **parts})


def tier_terms(
    tier: str,
    *,
    requires: dict[str, JsonValue] | None = None,
    commitment: dict[str, JsonValue] | None = None,
    **terms: JsonValue,
) -> JsonValue:
    """One tier of a document."""
    rates: dict[str, tuple[str, str, str]] = {
        "referent": ("0.20", "0.10", "quarter"),
        "certified": ("0.25", "0.15", "month"),
        "strategic": ("0.25", "0.15", "month"),
    }
    year_1, later, payout = rates[tier]
    found: dict[str, JsonValue] = {
        "name": tier,
        "year_1": year_1,
        "later": later,
        "payout": payout,
    }
    if requires:
        found["requires"] = requires
    if commitment:
        found["commitment"] = commitment
    return {**found, **terms}


@cache
def small() -> Programme:
    """Small thresholds: certified from 2 clients, strategic from 3 and €1,000 of co-marketing."""
    return programme(
        tier=[
            tier_terms("referent"),
            tier_terms(
                "certified",
                requires={
                    "counted_clients_12_months": 2,
                    "certification": True,
                    "nps_above": 40,
                },
                commitment={"counted_clients_per_year": 2},
            ),
            tier_terms(
                "strategic",
                requires={
                    "counted_clients_ever": 3,
                    "portfolio_above": 200,
                    "comarketing_12_months": 100_000,
                },
                commitment={"counted_clients_per_year": 3, "comarketing_per_year": 100_000},
                year_1="0.30",
                later="0.18",
            ),
        ]
    )
