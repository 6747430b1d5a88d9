"""D9.5: what rested on a retracted fact and stays is listed for finance, and nothing else is."""

from __future__ import annotations

import psycopg
import pytest
from pydantic import JsonValue

from ledger.engine.approvals import Proposed
from ledger.errors import Refused
from replay.as_of import Replay
from tests.model.commands import Approve
from tests.rules.commands import retract
from tests.rules.dsl import Given, Scenario
from tests.rules.facts import (
    accrue,
    activated,
    certified,
    changed,
    churned,
    converted,
    enrolled,
    invoiced,
    lead,
    nps,
    pay,
    referred,
    refunded,
    settled,
)
from tests.rules.ledger_adapter import RealLedger, open_ledger
from tests.rules.ledger_views import integer_of
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


@pytest.mark.parametrize("fact", ["payment", "refund"])
def test_a_sponsors_share_of_what_was_never_paid(fact: str) -> None:
    """The client counts as before, and how it stands is as it was: its invoice says it."""
    terms: JsonValue = {"reward": 100_000, "active_clients": 1, "override": "0.05"}
    with open_ledger() as ledger:
        story = Given(ledger)(
            enrolled("2024-01-01", "p9"),
            enrolled("2024-01-01", sponsor="p9"),
            activated("2024-01-05", partner="p1"),
            invoiced("2024-02-05", invoice="i1", id="payment"),
            refunded("2024-02-06", 1_000, invoice="i1", id="refund"),
            invoiced("2024-02-05", invoice="i2"),
            accrue("2024-02-29"),
            programme=programme(accrual="invoice", sponsorship=terms),
        )
        story.when(retract(fact))
        assert listed(ledger) == [("OverridePosted", "c1")]


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


@pytest.mark.parametrize("retold", ["2024-01-06", "2023-12-30"])
def test_a_client_that_another_word_on_its_lead_wins_again(retold: str) -> None:
    """It counts as before: its bonus stays right, a contest's amount rested on the claim."""
    with open_ledger() as ledger:
        story = Given(ledger)(
            enrolled("2023-12-01"),
            lead("2024-01-05", "l1", id="wrong"),
            lead(retold, "l1"),
            converted("2024-01-08", "l1"),
            activated("2024-01-10"),
            accrue("2024-01-31"),
            programme=programme(
                per_ten={"each": 1, "amount": 50_000, "from": "referent"}, contest=[SPRINT]
            ),
        )
        story.when(retract("wrong"))
        story.then_client(holder="p1", first="2024-01-10", counted="2024-01-10")
        assert listed(ledger) == [("ContestPosted", "c1")]


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


def test_d9_5_what_finance_has_looked_at_is_listed_no_more() -> None:
    """It refuses no close any more; the line stands, and its resolution is no second one."""
    with open_ledger() as ledger:
        story = _contest(ledger)
        story.when(retract("claim"))
        (position,) = positions(ledger)
        with pytest.raises(Refused, match="1 unresolved"):
            ledger.application.close("2024-01")
        resolve(ledger, position)
        assert listed(ledger) == []
        with pytest.raises(Refused, match=f"position {position} is listed, or it is resolved"):
            resolve(ledger, position)
        ledger.application.close("2024-01")
        assert [line.kind for line in ledger.lines()].count("contest") == 1


def test_d9_5_what_was_looked_at_is_listed_again_for_another_fact() -> None:
    """A tier that two clients made, of which one after the other was never true."""
    with open_ledger() as ledger:
        story = _certified(ledger)
        story.when(retract("client"))
        (position,) = positions(ledger)
        resolve(ledger, position)
        story.when(retract("certified"))
        assert positions(ledger) == [position]
        resolve(ledger, position)
        assert positions(ledger) == []


def test_d9_5_only_what_is_listed_is_resolved() -> None:
    """By two persons: no position that is not there, no decision that rested on nothing wrong."""
    with open_ledger() as ledger:
        story = _contest(ledger)
        told = r"nothing at position \d+ is listed"
        for unlisted in (1, 3, 999):
            with pytest.raises(Refused, match=told):
                resolve(ledger, unlisted)
        story.when(retract("claim"))
        (listed,) = positions(ledger)
        with pytest.raises(Refused, match="cannot approve"):
            resolve(ledger, listed, approved_by="Ann")
        assert positions(ledger) == [listed]


def test_d9_3_a_period_that_finance_settled_is_listed_no_more() -> None:
    """Until it is worth something else: then it is listed anew, and resolved anew."""
    with open_ledger() as ledger:
        story = Given(ledger)(
            enrolled("2024-01-01"),
            activated("2024-01-10", partner="p1"),
            accrue("2024-01-31"),
        )
        story.when(changed("2024-01-10", 12_000, currency="CHF"), accrue("2024-01-31"))
        (first,) = positions(ledger, "currency_changed")
        resolve(ledger, first)
        story.when(accrue("2024-01-31"))
        assert positions(ledger, "currency_changed") == []
        story.when(changed("2024-01-10T13:00:00Z", 13_000, currency="CHF"), accrue("2024-01-31"))
        (second,) = positions(ledger, "currency_changed")
        assert second != first
        with pytest.raises(Refused, match="is listed, or it is resolved already"):
            resolve(ledger, first)
        resolve(ledger, second)
        ledger.application.close("2024-01")


def test_d15_2_a_flagged_payment_that_finance_looked_at_is_listed_no_more() -> None:
    """By the position of its message; money and flag stay."""
    with open_ledger() as ledger:
        story = Given(ledger)(
            enrolled("2024-01-01"),
            activated("2024-01-10", partner="p1"),
            settled("2024-01-20", 500, payout="po-none"),
            accrue("2024-01-31"),
        )
        (position,) = positions(ledger, "unknown_payout")
        resolve(ledger, position)
        assert positions(ledger, "unknown_payout") == []
        story.then_balance(earned=2_000, paid=500)
        ledger.application.close("2024-01")


def test_d15_2_a_settlement_of_another_amount_is_listed_too() -> None:
    """It closes its payout, and asks for somebody to look at it; one of the amount does not."""
    with open_ledger() as ledger:
        story = Given(ledger)(
            enrolled("2024-01-01"),
            enrolled("2024-01-01", "p2"),
            activated("2024-01-10", partner="p1"),
            activated("2024-01-10", "c2", partner="p2"),
            accrue("2024-01-31"),
            pay("2024-01-31", "p1"),
            pay("2024-01-31", "p2"),
            settled("2024-01-31", 1_900, cutoff="2024-01-31"),
            settled("2024-01-31", 2_000, cutoff="2024-01-31", partner="p2"),
        )
        (position,) = positions(ledger, "amount_differs")
        with pytest.raises(Refused):
            ledger.application.close("2024-01")
        resolve(ledger, position)
        assert positions(ledger, "amount_differs") == []
        story.then_balance(earned=2_000, paid=1_900)
        ledger.application.close("2024-01")


def test_a_fact_that_waits_is_not_resolved() -> None:
    """It is settled by what it waits for, or retracted."""
    with open_ledger() as ledger:
        story = Given(ledger)(enrolled("2024-01-01"))
        story.when(churned("2024-01-20", "c9"))
        (position,) = positions(ledger, "not_active")
        with pytest.raises(Refused, match=r"is a client\.churned, which waits or had no effect"):
            resolve(ledger, position)


def test_d16_1_a_resolution_waits() -> None:
    """Where the programme wants four eyes, another operator's, too."""
    with open_ledger() as ledger:
        story = _contest(ledger, controls={"approval": "separate"})
        story.when(retract("claim"), Approve(1))
        (position,) = positions(ledger)
        assert isinstance(resolve(ledger, position), Proposed)
        assert positions(ledger) == [position]
        story.when(Approve(2))
        assert positions(ledger) == []


def positions(ledger: RealLedger, reason: str = "retracted") -> list[object]:
    """The positions of what is listed for a reason."""
    with psycopg.connect(ledger.url) as connection:
        replay = Replay(connection)
        rows = list(replay.unresolved(replay.resolve()))
    return [row["position"] for row in rows if row["reason"] == reason]


def resolve(ledger: RealLedger, position: object, approved_by: str = "bob") -> object:
    """Say that finance has looked at a decision."""
    return ledger.application.resolve(
        decision=integer_of(position),
        reason="kept",
        requested_by="ann",
        approved_by=approved_by,
    )


def _contest(ledger: RealLedger, **more: JsonValue) -> Scenario:
    """p1 has a contest's amount for a client that it claimed."""
    return Given(ledger)(
        enrolled("2024-01-01"),
        referred("2024-01-05", id="claim"),
        activated("2024-01-10"),
        accrue("2024-01-31"),
        programme=programme(contest=[SPRINT], **more),
    )


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
