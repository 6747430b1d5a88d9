"""What was answered then is answered now: any question as of any place on both axes.

A story is told and the ledger asked after each step; at its end, asked again as of the position of
then, it says the same. On the effective axis balances are held against a plain walk over events.
"""

from __future__ import annotations

from collections import Counter
from datetime import date

import psycopg
from hypothesis import HealthCheck, Phase, given, settings

from events.codec import decode_state
from events.lines import AdjustmentPosted, ClawbackWaived, Line
from events.payout_decisions import PaymentBooked, PayoutClosed, PayoutInitiated
from replay.as_of import AsOf, Replay, Row
from tests.properties.play import play
from tests.properties.stories import DAYS, Step, Story, stories
from tests.rules.ledger_adapter import RealLedger, _database, open_ledger

_ON_REAL = settings(
    max_examples=max(6, settings().max_examples // 8),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


def _answers(replay: Replay, at: AsOf) -> dict[str, list[Row]]:
    """All that a ledger says as of a place."""
    return {
        "balances": list(replay.balances(at)),
        "history": list(replay.history(at)),
        "tiers": list(replay.tiers(at)),
        "tier_history": list(replay.tier_history(at)),
        "leaderboard": list(replay.leaderboard(at)),
        "trial_balance": list(replay.trial_balance(at)),
        "claims": list(replay.claims(at)),
        "unresolved": list(replay.unresolved(at)),
        "clients": list(replay.clients(at)),
        "payouts": list(replay.payouts(at)),
    }


@settings(_ON_REAL)
@given(story=stories())
def test_what_was_answered_is_answered(story: Story) -> None:
    """As of each position of the past, and as of each day of the story there."""
    with open_ledger() as ledger, psycopg.connect(_database(), autocommit=True) as connection:
        replay = Replay(connection)
        then: list[tuple[int, date | None, dict[str, list[Row]]]] = []

        def watch(_: Step) -> None:
            position = replay.resolve().position
            for day in (None, *DAYS[::7]):
                at = replay.resolve(position=position, effective_at=day)
                then.append((position, day, _answers(replay, at)))

        play(story, ledger, watch=watch)
        for position, day, answers in then:
            at = replay.resolve(position=position, effective_at=day)
            assert _answers(replay, at) == answers


@settings(_ON_REAL)
@given(story=stories())
def test_balances_of_a_day_are_what_had_happened_by_then(story: Story) -> None:
    """A line on its S, a payout on its cut-off, a settlement on its day but not before that."""
    with open_ledger() as ledger, psycopg.connect(_database(), autocommit=True) as connection:
        play(story, ledger)
        replay = Replay(connection)
        for day in DAYS:
            expected = _walked(ledger, day)
            found = {
                (str(row["partner_id"]), str(row["currency"])): row["payable"]
                for row in replay.balances(replay.resolve(effective_at=day))
            }
            assert {k: v for k, v in found.items() if v} == {k: v for k, v in expected.items() if v}


def _walked(ledger: RealLedger, day: date) -> Counter[tuple[str, str]]:
    """Payable by partner and currency, of what had happened by a day."""
    payable: Counter[tuple[str, str]] = Counter()
    cutoffs: dict[str, date] = {}
    facts: dict[object, object] = {}
    for row in ledger._select(
        "SELECT position, topic, state, effective_at AT TIME ZONE 'Europe/Paris' AS local"
        " FROM ledger.events ORDER BY position"
    ):
        state, local = row["state"], row["local"]
        assert isinstance(state, bytes)
        event = decode_state(str(row["topic"]), state)
        facts[row["position"]] = local
        if isinstance(event, PayoutInitiated):
            cutoffs[event.payout_id] = event.day
            if event.day <= day:
                payable[event.partner_id, event.currency] -= event.amount
        elif isinstance(event, PayoutClosed | PaymentBooked):
            happened = facts[event.fact].date()  # type: ignore[attr-defined]
            if isinstance(event, PaymentBooked):
                if event.currency is not None and happened <= day:
                    payable[event.partner_id, event.currency] -= event.paid
            elif max(happened, cutoffs[event.payout_id]) <= day:
                sign = -1 if event.outcome == "returned" else 1
                payable[event.partner_id, event.currency] += event.initiated - sign * event.paid
        elif isinstance(event, Line) and not isinstance(event, ClawbackWaived):
            assert isinstance(event, AdjustmentPosted) or event.amount >= 0
            if event.day <= day:
                payable[event.partner_id, event.currency] += event.amount
    return payable
