"""The stored projections: what a merge makes of events, and where it refuses."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest

from events.decisions import Standing, SubscriptionChange
from events.lines import ClawbackWaived
from events.payout_decisions import PaymentBooked, PayoutClosed, PayoutInitiated
from ledger.errors import Corrupt
from projections import Projector, install
from tests.projections.journal import (
    Journal,
    activated,
    commission,
    fetch,
    paid,
    payment_standing,
    standing,
    term,
    tier,
)

JAN, FEB, MAR = date(2026, 1, 5), date(2026, 2, 5), date(2026, 3, 5)


def test_balances_add_up_over_appends_and_currencies(
    journal: Journal, connection: psycopg.Connection
) -> None:
    """D15: earned by partner and currency, one row for each pair."""
    journal.decide(commission("p1", "c1", JAN, 1180), JAN)
    journal.decide(commission("p1", "c1", FEB, 1180), FEB)
    journal.append()
    journal.decide(commission("p1", "c2", FEB, 500, currency="USD"), FEB)
    journal.decide(commission("p2", "c3", FEB, 700), FEB)
    journal.decide(commission("p1", "c1", MAR, 1180), MAR)
    journal.append()
    rows = fetch(connection, "SELECT * FROM projections.balances ORDER BY 1, 2")
    assert rows == [
        ("p1", "EUR", 3540, 0, 0, 0),
        ("p1", "USD", 500, 0, 0, 0),
        ("p2", "EUR", 700, 0, 0, 0),
    ]


def test_waiver_is_a_row_but_no_money(journal: Journal, connection: psycopg.Connection) -> None:
    """D9.2: a waiver shows what the promise costs and changes no balance."""
    line = commission("p1", "c1", JAN, 1180).model_dump()
    journal.decide(ClawbackWaived(**{**line, "rule": "D9.2", "line": 1}), JAN)
    journal.append()
    assert fetch(connection, "SELECT earned, adjusted FROM projections.balances") == [(0, 0)]


def test_payout_moves_from_payable_to_flight_to_paid(
    journal: Journal, connection: psycopg.Connection
) -> None:
    """D15.2: initiated, settled with another amount, then a return of what was settled."""
    cutoff = date(2026, 1, 31)
    journal.decide(commission("p1", "c1", JAN, 1000), JAN)
    journal.decide(initiated("po-1", "p1", 1000, cutoff), cutoff)
    journal.append()
    query = "SELECT earned, paid, in_flight, payable FROM finance.partner_balances"
    assert fetch(connection, query) == [(1000, 0, 1000, 0)]
    journal.decide(closed("po-1", "settled", FEB, in_flight=1000, paid=900), FEB)
    journal.append()
    assert fetch(connection, query) == [(1000, 900, 0, 100)]
    journal.decide(closed("po-1", "returned", MAR, in_flight=0, paid=900), MAR)
    journal.append()
    assert fetch(connection, query) == [(1000, 0, 0, 1000)]


def test_payment_that_closed_no_payout_is_paid(
    journal: Journal, connection: psycopg.Connection
) -> None:
    """D15.2: a foreign settlement is paid all the same; payable may be negative."""
    journal.decide(
        PaymentBooked(
            rule="D15.2", day=FEB, payout_id=None, partner_id="p1", currency="EUR", paid=250,
            tax=50, flag="no_payout_named", posting_date=FEB, fact=1,
        ),
        FEB,
    )  # fmt: skip
    journal.append()
    rows = fetch(connection, "SELECT paid, payable FROM finance.partner_balances")
    assert rows == [(250, -250)]


def test_tier_of_the_latest_day_stands(journal: Journal, connection: psycopg.Connection) -> None:
    """D6: by first day, then position, whatever the order of appends and within one append."""
    journal.decide(tier("p1", "referent", JAN), JAN)
    journal.decide(tier("p1", "certified", MAR, "referent"), MAR)
    journal.append()
    journal.decide(tier("p1", "strategic", FEB, "referent"), FEB)
    journal.append()
    rows = fetch(connection, "SELECT tier, since, position FROM finance.tier_status")
    assert rows == [("certified", MAR, 2)]


def test_client_stands_as_its_last_standing_says(
    journal: Journal, connection: psycopg.Connection
) -> None:
    """D4.5: two standings in one append and one in the next, the last by position counts."""
    journal.decide(standing("c1", Standing(partner_id="p1", claim=1), JAN), JAN)
    journal.decide(standing("c1", activated("p1", JAN, claim=1), JAN), JAN)
    journal.append()
    query = "SELECT partner_id, claim, first_activated_on, counted_on FROM projections.clients"
    assert fetch(connection, query) == [("p1", 1, JAN, JAN)]
    journal.decide(standing("c1", activated(None, JAN, counted=False), FEB), FEB)
    journal.append()
    assert fetch(connection, query) == [(None, None, JAN, None)]


def test_a_payment_stands_as_its_last_standing_says(
    journal: Journal, connection: psycopg.Connection
) -> None:
    """D8.2: the first told of one payment counts, until a standing says what is left of it."""
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    query = "SELECT payment_id, net, payment, refunds, client_id FROM projections.payments"
    journal.tell(paid("c1", "i1", JAN, 100), noon)
    journal.tell(paid("c1", "i1", JAN, 60, "a"), noon)
    journal.tell(paid("c2", "i1", JAN, 70, "a"), noon)
    journal.append()
    journal.tell(paid("c2", "i1", JAN, 90), noon)
    journal.append()
    rows = fetch(connection, f"{query} ORDER BY 1")
    assert rows == [("", 100, 1, [], "c1"), ("a", 60, 2, [], "c1")]
    journal.decide(payment_standing("c1", "i1", JAN, 100, 80, payment=1), JAN)
    journal.decide(payment_standing("c1", "i1", JAN, 80, 40, payment=1), FEB)
    journal.append()
    journal.tell(paid("c3", "i1", JAN, 10), noon)
    journal.append()
    assert fetch(connection, f"{query} WHERE payment_id = ''") == [("", 40, 1, [2], "c1")]


def test_a_retracted_payment_stays_to_be_found(
    journal: Journal, connection: psycopg.Connection
) -> None:
    """D9.5: what it brought is taken back by a run, which finds it by its revision."""
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    journal.tell(paid("c1", "i1", JAN, 100), noon)
    gone = payment_standing("c1", "i1", JAN, 100, 0, payment=1).model_copy(
        update={"gone": True, "refunds": ()}
    )
    journal.decide(gone, JAN)
    journal.append()
    query = "SELECT net, payment, revision, gone FROM projections.payments"
    assert fetch(connection, query) == [(0, 1, 2, True)]
    journal.tell(paid("c1", "i1", JAN, 90), noon)
    journal.decide(payment_standing("c1", "i1", JAN, 90, 80, payment=3), JAN)
    journal.append()
    assert fetch(connection, query) == [(80, 3, 4, False)]


def test_terms_go_and_come(journal: Journal, connection: psycopg.Connection) -> None:
    """D4.1: what a fact took away goes, what it put there comes, across and within appends."""
    first, cut = term(JAN), term(JAN, end=MAR)
    later = term(MAR, 14900, fact=3)

    def change(before: list[object], after: list[object]) -> list[SubscriptionChange]:
        return [SubscriptionChange.model_validate(
            {"subscription_id": "c1", "before": tuple(before), "after": tuple(after)}
        )]  # fmt: skip

    stands = activated("p1", JAN)
    journal.decide(standing("c1", stands, JAN, changes=change([], [first])), JAN)
    journal.append()
    journal.decide(standing("c1", stands, MAR, changes=change([first], [cut, later])), MAR)
    journal.append()
    query = "SELECT start_day, end_day, price FROM projections.terms ORDER BY start_day"
    assert fetch(connection, query) == [(JAN, MAR, 5900), (MAR, None, 14900)]
    # One append takes all away, puts one back and takes that away again.
    journal.decide(standing("c1", stands, MAR, changes=change([cut, later], [first])), MAR)
    journal.decide(standing("c1", stands, MAR, changes=change([first], [later])), MAR)
    journal.append()
    assert fetch(connection, query) == [(MAR, None, 14900)]


def test_totals_beyond_64_bits(journal: Journal, connection: psycopg.Connection) -> None:
    """A legal sum never jams: totals are NUMERIC(38, 0)."""
    big = 10**18
    for day in (JAN, FEB, MAR):
        for client in ("c1", "c2", "c3", "c4"):
            line = commission("p1", client, day, 1).model_copy(update={"amount": big})
            journal.decide(line, day)
        journal.append()
    assert fetch(connection, "SELECT earned FROM projections.balances") == [(Decimal(12 * big),)]


def test_topics_skip_only_what_cannot_change(
    journal: Journal, connection: psycopg.Connection
) -> None:
    """A projection that reads no topic of the append moves with the others."""
    journal.decide(tier("p1", "referent", JAN), JAN)
    journal.append()
    assert set(fetch(connection, "SELECT position FROM projections.projections")) == {(1,)}
    assert fetch(connection, "SELECT count(*) FROM projections.tiers") == [(1,)]


def test_projection_that_is_behind_catches_up(
    ledger_database_url: str, journal: Journal, connection: psycopg.Connection
) -> None:
    """An append without a merge is folded by the next one."""
    journal.projector = None
    journal.decide(commission("p1", "c1", JAN, 1000), JAN)
    journal.append()
    journal.projector = Projector()
    journal.decide(commission("p1", "c1", FEB, 1000), FEB)
    journal.append()
    assert fetch(connection, "SELECT earned FROM projections.balances") == [(2000,)]
    assert set(fetch(connection, "SELECT position FROM projections.projections")) == {(2,)}
    assert ledger_database_url


def test_projection_that_is_ahead_refuses(journal: Journal, connection: psycopg.Connection) -> None:
    """A range is merged once: a second time, or a wrong start, appends nothing."""
    journal.decide(commission("p1", "c1", JAN, 1000), JAN)
    journal.append()
    connection.execute("UPDATE projections.projections SET position = 9 WHERE name = 'balances'")
    journal.decide(commission("p1", "c1", FEB, 1000), FEB)
    with pytest.raises(Corrupt, match=r"position 9.*rebuild"):
        journal.append()
    assert fetch(connection, "SELECT count(*) FROM ledger.events") == [(1,)]
    assert fetch(connection, "SELECT earned FROM projections.balances") == [(1000,)]


def test_another_version_is_made_anew(
    ledger_database_url: str, journal: Journal, connection: psycopg.Connection
) -> None:
    """A table of an older definition is replaced, and folded from position 0."""
    journal.decide(commission("p1", "c1", JAN, 1000), JAN)
    journal.append()
    connection.execute("UPDATE projections.projections SET version = 0 WHERE name = 'balances'")
    connection.execute("UPDATE projections.balances SET earned = 7")
    connection.execute("COMMENT ON SCHEMA projections IS 'of an older release'")
    install(ledger_database_url)
    rows = fetch(connection, "SELECT earned FROM finance.partner_balances")
    assert rows == [(1000,)]


def test_writer_may_merge(journal: Journal, connection: psycopg.Connection) -> None:
    """The role that appends needs nothing of the owner."""
    assert isinstance(journal.recorder.datastore.pool.kwargs, dict)
    journal.recorder.datastore.pool.kwargs["options"] = "-c role=ledger_writer"
    journal.decide(commission("p1", "c1", JAN, 1000), JAN)
    journal.decide(standing("c1", activated("p1", JAN), JAN), JAN)
    journal.append()
    assert fetch(connection, "SELECT earned FROM projections.balances") == [(1000,)]


def initiated(payout_id: str, partner_id: str, amount: int, cutoff: date) -> PayoutInitiated:
    """A payout of a cut-off."""
    return PayoutInitiated(
        rule="D15.1", programme_version="izyinbox/1", day=cutoff, payout_id=payout_id,
        partner_id=partner_id, currency="EUR", amount=amount, posting_date=cutoff, run=1,
    )  # fmt: skip


def closed(payout_id: str, outcome: str, day: date, *, in_flight: int, paid: int) -> PayoutClosed:
    """A settlement, failure or return of a payout of p1."""
    flag = {"flag": "amount_differs"} if outcome == "settled" and paid != in_flight else {}
    return PayoutClosed.model_validate(
        {
            "rule": "D15.2",
            "day": day,
            "payout_id": payout_id,
            "partner_id": "p1",
            "currency": "EUR",
            "outcome": outcome,
            "initiated": in_flight,
            "paid": paid,
            "tax": 0,
            "posting_date": day,
            "fact": 1,
            **flag,
        }
    )
