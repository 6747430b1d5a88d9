"""D9.5: what rested on a retracted fact and stays is listed for finance, and nothing else is."""

from __future__ import annotations

import psycopg
import pytest
from pydantic import JsonValue

from replay.as_of import Replay
from tests.rules.commands import retract
from tests.rules.dsl import Given, Scenario
from tests.rules.facts import (
    accrue,
    activated,
    certified,
    changed,
    enrolled,
    nps,
    referred,
)
from tests.rules.ledger_adapter import RealLedger, open_ledger
from tests.rules.programmes import programme, quick, small

SPRINT: JsonValue = {"code": "x", "start": "2024-01-01", "end": "2024-01-31", "amount": 50_000}


def listed(ledger: RealLedger) -> list[tuple[object, object]]:
    """Type and client of what is listed because of a retraction, by position."""
    with psycopg.connect(ledger.url) as connection:
        replay = Replay(connection)
        rows = list(replay.unresolved(replay.resolve()))
    return [(row["type"], row["client_id"]) for row in rows if row["reason"] == "retracted"]


def test_a_contests_amount_for_a_client_that_does_not_count_any_more() -> None:
    """Its commission is taken back by the run instead."""
    with open_ledger() as ledger:
        story = Given(ledger)(
            enrolled("2024-01-01"),
            referred("2024-01-05", id="claim"),
            activated("2024-01-10"),
            activated("2024-01-10", "c2", partner="p1"),
            accrue("2024-01-31"),
            programme=programme(contest=[SPRINT]),
        )
        story.when(retract("claim"))
        assert listed(ledger) == [("ContestPosted", "c1")]


@pytest.mark.parametrize("fact", ["certified", "client"])
def test_a_tier_that_a_report_or_a_client_was_measured_for(fact: str) -> None:
    """The enrolment's own tier is not."""
    with open_ledger() as ledger:
        story = _certified(ledger)
        story.when(retract(fact))
        assert [type_ for type_, _ in listed(ledger)] == ["TierChanged"]


def test_a_sponsors_reward_and_its_share_of_what_is_taken_back() -> None:
    """And no share of another client's line."""
    terms: JsonValue = {"reward": 100_000, "active_clients": 1, "override": "0.05"}
    with open_ledger() as ledger:
        story = Given(ledger)(
            enrolled("2024-01-01", "p9"),
            enrolled("2024-01-01", sponsor="p9"),
            referred("2024-01-02", id="claim"),
            activated("2024-01-05"),
            activated("2024-01-06", "c2", partner="p1"),
            accrue("2024-02-29"),
            programme=programme(sponsorship=terms),
        )
        story.when(retract("claim"))
        assert listed(ledger) == [("RewardPosted", None), ("OverridePosted", "c1")]


def test_a_bonus_that_the_client_was_counted_for() -> None:
    """Though another client was the one that reached it."""
    terms: JsonValue = {"each": 2, "amount": 50_000, "from": "referent"}
    with open_ledger() as ledger:
        story = Given(ledger)(
            enrolled("2024-01-01"),
            referred("2024-01-02", id="claim"),
            activated("2024-01-05"),
            activated("2024-01-06", "c2", partner="p1"),
            accrue("2024-01-31"),
            programme=programme(per_ten=terms),
        )
        story.when(retract("claim"))
        assert listed(ledger) == [("BonusPosted", "c2")]


def test_a_price_that_was_never_true_lists_nothing() -> None:
    """The client counts as before: what changes is the worth of its periods."""
    with open_ledger() as ledger:
        story = _certified(ledger)
        story.when(changed("2024-01-20", 15_000, id="price"), accrue("2024-03-31"))
        story.when(retract("price"))
        assert listed(ledger) == []


def test_a_tier_that_no_client_made_is_not_listed() -> None:
    """Promoted before the client counted."""
    with open_ledger() as ledger:
        story = Given(ledger)(
            enrolled("2024-01-01"),
            certified("2024-01-01"),
            activated("2024-01-10", partner="p1", id="client"),
            accrue("2024-01-31"),
            programme=quick(),
        )
        story.when(retract("client"))
        assert listed(ledger) == []


def _certified(ledger: RealLedger) -> Scenario:
    """p1 is certified by two clients, a score and a certification."""
    return Given(ledger)(
        enrolled("2024-01-01"),
        certified("2024-01-01", id="certified"),
        nps("2024-01-01", 50),
        activated("2024-01-10", partner="p1"),
        activated("2024-01-10", "c2", partner="p1", id="client"),
        accrue("2024-01-31"),
        programme=small(),
    )
