"""What was answered then is answered now: any question as of any place on both axes.

A story is told and the ledger asked after each step; at its end, asked again as of the position of
then, it says the same. On the effective axis balances are held against a plain walk over events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

import psycopg
from hypothesis import HealthCheck, Phase, given, settings

from events.codec import decode_state
from events.lines import AdjustmentPosted, ClawbackWaived, Line
from events.payout_decisions import PaymentBooked, PayoutClosed, PayoutInitiated
from projections import Names
from replay.as_of import Replay
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import play
from tests.properties.questions import QUESTIONS, Answer, ask
from tests.properties.stories import DAYS, Step, Story, stories
from tests.rules.ledger_adapter import RealLedger, _database, open_ledger
from tests.rules.looking import looking

_ON_REAL = settings(
    max_examples=max(6, settings().max_examples // 8),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
_AT_EACH, _AFTER_EACH = 1, 5
"""Questions asked at a position, after a step: all at every one would take minutes."""


def _in_turn(number: int, count: int) -> list[str]:
    """Some of the questions: with each ``number`` the next ones."""
    names = list(QUESTIONS)
    return [names[(number * count + step) % len(names)] for step in range(count)]


@settings(_ON_REAL)
@given(story=stories_of_every_rule())
def test_what_was_answered_is_answered(story: Story) -> None:
    """As of each position of the past, and as of a day there: any question, some at each."""
    with open_ledger() as ledger, looking(_database()) as connection:
        replay = Replay(connection)
        then: list[tuple[int, date | None, dict[str, Answer]]] = []

        def watch(_: Step) -> None:
            position = replay.resolve().position
            day = DAYS[position % len(DAYS)] if position % 3 else None
            at = replay.resolve(position=position, effective_at=day)
            asked = _in_turn(len(then), _AFTER_EACH)
            then.append((position, day, {name: ask(name, replay, at) for name in asked}))

        play(story, ledger, watch=watch)
        for position, day, answers in then:
            at = replay.resolve(position=position, effective_at=day)
            for name, answer in answers.items():
                assert ask(name, replay, at) == answer, (name, at)


@contextmanager
def _prefixes(connection: psycopg.Connection) -> Iterator[tuple[Replay, Callable[[int], None]]]:
    """A ledger that receives the events of the real one up to a position, and nothing else."""
    connection.execute("CREATE TEMPORARY TABLE events (LIKE ledger.events INCLUDING ALL)")
    connection.execute("CREATE TEMPORARY TABLE checkpoints (LIKE ledger.checkpoints)")

    def receive(position: int) -> None:
        connection.execute(
            "INSERT INTO pg_temp.events SELECT * FROM ledger.events"
            " WHERE position > (SELECT COALESCE(MAX(position), 0) FROM pg_temp.events)"
            " AND position <= %s",
            (position,),
        )

    try:
        yield Replay(connection, Names(ledger="pg_temp")), receive
    finally:
        connection.execute("DROP TABLE pg_temp.events, pg_temp.checkpoints")


@settings(_ON_REAL)
@given(story=stories_of_every_rule())
def test_as_of_a_position_is_the_ledger_that_received_only_that(story: Story) -> None:
    """At every position, some questions at each in turn, on any day.

    ::

        position   1   2   3   4   5   6   7   8   9 ...
        ledger     o---o---o---o---o---o---o---o---o      asked as of position 4
        prefix     o---o---o---o                          asked as of all that it has
    """
    with open_ledger() as ledger, looking(_database()) as connection:
        play(story, ledger)
        whole = Replay(connection)
        with _prefixes(connection) as (prefix, receive):
            for position in range(whole.resolve().position + 1):
                receive(position)
                day = DAYS[position % len(DAYS)] if position % 2 else None
                at = whole.resolve(position=position, effective_at=day)
                assert prefix.resolve(effective_at=day) == at
                for name in _in_turn(position, _AT_EACH):
                    assert ask(name, whole, at) == ask(name, prefix, at), (name, at)


@settings(_ON_REAL)
@given(story=stories())
def test_balances_of_a_day_are_what_had_happened_by_then(story: Story) -> None:
    """A line on its S, a payout on its cut-off, a settlement on its day but not before that."""
    with open_ledger() as ledger, looking(_database()) as connection:
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
