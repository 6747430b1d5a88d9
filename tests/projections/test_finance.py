"""The schema finance: what its role may read, and what the views say."""

from __future__ import annotations

from datetime import UTC, date, datetime

import psycopg
import pytest
from psycopg import sql

from events.decisions import SubscriptionChange
from events.lines import (
    AdjustmentPosted,
    ClawbackWaived,
    MarginPosted,
)
from events.partners import WholesaleSettled
from events.payout_decisions import PaymentBooked
from projections import install
from projections.finance import VIEWS
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
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


def test_reader_reads_finance_and_nothing_else(connection: psycopg.Connection) -> None:
    """Every view and the function, but no table, and no right to write."""
    connection.execute("SET ROLE finance_reader")
    for name in VIEWS:
        view = sql.Identifier("finance", name)
        connection.execute(sql.SQL("SELECT * FROM {}").format(view))
    connection.execute("SELECT * FROM finance.balances_as_of(now(), DATE '2026-01-01')")
    for refused in (
        "SELECT * FROM ledger.events",
        "SELECT * FROM ledger.ledger_head",
        "SELECT * FROM projections.balances",
        "SELECT projections.position_at(now())",
        "DELETE FROM finance.partner_balances",
        "CREATE TABLE finance.mine (id integer)",
        "CREATE TABLE public.mine (id integer)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(refused)


def test_reader_has_time_limits(connection: psycopg.Connection) -> None:
    """A session of the role cannot hold a snapshot open for ever."""
    ((settings,),) = fetch(
        connection, "SELECT rolconfig FROM pg_roles WHERE rolname = 'finance_reader'"
    )
    assert {each.partition("=")[0] for each in settings} == {
        "statement_timeout",
        "idle_in_transaction_session_timeout",
    }


def test_function_cannot_be_led_astray(connection: psycopg.Connection) -> None:
    """SECURITY DEFINER with a search_path of its own: a table of the caller's is not read."""
    rows = fetch(
        connection,
        "SELECT proname, prosecdef, proconfig FROM pg_proc "
        "WHERE pronamespace = 'finance'::regnamespace",
    )
    assert rows == [("balances_as_of", True, ["search_path=pg_catalog, pg_temp"])]


def test_every_view_and_column_has_a_comment(connection: psycopg.Connection) -> None:
    """BI tools show them."""
    bare = fetch(
        connection,
        """
        SELECT relname, attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
        WHERE relnamespace = 'finance'::regnamespace AND attnum > 0
            AND (col_description(pg_class.oid, attnum) IS NULL
                OR obj_description(pg_class.oid) IS NULL)
        """,
    )
    assert bare == []
    views = fetch(
        connection,
        "SELECT relname FROM pg_class WHERE relnamespace = 'finance'::regnamespace ORDER BY 1",
    )
    assert [name for (name,) in views] == sorted(VIEWS)


def test_install_again_changes_nothing(
    ledger_database_url: str, connection: psycopg.Connection
) -> None:
    """The same schema twice: one query, also for a role that may not make anything."""
    before = fetch(connection, "SELECT oid, xmin::text FROM pg_class ORDER BY oid")
    install(ledger_database_url)
    connection.execute("SET ROLE ledger_writer")
    install(connection)
    connection.execute("RESET ROLE")
    assert fetch(connection, "SELECT oid, xmin::text FROM pg_class ORDER BY oid") == before


def test_history_shows_the_arithmetic(journal: Journal, connection: psycopg.Connection) -> None:
    """D18: a line with kind, rule, base, rate, period and facts."""
    journal.decide(commission("p1", "c1", JAN, 1180), JAN)
    line = commission("p1", "c1", JAN, 180).model_dump()
    journal.decide(ClawbackWaived(**{**line, "rule": "D9.2", "line": 1}), JAN)
    journal.append()
    rows = fetch(
        connection,
        """
        SELECT position, kind, rule, client_id, subscription_id, service_date, service_end,
            base, rate, amount, programme_version, facts, line, in_balance
        FROM finance.commission_history ORDER BY position
        """,
    )
    end = date(2026, 2, 1)
    assert rows == [
        (1, "commission", "D7", "c1", "c1", JAN, end, 5900, "0.20", 1180, "izyinbox/1", [1], None,
         True),
        (2, "waiver", "D9.2", "c1", "c1", JAN, end, 900, "0.20", 180, "izyinbox/1", [1], 1, False),
    ]  # fmt: skip


def test_statement_lines_carry_the_balance(
    journal: Journal, connection: psycopg.Connection
) -> None:
    """D16: by posting date, then position, with what is payable after each."""
    journal.decide(commission("p1", "c1", FEB, 500), FEB)
    journal.decide(commission("p1", "c2", JAN, 1000), JAN)
    journal.decide(initiated("po-1", "p1", 1000, date(2026, 1, 31)), date(2026, 1, 31))
    journal.decide(closed("po-1", "settled", FEB, in_flight=1000, paid=900), FEB)
    journal.append()
    rows = fetch(
        connection,
        "SELECT month, position, kind, effect, balance, payout_id FROM finance.statements "
        "ORDER BY posting_date, position",
    )
    assert rows == [
        ("2026-01", 2, "commission", 1000, 1000, None),
        ("2026-01", 3, "payout_initiated", -1000, 0, "po-1"),
        ("2026-02", 1, "commission", 500, 500, None),
        ("2026-02", 4, "payout_settled", 100, 600, "po-1"),
    ]


def trial(connection: psycopg.Connection) -> dict[str, tuple[int, int]]:
    """Debit and credit by account, checked to sum to zero."""
    rows = fetch(connection, "SELECT account, debit, credit, balance FROM finance.trial_balance")
    assert sum(row[3] for row in rows) == 0
    assert all(debit - credit == balance for _, debit, credit, balance in rows)
    return {account: (int(debit), int(credit)) for account, debit, credit, _ in rows}


def test_trial_balance_of_a_payout_s_life(journal: Journal, connection: psycopg.Connection) -> None:
    """D17: earned 1,000, sent, settled with 900 and 180 of tax, then returned."""
    journal.decide(commission("p1", "c1", JAN, 1000), JAN)
    journal.append()
    assert trial(connection) == {"commission_expense": (1000, 0), "partner_payable": (0, 1000)}
    journal.decide(initiated("po-1", "p1", 1000, JAN), JAN)
    journal.append()
    assert trial(connection)["payouts_in_flight"] == (0, 1000)
    settled = closed("po-1", "settled", FEB, in_flight=1000, paid=900).model_copy(
        update={"tax": 180}
    )
    journal.decide(settled, FEB)
    journal.append()
    assert trial(connection) == {
        "commission_expense": (1000, 0),
        "partner_payable": (1000, 1100),
        "payouts_in_flight": (1000, 1000),
        "bank": (0, 1080),
        "input_vat": (180, 0),
    }
    returned = closed("po-1", "returned", MAR, in_flight=0, paid=900).model_copy(
        update={"tax": 180}
    )
    journal.decide(returned, MAR)
    journal.append()
    assert trial(connection) == {
        "commission_expense": (1000, 0),
        "partner_payable": (1000, 2000),
        "payouts_in_flight": (1000, 1000),
        "bank": (1080, 1080),
        "input_vat": (180, 180),
    }


def test_trial_balance_of_the_other_postings(
    journal: Journal, connection: psycopg.Connection
) -> None:
    """D17: negative adjustment, opening, failed payout, foreign settlement, margin, take-back."""
    journal.decide(adjustment(-300), JAN)
    journal.decide(adjustment(700, rule="D8.3", reason="opening"), JAN)
    journal.decide(initiated("po-1", "p1", 400, JAN), JAN)
    journal.decide(closed("po-1", "failed", FEB, in_flight=400, paid=0), FEB)
    journal.decide(
        PaymentBooked(
            rule="D15.2", day=FEB, payout_id=None, partner_id="p1", currency="EUR", paid=50,
            tax=10, flag="no_payout_named", posting_date=FEB, fact=1,
        ),
        FEB,
    )  # fmt: skip
    margin = {**commission("p1", "c1", JAN, 400).model_dump(), "rule": "D13", "base": 1000}
    journal.decide(MarginPosted(**margin), JAN)
    journal.decide(adjustment(-400, rule="D13", of_margin=True, base=1000, line=6), JAN)
    journal.tell(WholesaleSettled(partner_id="p1", amount=250, currency="EUR"), NOON)
    journal.append()
    assert trial(connection) == {
        "bank": (250, 60),
        "commission_expense": (0, 300),
        "input_vat": (10, 0),
        "opening_balance": (700, 0),
        "partner_payable": (300 + 400 + 50, 700 + 400),
        "partner_receivable": (600, 600 + 250),
        "payouts_in_flight": (400, 400),
        "wholesale_revenue": (600, 600),
    }
    rows = fetch(connection, "SELECT adjusted, payable FROM finance.partner_balances")
    assert rows == [(400, 350)]


def test_receivables_of_partners_under_their_own_brand(
    journal: Journal, connection: psycopg.Connection
) -> None:
    """D13: bases less margins, less what was taken back; what was paid; what is open."""
    for client, currency, base, amount in (("c1", "EUR", 1000, 400), ("c2", "CHF", 500, 200)):
        margin = commission("p1", client, JAN, amount).model_dump()
        members = {**margin, "rule": "D13", "base": base, "currency": currency}
        journal.decide(MarginPosted(**members), JAN)
    journal.decide(adjustment(-120, rule="D13", of_margin=True, base=300, line=1), JAN)
    journal.tell(WholesaleSettled(partner_id="p1", amount=500, currency="EUR"), NOON)
    journal.append()
    rows = fetch(connection, "SELECT * FROM finance.receivables ORDER BY currency")
    assert rows == [("p1", "CHF", 300, 0, 300), ("p1", "EUR", 420, 500, -80)]


def adjustment(amount: int, **other: object) -> AdjustmentPosted:
    """An adjustment of p1 on 5 January."""
    return AdjustmentPosted.model_validate(
        {
            "rule": "D9.4",
            "day": JAN,
            "partner_id": "p1",
            "posting_date": JAN,
            "amount": amount,
            "currency": "EUR",
            "reason": "error",
            "command": 1,
            **other,
        }
    )


def test_leaderboard_breaks_ties(journal: Journal, connection: psycopg.Connection) -> None:
    """D12.1: most clients; ties by the first activation of the last counted, then partner id."""
    early, late = datetime(2026, 1, 5, 8, tzinfo=UTC), datetime(2026, 1, 5, 20, tzinfo=UTC)
    clients = {
        "p1": [(JAN, early), (FEB, late)],
        "p2": [(JAN, early), (FEB, early)],
        "p3": [(FEB, early), (FEB, late), (FEB, late)],
        "p4": [(JAN, early), (FEB, early)],
        "p5": [(date(2026, 4, 1), early)],
    }
    for partner, counted in clients.items():
        for number, (day, at) in enumerate(counted):
            stands = activated(partner, day).model_copy(update={"first_activated_at": at})
            journal.decide(standing(f"{partner}-{number}", stands, day), day)
    journal.decide(standing("direct", activated(None, JAN), JAN), JAN)
    journal.decide(standing("free", activated("p1", JAN, counted=False), JAN), JAN)
    journal.append()
    rows = fetch(
        connection,
        "SELECT quarter, rank, partner_id, clients FROM finance.leaderboard ORDER BY 1, 2",
    )
    assert rows == [
        ("2026Q1", 1, "p3", 3),
        ("2026Q1", 2, "p2", 2),
        ("2026Q1", 3, "p4", 2),
        ("2026Q1", 4, "p1", 2),
        ("2026Q2", 1, "p5", 1),
    ]


def test_clients_and_tiers(journal: Journal, connection: psycopg.Connection) -> None:
    """A client with one open subscription and one that has ended; the tier that stands."""
    changes = [
        SubscriptionChange(subscription_id="c1", before=(), after=(term(JAN),)),
        SubscriptionChange(subscription_id="s2", before=(), after=(term(JAN, end=FEB),)),
    ]
    journal.decide(standing("c1", activated("p1", JAN, claim=1), JAN, changes=changes), JAN)
    journal.decide(tier("p1", "referent", JAN), JAN)
    journal.append()
    rows = fetch(
        connection,
        "SELECT client_id, partner_id, counted_on, open_subscriptions FROM finance.clients",
    )
    assert rows == [("c1", "p1", JAN, 1)]
    assert fetch(connection, "SELECT partner_id, tier, since FROM finance.tier_status") == [
        ("p1", "referent", JAN)
    ]
