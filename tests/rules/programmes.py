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
    return Programme.from_document({**_bare(), **parts})


@cache
def _bare() -> dict[str, JsonValue]:
    return {k: v for k, v in load("izyinbox").document().items() if k not in _APART}


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


def quick(**parts: JsonValue) -> Programme:
    """Certified from a certification, strategic from a portfolio over 200; rates are 20, 25, 30 %.

    Territories of 24 months and brands of 40 % are in it, besides what ``parts`` say.
    """
    terms: dict[str, JsonValue] = {
        "tier": [
            tier_terms("referent"),
            tier_terms("certified", requires={"certification": True}),
            tier_terms("strategic", requires={"portfolio_above": 200}, year_1="0.30", later="0.18"),
        ],
        "territory": {"months": 24},
        "white_label": {"share": "0.40"},
    }
    return programme(**{**terms, **parts})


def choosing(terms: Programme, part: str, **choices: object) -> Programme:
    """The programme with other choices in one part, such as ``agreement`` and its ``tail``.

    They are not validated, so that a rule can be tried on the model before a ledger has it.
    """
    changed = getattr(terms, part).model_copy(update=choices)
    return terms.model_copy(update={part: changed})
