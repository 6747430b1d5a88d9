"""Both axes: what the ledger knew at a position or an instant, of what had happened.

::

    position   1      2      3      4      5      6      7
    recorded   |-- append 1 --|     |-- append 2 --|     append 3
    day        5 Jan  5 Jan  5 Feb  5 Jan  5 Feb  31 Jan 5 Mar
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import cast

import psycopg
import pytest

from events.billing import ClientActivated, ClientPlanChanged
from events.decisions import (
    FactResolved,
    FactUnresolved,
    ReferralAccepted,
    ReferralLapsed,
    ReferralRejected,
    ReferralUnchanged,
    ReferralWaiting,
    SubscriptionChange,
)
from events.lines import DifferenceUnresolved
from events.partner_decisions import SponsorAccepted, SponsorWaiting
from events.partners import LeadCaptured, PayoutSettled, ReferralRegistered
from events.payout_decisions import PaymentBooked
from ledger.errors import Refused
from replay.as_of import AsOf, Replay
from tests.projections.journal import (
    Journal,
    activated,
    commission,
    fetch,
    standing,
    term,
    tier,
)
from tests.projections.test_projector import closed, initiated

JAN, FEB, MAR = date(2026, 1, 5), date(2026, 2, 5), date(2026, 3, 5)
CUTOFF = date(2026, 1, 31)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def replay(connection: psycopg.Connection) -> Replay:
    """The queries under test."""
    return Replay(connection)


@pytest.fixture
def instants(journal: Journal) -> list[datetime]:
    """The timeline of this module; returns the instants of its three appends."""
    journal.decide(tier("p1", "referent", JAN), JAN)
    journal.decide(commission("p1", "c1", JAN, 1000), JAN)
    journal.decide(commission("p1", "c1", FEB, 1000), FEB)
    first = journal.append()
    journal.decide(commission("p2", "c2", JAN, 500), JAN)
    journal.decide(tier("p1", "certified", FEB, "referent"), FEB)
    journal.decide(initiated("po-1", "p1", 1000, CUTOFF), CUTOFF)
    second = journal.append()
    journal.decide(closed("po-1", "settled", MAR, in_flight=1000, paid=1000), MAR)
    third = journal.append()
    return [first.recorded_at, second.recorded_at, third.recorded_at]


def payables(replay: Replay, at: AsOf) -> dict[str, tuple[object, object, object]]:
    """Paid, in flight and payable by partner."""
    return {
        str(row["partner_id"]): (row["paid"], row["in_flight"], row["payable"])
        for row in replay.balances(at)
    }


def test_an_instant_is_the_last_position_recorded_by_then(
    replay: Replay, instants: list[datetime]
) -> None:
    """An instant between two appends knows the first; one before all knows nothing."""
    first, second, third = instants
    for known_at, position in (
        (first - MICROSECOND, 0),
        (first, 3),
        (second - MICROSECOND, 3),
        (second, 6),
        (third - MICROSECOND, 6),
        (third, 7),
    ):
        at = replay.resolve(known_at=known_at)
        assert (at.position, at.final) == (position, True)
    assert replay.resolve(known_at=first).answer() == {
        "position": 3,
        "known_at": first.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "effective_at": None,
        "final": True,
        "checkpoint": None,
    }


def test_an_instant_after_the_last_event_is_not_final(
    replay: Replay, instants: list[datetime]
) -> None:
    """Something may still be recorded by then; it is answered as of the last event."""
    at = replay.resolve(known_at=instants[2] + MICROSECOND, effective_at=FEB)
    assert at == AsOf(7, instants[2], FEB, final=False)
    assert replay.resolve() == AsOf(7, instants[2], None, final=True)
    assert replay.resolve(position=7).final


@pytest.mark.usefixtures("instants")
def test_the_last_checkpoint_up_to_a_position(
    replay: Replay, connection: psycopg.Connection
) -> None:
    """What was signed by then; not what was signed of more.

    ::

        position   1 .. 3 | 4 .. 6 | 7
        signed          3        6
    """
    assert replay.resolve().checkpoint is None
    for size in (3, 6):
        connection.execute(
            "INSERT INTO ledger.checkpoints (position, operator, note) VALUES (%s, 'x', '')",
            (size,),
        )
    found = [replay.resolve(position=position).checkpoint for position in range(8)]
    assert found == [None, None, None, 3, 3, 3, 6, 6]


def test_an_empty_ledger_answers(replay: Replay) -> None:
    """Nothing is known; by an instant, not for ever."""
    assert replay.resolve() == AsOf(0, None, None, final=True)
    assert replay.resolve(known_at=NOON) == AsOf(0, None, None, final=False)
    assert list(replay.balances(replay.resolve())) == []


def test_refused_places(replay: Replay, instants: list[datetime]) -> None:
    """Both ways at once, a position outside, an instant without an offset."""
    with pytest.raises(Refused, match="not both"):
        replay.resolve(known_at=instants[0], position=1)
    with pytest.raises(Refused, match="from 0 to 7"):
        replay.resolve(position=8)
    with pytest.raises(Refused, match="from 0 to 7"):
        replay.resolve(position=-1)
    with pytest.raises(Refused, match="offset"):
        replay.resolve(known_at=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


@pytest.mark.usefixtures("instants")
def test_balances_on_both_axes(replay: Replay) -> None:
    """A line belongs to its S, a payout to its cut-off, a settlement to its own day."""
    assert payables(replay, replay.resolve()) == {"p1": (1000, 0, 1000), "p2": (0, 0, 500)}
    assert payables(replay, replay.resolve(position=2)) == {"p1": (0, 0, 1000)}
    assert payables(replay, replay.resolve(effective_at=JAN)) == {
        "p1": (0, 0, 1000),
        "p2": (0, 0, 500),
    }
    assert payables(replay, replay.resolve(effective_at=CUTOFF))["p1"] == (0, 1000, 0)
    assert payables(replay, replay.resolve(effective_at=FEB))["p1"] == (0, 1000, 1000)
    assert payables(replay, replay.resolve(position=3, effective_at=JAN)) == {"p1": (0, 0, 1000)}
    one = list(replay.balances(replay.resolve(), "p2"))
    assert one == [
        {"partner_id": "p2", "currency": "EUR", "earned": 500, "adjusted": 0, "paid": 0,
         "in_flight": 0, "payable": 500}
    ]  # fmt: skip


@pytest.mark.usefixtures("instants")
def test_function_of_finance_answers_the_same(
    replay: Replay, connection: psycopg.Connection
) -> None:
    """``finance.balances_as_of`` and replay, at the end of every append, on every day."""
    # Positions at which an append ended: an instant names no other.
    for position in (3, 6, 7):
        for day in (None, JAN, CUTOFF, FEB, MAR):
            at = replay.resolve(position=position, effective_at=day)
            rows = connection.execute(
                "SELECT * FROM finance.balances_as_of(%s, %s)", (at.known_at, day)
            ).fetchall()
            assert rows == [tuple(row.values()) for row in replay.balances(at)]


@pytest.mark.usefixtures("instants")
def test_live_views_are_the_answer_as_of_now(
    replay: Replay, connection: psycopg.Connection
) -> None:
    """D18.6: what is stored, what is a view and what is replayed agree."""
    at = replay.resolve()
    for view, answer in (
        ("partner_balances", replay.balances(at)),
        ("commission_history", replay.history(at)),
        ("tier_status", replay.tiers(at)),
        ("trial_balance", replay.trial_balance(at)),
        ("leaderboard", replay.leaderboard(at)),
        ("clients", replay.clients(at)),
    ):
        rows = fetch(connection, "SELECT * FROM finance." + view)
        assert sorted(map(_whole, rows)) == sorted(_whole(row.values()) for row in answer)


def _whole(row: Iterable[object]) -> str:
    """Write a row with whole numbers as integers, whatever type the database gave them."""
    return repr([int(value) if isinstance(value, Decimal) else value for value in row])


@pytest.mark.usefixtures("instants")
def test_tiers_and_their_history(replay: Replay) -> None:
    """A tier belongs to its first day."""
    now = list(replay.tiers(replay.resolve()))
    assert now == [{"partner_id": "p1", "tier": "certified", "since": FEB, "position": 5}]
    before = list(replay.tiers(replay.resolve(effective_at=CUTOFF)))
    assert [row["tier"] for row in before] == ["referent"]
    changes = list(replay.tier_history(replay.resolve()))
    assert [(row["from_tier"], row["to_tier"], row["effective_day"]) for row in changes] == [
        (None, "referent", JAN),
        ("referent", "certified", FEB),
    ]
    assert [row["position"] for row in replay.tier_history(replay.resolve(position=4))] == [1]
    assert replay.knows_partner("p1", replay.resolve())
    assert not replay.knows_partner("p2", replay.resolve())


@pytest.mark.usefixtures("instants")
def test_history_and_payouts(replay: Replay) -> None:
    """One partner's lines or all; a payout with what had become of it."""
    assert [row["position"] for row in replay.history(replay.resolve(), "p1")] == [2, 3]
    assert [row["position"] for row in replay.history(replay.resolve())] == [2, 3, 4]
    assert [row["position"] for row in replay.history(replay.resolve(effective_at=JAN))] == [2, 4]
    at = replay.resolve(effective_at=FEB)
    assert [(row["status"], row["settled_amount"]) for row in replay.payouts(at)] == [
        ("in_flight", None)
    ]
    (paid,) = replay.payouts(replay.resolve())
    assert paid == {
        "payout_id": "po-1", "partner_id": "p1", "currency": "EUR", "cutoff": CUTOFF,
        "amount": 1000, "status": "settled", "settled_amount": 1000, "flag": None, "position": 6,
    }  # fmt: skip


@pytest.mark.usefixtures("instants")
def test_a_returned_payout_is_failed_and_keeps_its_settled_amount(
    replay: Replay, journal: Journal
) -> None:
    """D15.2: a failure of a settled payout is a return."""
    journal.decide(closed("po-1", "returned", MAR, in_flight=0, paid=1000), MAR)
    journal.append()
    (paid,) = replay.payouts(replay.resolve())
    assert (paid["status"], paid["settled_amount"]) == ("failed", 1000)


@pytest.mark.usefixtures("instants")
def test_trial_balance_is_zero_at_every_position(replay: Replay) -> None:
    """D18.4 on both axes."""
    for position in range(8):
        for day in (None, JAN, CUTOFF, FEB):
            at = replay.resolve(position=position, effective_at=day)
            assert sum(cast("int", row["balance"]) for row in replay.trial_balance(at)) == 0


@pytest.mark.usefixtures("instants")
def test_a_position_inside_an_append(replay: Replay) -> None:
    """It is answered as it is; its instant is the append's, by which the ledger knew more.

    ::

        position   4      5      6
        recorded   |-- append 2 --|   one instant
                   ^ asked: knows 4 and not 5
    """
    inside = replay.resolve(position=4)
    assert [row["position"] for row in replay.history(inside)] == [2, 3, 4]
    assert inside.final
    assert inside.known_at is not None
    whole = replay.resolve(known_at=inside.known_at)
    assert (whole.position, whole.known_at) == (6, inside.known_at)


@pytest.mark.usefixtures("instants")
def test_a_day_before_everything(replay: Replay) -> None:
    """Nothing had happened yet: answers have no rows, but of what a day does not concern."""
    at = replay.resolve(effective_at=date.min)
    assert at.final
    for rows in (
        replay.balances(at),
        replay.history(at),
        replay.tiers(at),
        replay.tier_history(at),
        replay.leaderboard(at),
        replay.standings(at),
        replay.badges(at),
        replay.trial_balance(at),
        replay.receivables(at),
        replay.clients(at),
        replay.claims(at),
        replay.conflicts(at),
        replay.territories(at),
        replay.unresolved(at),
        replay.payouts(at),
    ):
        assert list(rows) == []
    assert replay.running_quarter(at) == "0001Q1"


def test_leaderboard_of_a_day_counts_counting_days(replay: Replay, journal: Journal) -> None:
    """An open leaderboard counts counting days up to the day, of all that is known."""
    journal.decide(standing("c1", activated("p1", JAN), JAN), JAN)
    journal.decide(standing("c2", activated("p1", FEB), FEB), FEB)
    journal.decide(standing("c3", activated("p2", FEB), FEB), FEB)
    journal.append()
    # Told in March, a late fact of January.
    journal.decide(standing("c4", activated("p2", JAN), JAN), JAN)
    journal.append()

    def ranks(at: AsOf) -> list[tuple[object, object]]:
        return [(r["partner_id"], r["clients"]) for r in replay.leaderboard(at, "2026Q1")]

    assert ranks(replay.resolve()) == [("p1", 2), ("p2", 2)]
    assert ranks(replay.resolve(effective_at=JAN)) == [("p1", 1), ("p2", 1)]
    assert ranks(replay.resolve(position=3)) == [("p1", 2), ("p2", 1)]
    assert list(replay.leaderboard(replay.resolve(), "2026Q2")) == []


def test_clients_of_a_day(replay: Replay, journal: Journal) -> None:
    """The standing that the facts up to the day gave, and the subscriptions open on it."""
    change = SubscriptionChange(subscription_id="c1", before=(), after=(term(JAN, end=MAR),))
    journal.decide(standing("c1", activated("p1", JAN), JAN, changes=[change]), JAN)
    journal.decide(standing("c2", activated("p2", FEB), FEB), FEB)
    journal.append()

    def shown(at: AsOf, partner_id: str | None = None) -> list[tuple[object, object]]:
        return [(r["client_id"], r["open_subscriptions"]) for r in replay.clients(at, partner_id)]

    assert shown(replay.resolve()) == [("c1", 0), ("c2", 0)]
    assert shown(replay.resolve(effective_at=JAN)) == [("c1", 1)]
    assert shown(replay.resolve(effective_at=MAR)) == [("c1", 0), ("c2", 0)]
    assert shown(replay.resolve(), "p2") == [("c2", 0)]


def test_up_to_a_day_a_later_claim_holds_no_client(replay: Replay, journal: Journal) -> None:
    """A fact of an early day, told late, finds a claim of a later day.

    ::

        day        5 Jan              5 Feb
        position       2 (told late)  1 claim of p1
                   asked: ^ nobody holds the client yet
    """
    claim = ReferralRegistered(partner_id="p1", client_id="c1")
    journal.tell(claim, datetime(2026, 2, 5, 12, tzinfo=UTC))
    journal.decide(standing("c1", activated("p1", JAN, claim=1), JAN), JAN)
    journal.append()

    def held(at: AsOf) -> list[tuple[object, ...]]:
        return [
            (row["partner_id"], row["claim"], row["first_activated_on"])
            for row in replay.clients(at)
        ]

    assert held(replay.resolve(effective_at=CUTOFF)) == [(None, None, JAN)]
    assert held(replay.resolve(effective_at=FEB)) == [("p1", 1, JAN)]
    assert held(replay.resolve()) == [("p1", 1, JAN)]


def test_what_is_accepted_later_is_in_no_earlier_conflict(replay: Replay, journal: Journal) -> None:
    """D3.1: who held the lead without a partner when another's claim lost against it.

    ::

        position   1 lead      2 claim   3 lead is p1's   4 p2 loses   5 lead is p3's
                                                                     ^ asked, and after 5
    """
    journal.tell(LeadCaptured(lead_id="l1", client_id="c1", department="75"), NOON)
    journal.tell(ReferralRegistered(partner_id="p2", client_id="c1"), NOON)
    answer = {"rule": "D3.3", "day": JAN, "client_id": "c1"}
    held = {**answer, "claim": 1, "live_through": None}
    journal.decide(ReferralAccepted(**held, partner_id="p1"), JAN)
    lost = ReferralRejected(
        **answer, claim=2, partner_id="p2", reason="territory", standing_claim=1
    )
    journal.decide(lost, JAN)
    journal.decide(ReferralAccepted(**held, partner_id="p3"), JAN)
    journal.append()
    for position in (4, 5):
        (row,) = replay.conflicts(replay.resolve(position=position))
        assert (row["position"], row["standing_partner_id"]) == (2, "p1")


def test_each_claim_has_its_last_answer(replay: Replay, journal: Journal) -> None:
    """D3: accepted then lapsed, rejected, without effect, waiting."""
    for number, partner in enumerate(("p1", "p2", "p1", "ghost", "p3"), start=1):
        fact = ReferralRegistered(partner_id=partner, client_id=f"c{number}")
        journal.tell(fact, NOON)
    answer = {"rule": "D3.3", "day": JAN}
    for event in (
        ReferralAccepted(**answer, claim=1, client_id="c1", partner_id="p1", live_through=MAR),
        ReferralRejected(
            **answer, claim=2, client_id="c2", partner_id="p2", reason="already_attributed"
        ),
        ReferralUnchanged(**answer, claim=3, client_id="c3", partner_id="p1"),
        ReferralWaiting(**answer, claim=4, client_id="c4", partner_id="ghost"),
        ReferralWaiting(**answer, claim=5, client_id="c5", partner_id="p3"),
        ReferralLapsed(
            **answer, claim=1, client_id="c1", partner_id="p1", reason="expired", cause=1
        ),
        ReferralAccepted(**answer, claim=5, client_id="c5", partner_id="p3", live_through=None),
    ):
        journal.decide(event, JAN)
    journal.append()
    claims = [
        (r["position"], r["client_id"], r["partner_id"], r["day"], r["answer"], r["reason"])
        for r in replay.claims(replay.resolve())
    ]
    assert claims == [
        (1, "c1", "p1", JAN, "lapsed", "expired"),
        (2, "c2", "p2", JAN, "rejected", "already_attributed"),
        (3, "c3", "p1", JAN, "no_effect", None),
        (4, "c4", "ghost", JAN, "waiting", None),
        (5, "c5", "p3", JAN, "accepted", None),
    ]
    assert [r["answer"] for r in replay.claims(replay.resolve(position=10))] == [
        "accepted", "rejected", "no_effect", "waiting", "waiting",
    ]  # fmt: skip
    unresolved = [
        (r["position"], r["type"], r["client_id"], r["partner_id"], r["reason"])
        for r in replay.unresolved(replay.resolve())
    ]
    assert unresolved == [
        (3, "referral.registered", "c3", "p1", "no_effect"),
        (4, "referral.registered", "c4", "ghost", "unknown_partner"),
    ]


def test_what_waits_is_unresolved_until_it_is_resolved(replay: Replay, journal: Journal) -> None:
    """Facts, sponsors, payments and differences; the last word on each counts."""
    changed = ClientPlanChanged(client_id="c1", subscription_id="c1", plan="pro", price=1)
    journal.tell(changed, NOON)
    journal.tell(changed.model_copy(update={"client_id": "c2", "subscription_id": "c2"}), NOON)
    journal.tell(PayoutSettled(partner_id="p1", amount=5, currency="EUR"), NOON)
    for number in (1, 2):
        journal.decide(
            FactUnresolved(
                fact=number, about=f"client:c{number}", reason="not_activated",
                client_id=f"c{number}", day=JAN,
            ),
            JAN,
        )  # fmt: skip
    journal.decide(
        PaymentBooked(
            rule="D15.2", day=JAN, payout_id=None, partner_id="p1", currency="EUR", paid=5, tax=0,
            flag="no_payout_named", posting_date=JAN, fact=3,
        ),
        JAN,
    )  # fmt: skip
    journal.append()
    journal.decide(FactResolved(fact=1, about="client:c1", client_id="c1", day=JAN), JAN)
    sponsor = {"rule": "D11", "day": JAN, "sponsor_id": "p9"}
    journal.decide(SponsorWaiting(**sponsor, partner_id="p1", fact=7), JAN)
    journal.decide(SponsorWaiting(**sponsor, partner_id="p2", fact=8), JAN)
    journal.decide(SponsorAccepted(**sponsor, partner_id="p2", fact=8), JAN)
    journal.decide(
        DifferenceUnresolved(
            rule="D9.3", day=JAN, partner_id="p1", client_id="c1", subscription_id="c1", line=2,
            due=10, due_currency="EUR",
            currency="EUR",
            posted=5, reason="adjusted", run=1,
        ),
        JAN,
    )  # fmt: skip
    journal.append()
    rows = [
        (r["position"], r["type"], r["client_id"], r["partner_id"], r["reason"])
        for r in replay.unresolved(replay.resolve())
    ]
    assert rows == [
        (2, "client.plan_changed", "c2", None, "not_activated"),
        (3, "payout.settled", None, "p1", "no_payout_named"),
        (7, "FactResolved", None, "p1", "unknown_sponsor"),
        (11, "DifferenceUnresolved", "c1", "p1", "adjusted"),
    ]
    before = [r["position"] for r in replay.unresolved(replay.resolve(position=6))]
    assert before == [1, 2, 3]


def test_fact_beyond_the_reach_of_money_is_no_history(replay: Replay, journal: Journal) -> None:
    """A fact alone is in no balance, history or trial balance."""
    fact = ClientActivated(
        client_id="c1", subscription_id="c1", plan="solo", price=5900, currency="EUR"
    )
    journal.tell(fact, NOON)
    journal.append()
    at = replay.resolve()
    assert [*replay.balances(at), *replay.history(at), *replay.trial_balance(at)] == []


@pytest.mark.usefixtures("instants")
def test_a_query_may_run_between_two_rows_of_another(replay: Replay) -> None:
    """Answers share a connection: one that is not read to its end blocks none."""
    at = replay.resolve()
    both = zip(replay.history(at), replay.history(at, "p1"), strict=False)
    assert [(one["position"], other["position"]) for one, other in both] == [(2, 2), (3, 3)]
    unfinished = replay.claims(at)
    next(unfinished, None)
    assert len(list(replay.balances(at))) == 2
    with replay.connection.transaction():
        assert len(list(replay.history(at))) == 3
