"""D18.10 in memory: a log decided again brings the decisions that were recorded."""

from __future__ import annotations

from collections import Counter

import psycopg
from hypothesis import HealthCheck, Phase, given, settings

from events.base import Decision
from events.codec import decode_state, encode
from events.course import AccrualCompleted, PartnerAccrued, StatementsSealed
from events.decisions import DecisionUnresolved
from events.payout_decisions import (
    PaymentBooked,
    PayoutClosed,
    PayoutInitiated,
    WholesaleBooked,
)
from replay.rerun import Log, Rerun
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import play
from tests.properties.stories import Story, stories
from tests.rules.ledger_adapter import RealLedger, _database, open_ledger

NOT_AGAIN = (
    *(AccrualCompleted, PartnerAccrued, StatementsSealed),
    *(PayoutInitiated, PayoutClosed, PaymentBooked, WholesaleBooked),
    DecisionUnresolved,
)
"""How far runs and closes were, what moves money to partners, and lists for finance."""

PLACES = {
    *("fact", "facts", "claim", "standing_claim", "cause", "line", "run", "command"),
    *("activation", "price_fact", "payment", "refunds", "lines_after"),
}
"""Members that hold positions: those of a log decided again are its own."""


def without_places(value: object) -> object:
    """The members of a decision but for positions, so that two logs can be compared."""
    if isinstance(value, dict):
        return {
            key: without_places(each)
            for key, each in value.items()
            # Of a prize it is the position of its ranking, of a ranking its code.
            if key not in PLACES and not (key == "ranking" and isinstance(each, int))
        }
    if isinstance(value, list | tuple):
        return [without_places(each) for each in value]
    return value


def said(decision: Decision) -> str:
    """What a decision says, without positions."""
    return f"{decision.type} {without_places(decision.model_dump(mode='json'))}"


def recorded(ledger: RealLedger) -> Counter[str]:
    """The decisions that the ledger holds."""
    rows = ledger._select("SELECT topic, state FROM ledger.events ORDER BY position")
    events = [decode_state(str(row["topic"]), bytes(row["state"])) for row in rows]  # type: ignore[call-overload]
    return Counter(
        said(event)
        for event in events
        if isinstance(event, Decision) and not isinstance(event, NOT_AGAIN)
    )


def decided_again() -> Counter[str]:
    """The decisions of the same log, in memory; they can be written as events."""
    found: list[Decision] = []
    with psycopg.connect(_database()) as connection:
        [(head,)] = connection.execute("SELECT position FROM ledger.ledger_head").fetchall()
        Rerun(Log(connection, head), lambda _, decision: found.append(decision)).decide()
    for decision in found:
        assert type(decision).model_validate_json(encode(decision)) == decision
    return Counter(said(each) for each in found if not isinstance(each, NOT_AGAIN))


_ON_REAL = settings(
    max_examples=max(10, settings().max_examples // 3),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking a story on a database takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@_ON_REAL
@given(story=stories())
def test_a_log_decided_again_brings_the_same_decisions(story: Story) -> None:
    """Lines, tiers, standings, answers: all of them, whatever was told and commanded."""
    with open_ledger() as ledger:
        play(story, ledger)
        assert decided_again() == recorded(ledger)


@_ON_REAL
@given(story=stories_of_every_rule())
def test_so_does_one_of_every_rule(story: Story) -> None:
    """Bonuses, contests, sponsors, brands, retractions, openings, payments, prizes."""
    with open_ledger() as ledger:
        play(story, ledger)
        assert decided_again() == recorded(ledger)
