"""What a close decides: rankings and prizes (D10.3, D12), on the real ledger."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from unittest import mock

import psycopg
import pytest
from pydantic import JsonValue

from replay.as_of import AsOf, Replay, Row
from tests.model.journal import Message
from tests.rules.commands import assign
from tests.rules.dsl import Given, Scenario
from tests.rules.facts import (
    accrue,
    activated,
    close,
    ended,
    enrolled,
    lead,
    pay,
    referred,
    wholesale,
)
from tests.rules.ledger_adapter import RealLedger, open_ledger
from tests.rules.ledger_views import integer_of
from tests.rules.programmes import programme

EURO = 100
PRIZES: JsonValue = {"prizes": [2_000 * EURO, 1_000 * EURO, 500 * EURO]}
THREE = (enrolled("2026-01-01", "p1"), enrolled("2026-01-01", "p2"), enrolled("2026-01-01", "p3"))
RANKED = programme(leaderboard=PRIZES)


@pytest.fixture
def ledger() -> Iterator[RealLedger]:
    """A new ledger, verified at the end."""
    with open_ledger() as opened:
        yield opened


@pytest.fixture
def given(ledger: RealLedger) -> Given:
    """The first word of a rule test, on the real ledger alone."""
    return Given(ledger)


def grounds(ledger: RealLedger, rule: str) -> list[tuple[object, ...]]:
    """Of each prize of a rule the partner, and what it names: the event's topic, its client."""
    rows = ledger._select(
        "SELECT prizes.partner_id, told.topic, told.client_id"
        " FROM ledger.events AS prizes"
        " CROSS JOIN LATERAL jsonb_array_elements("
        "convert_from(prizes.state, 'UTF8')::jsonb -> 'facts') AS named (fact)"
        " JOIN ledger.events AS told ON told.position = named.fact::bigint"
        f" WHERE prizes.topic = 'PrizePosted/1'"
        f" AND convert_from(prizes.state, 'UTF8')::jsonb ->> 'rule' = '{rule}'"
        " ORDER BY prizes.position"
    )
    return [tuple(row.values()) for row in rows]


def won(partner: str, *days: str, tag: str = "") -> list[Message]:
    """Clients of a partner, each claimed and activated on a day, at a cent a month."""
    found = []
    for number, day in enumerate(days):
        client = f"{partner}-{tag}{number}"
        found += [referred(day, client, partner), activated(day, client, price=1)]
    return found


def prizes(scenario: Scenario) -> list[tuple[str, str, int, str, str]]:
    """All prizes in the order of their lines: partner, rule, amount, S, posting day."""
    return [
        (
            one.partner_id,
            one.rule,
            one.amount,
            one.service_date.isoformat(),
            one.posting_date.isoformat(),
        )
        for one in scenario.ledger.lines()
        if one.kind == "prize"
    ]


def board(
    ledger: RealLedger, ask: Callable[[Replay, AsOf], Iterator[Row]] | None = None, **place: Any
) -> list[tuple[object, ...]]:
    """A ranking as it is shown: programme, rank, partner, clients, prize."""
    ask = ask or (lambda replay, at: replay.leaderboard(at, "2026Q1"))
    with psycopg.connect(ledger.url) as connection:
        replay = Replay(connection)
        found = list(ask(replay, replay.resolve(**place)))
    return [
        tuple(row[name] for name in ("programme", "rank", "partner_id", "clients", "prize"))
        for row in found
    ]


def test_d12_1_the_first_three_of_a_quarter(given: Given) -> None:
    """Most counted clients first; ties by the first activation of the last, then partner id."""
    told = given(
        *THREE,
        enrolled("2026-01-01", "p4"),
        enrolled("2026-01-01", "p5"),
        *won("p1", "2026-01-10", "2026-03-31T08:00:00Z"),
        *won("p2", "2026-01-10", "2026-02-01", "2026-03-01"),
        *won("p3", "2026-02-10", "2026-03-31T07:00:00Z"),
        *won("p4", "2026-04-01"),
        *won("p5", "2026-03-31T07:00:00Z", "2026-03-31T07:00:00Z"),
        programme=RANKED,
    ).when(accrue("2026-03-31"), close("2026-03"))

    assert prizes(told) == [
        ("p2", "D12.1", 2_000 * EURO, "2026-03-31", "2026-04-01"),
        ("p3", "D12.1", 1_000 * EURO, "2026-03-31", "2026-04-01"),
        ("p5", "D12.1", 500 * EURO, "2026-03-31", "2026-04-01"),
    ]


def test_d18_10_a_ranking_is_what_was_computed_before_it(given: Given, ledger: RealLedger) -> None:
    """As of the position before the close the open leaderboard has the places then recorded."""
    given(
        *THREE,
        *won("p1", "2026-01-10", "2026-03-31T08:00:00Z"),
        *won("p2", "2026-01-10", "2026-02-01"),
        accrue("2026-04-30"),
        close("2026-03"),
        *won("p3", "2026-01-10", "2026-01-11", "2026-01-12"),
        accrue("2026-04-30"),
        programme=RANKED,
    )
    [closed] = ledger._select("SELECT position FROM ledger.events WHERE topic = 'period.closed/1'")
    before = board(ledger, position=integer_of(closed["position"]) - 1)
    assert [row[:4] for row in before] == [row[:4] for row in board(ledger)]
    assert [row[2] for row in before] == ["p2", "p1"]


def test_d12_4_a_prize_is_paid_with_the_next_cutoff(given: Given) -> None:
    """S is the quarter's last day, but it is posted on the day after."""
    told = given(*THREE, *won("p1", "2026-01-10"), programme=RANKED).when(
        accrue("2026-06-30"), close("2026-03"), pay("2026-03-31")
    )
    told.then_payouts()
    told.when(pay("2026-06-30")).then_payouts(("2026-06-30", 2_000 * EURO, "in_flight", 0))


def test_d12_1_a_recorded_ranking_is_the_quarters_from_then_on(
    given: Given, ledger: RealLedger
) -> None:
    """Late facts change an open quarter's leaderboard, not a closed one's."""
    told = given(*THREE, *won("p1", "2026-01-10"), programme=RANKED)
    assert board(ledger) == [("izyinbox", 1, "p1", 1, None)]
    told.when(accrue("2026-03-31"), close("2026-03"))
    recorded = [("izyinbox", 1, "p1", 1, 2_000 * EURO)]
    assert board(ledger) == recorded

    told.when(*won("p2", "2026-02-10", "2026-02-11"), accrue("2026-03-31"))

    assert board(ledger) == recorded
    assert len(prizes(told)) == 1
    # Before the quarter's last day the recorded ranking has not happened: the open one is shown.
    assert board(ledger, effective_at=date(2026, 3, 30)) == [
        ("izyinbox", 1, "p2", 2, None),
        ("izyinbox", 2, "p1", 1, None),
    ]
    assert board(ledger, effective_at=date(2026, 3, 31)) == recorded


def test_d12_1_an_empty_ranking_is_recorded_too(given: Given, ledger: RealLedger) -> None:
    """A quarter in which nobody was counted stays so."""
    told = given(*THREE, programme=RANKED).when(accrue("2026-03-31"), close("2026-03"))
    told.when(*won("p1", "2026-03-31"))
    assert board(ledger) == []
    assert prizes(told) == []


def test_a_close_that_dies_before_its_seal_has_its_prizes(given: Given, ledger: RealLedger) -> None:
    """They stand with its command; whatever command comes next seals the month, once."""
    told = given(*THREE, *won("p1", "2026-01-10"), accrue("2026-03-31"), programme=RANKED)
    dying = mock.patch.object(ledger.application, "_seal", side_effect=OSError("killed"))
    with dying, pytest.raises(OSError, match="killed"):
        ledger.close("2026-03")
    before = prizes(told)
    assert [row[0] for row in before] == ["p1"]
    assert ledger.commands_recorded("StatementsSealed") == 0

    ledger.reopen()
    told.when(accrue("2026-04-01"))
    assert prizes(told) == before
    assert ledger.commands_recorded("StatementsSealed") == 1
    told.refuses(close("2026-03"))


def test_d12_1_months_that_end_no_quarter_have_no_prizes(given: Given) -> None:
    """The quarter is decided with its last month, even if a later run reached it before."""
    told = given(*THREE, *won("p1", "2026-01-10"), programme=RANKED)
    told.when(accrue("2026-05-31"), close("2026-01"), close("2026-02"))
    assert prizes(told) == []
    told.when(close("2026-03"))
    assert len(prizes(told)) == 1


def test_d16_the_first_close_leaves_earlier_quarters_open(given: Given, ledger: RealLedger) -> None:
    """It closes the months before without their prizes and rankings; its own has them."""
    told = given(*THREE, *won("p1", "2026-01-10"), *won("p2", "2026-04-10"), programme=RANKED).when(
        accrue("2026-06-30"), close("2026-06")
    )
    assert prizes(told) == [("p2", "D12.1", 2_000 * EURO, "2026-06-30", "2026-07-01")]
    told.when(*won("p3", "2026-02-01", "2026-02-02"))
    assert board(ledger) == [("izyinbox", 1, "p3", 2, None), ("izyinbox", 2, "p1", 1, None)]


def test_d4_4_without_an_agreement_a_rank_has_no_prize(given: Given, ledger: RealLedger) -> None:
    """It keeps its place, and nobody moves up."""
    told = given(
        *THREE,
        *won("p1", "2026-01-10", "2026-01-11"),
        *won("p2", "2026-01-10"),
        ended("2026-03-31"),
        programme=RANKED,
    ).when(accrue("2026-03-31"), close("2026-03"))
    assert prizes(told) == [("p2", "D12.1", 1_000 * EURO, "2026-03-31", "2026-04-01")]
    assert board(ledger) == [
        ("izyinbox", 1, "p1", 2, None),
        ("izyinbox", 2, "p2", 1, 1_000 * EURO),
    ]


def test_d12_3_ambassadors_at_the_close_of_december(given: Given, ledger: RealLedger) -> None:
    """All clients counted up to 31 December, of those with more than so many the first places."""
    terms = programme(ambassadors={"places": 2, "above": 1, "amount": 10_000 * EURO})
    told = given(
        *THREE,
        enrolled("2026-01-01", "p4"),
        *won("p1", "2026-01-05", "2026-12-31"),
        *won("p2", "2026-01-10", "2026-01-11", "2026-01-12"),
        *won("p3", "2026-05-05", "2026-06-06"),
        *won("p4", "2026-12-01", "2027-01-01"),
        programme=terms,
    ).when(accrue("2026-12-31"), close("2026-12"))
    assert prizes(told) == [
        ("p2", "D12.3", 10_000 * EURO, "2026-12-31", "2027-01-01"),
        ("p3", "D12.3", 10_000 * EURO, "2026-12-31", "2027-01-01"),
    ]
    told.when(*won("p4", "2026-12-02", "2026-12-03", tag="late"))
    year = board(ledger, lambda replay, at: replay.standings(at, 2026))
    assert year == [
        ("izyinbox", 1, "p2", 3, 10_000 * EURO),
        ("izyinbox", 2, "p3", 2, 10_000 * EURO),
        ("izyinbox", 3, "p1", 2, None),
        ("izyinbox", 4, "p4", 1, None),
    ]
    ever = board(ledger, lambda replay, at: replay.standings(at))
    assert ever[0] == ("izyinbox", 1, "p4", 4, None)


def test_d10_3_first_place_of_a_contest(given: Given) -> None:
    """By the claim's day inside and a counting day up to the end; not in cash, in no balance."""
    contest: JsonValue = {
        "code": "sprint",
        "start": "2026-01-01",
        "end": "2026-01-20",
        "amount": 0,
        "first_place": {"prize": "trip", "value": 3_000 * EURO},
    }
    told = given(
        enrolled("2025-12-01", "p1"),
        enrolled("2025-12-01", "p2"),
        # Counted on the last day; claimed a day too early, and counted a day too late.
        referred("2026-01-01", "a", "p1"),
        activated("2026-01-20", "a", price=1),
        referred("2026-01-20", "b", "p1"),
        activated("2026-01-20", "b", price=1),
        referred("2025-12-31", "c", "p2"),
        activated("2026-01-05", "c", price=1),
        lead("2026-01-19", "l1", "p2", "d"),
        activated("2026-01-19", "d", price=1),
        referred("2026-01-02", "e", "p2"),
        activated("2026-01-21", "e", price=1),
        programme=programme(contest=[contest]),
    ).when(accrue("2026-01-31"), close("2026-01"))
    assert prizes(told) == [("p1", "D10.3", 3_000 * EURO, "2026-01-20", "2026-02-01")]
    told.then_balance("p1", earned=0)
    told.then_account("commission_expense", 0)


def test_d3_6_who_held_the_client_on_its_first_day_counts_it(
    given: Given, ledger: RealLedger
) -> None:
    """An assignment before it counts for its partner, who has no winning claim in a contest."""
    contest: JsonValue = {
        "code": "sprint",
        "start": "2026-01-01",
        "end": "2026-01-31",
        "amount": 0,
        "first_place": {"prize": "trip", "value": 3_000 * EURO},
    }
    told = given(
        *THREE,
        *won("p1", "2026-01-10"),
        *won("p2", "2026-01-20", "2026-01-21", "2026-01-22"),
        assign("2026-01-15", "p3", "p2-0"),
        assign("2026-01-15", "p3", "p2-1"),
        assign("2026-01-23", "p3", "p2-2"),
        programme=programme(leaderboard=PRIZES, contest=[contest]),
    ).when(accrue("2026-03-31"), close("2026-01"))
    assert [row[:2] for row in prizes(told)] == [("p1", "D10.3")]
    told.when(close("2026-02"), close("2026-03"))
    assert [row[1:] for row in board(ledger)] == [
        (1, "p3", 2, 2_000 * EURO),
        (2, "p1", 1, 1_000 * EURO),
        (3, "p2", 1, 500 * EURO),
    ]
    assert grounds(ledger, "D12.1") == [
        ("p3", "attribution.assigned/1", "p2-1"),
        ("p1", "referral.registered/1", "p1-0"),
        ("p2", "referral.registered/1", "p2-2"),
    ]


def test_d7_3_rankings_are_per_programme(given: Given, ledger: RealLedger) -> None:
    """By the partner's programme on the last day, in that programme's currency and version."""
    swiss = programme(name="swiss", currency="CHF", leaderboard={"prizes": [1_500 * EURO]})
    told = given(*THREE, programme=RANKED)
    ledger.adopt(swiss, date(2026, 1, 1))
    ledger.assign_programme("p2", "swiss", date(2026, 3, 31))
    ledger.assign_programme("p3", "swiss", date(2026, 4, 1))
    told.when(
        *won("p1", "2026-01-10", "2026-01-11"),
        *won("p2", "2026-01-10", "2026-01-11", "2026-01-12"),
        *won("p3", "2026-01-10"),
        accrue("2026-03-31"),
    )
    open_board = board(ledger)
    assert open_board == [
        ("izyinbox", 1, "p1", 2, None),
        ("izyinbox", 2, "p3", 1, None),
        ("swiss", 1, "p2", 3, None),
    ]
    told.when(close("2026-03"))
    closed = board(ledger)
    assert [row[:4] for row in closed] == [row[:4] for row in open_board]
    assert [row[4] for row in closed] == [2_000 * EURO, 1_000 * EURO, 1_500 * EURO]
    told.then_balance("p2", "CHF", earned=1_500 * EURO)


def test_d7_2_a_prize_follows_the_version_of_the_last_day(given: Given, ledger: RealLedger) -> None:
    """A version in force from the last day on decides the prizes of the whole quarter."""
    told = given(*THREE, *won("p1", "2026-01-10"), programme=RANKED)
    ledger.adopt(programme(leaderboard={"prizes": [7]}), date(2026, 3, 31))
    told.when(accrue("2026-03-31"), close("2026-03"))
    assert [(row[0], row[2]) for row in prizes(told)] == [("p1", 7)]


def test_d16_a_wholesale_settlement_stands_in_the_statement(
    given: Given, ledger: RealLedger
) -> None:
    """Of its own day, or on the first open one; it changes no balance of what is payable."""
    told = given(*THREE, wholesale("2026-01-20", 700)).when(accrue("2026-01-31"), close("2026-01"))
    told.when(wholesale("2026-01-31", 50)).then_balance(paid=0)
    told.then_account("bank", 750).then_account("partner_receivable", -750)
    for month, day, amount in (("2026-01", "2026-01-20", 700), ("2026-02", "2026-02-01", 50)):
        (account,) = json.loads(ledger.statement("p1", month))["accounts"]
        (one,) = account["lines"]
        assert (one["kind"], one["posting_date"], one["amount"]) == ("wholesale", day, amount)
        assert (account["opening"], one["effect"], account["closing"]) == (0, 0, 0)
