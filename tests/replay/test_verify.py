"""Verification: silent on a sound ledger, and each kind of damage named with its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from psycopg import sql

from events.billing import ClientActivated
from events.course import AccrualCompleted, StatementsSealed
from events.decisions import SubscriptionChange
from events.finance import AccrualRun, AdjustmentRequested, PayoutRun, PeriodClosed
from events.lines import AdjustmentPosted, ClawbackWaived, MarginPosted
from events.partners import PayoutSettled
from events.payout_decisions import PaymentBooked
from ledger.policy.files import REFERENCE, load
from ledger.store.rows import plain_row
from projections import Projector
from replay import periods
from replay.findings import Discrepancy
from replay.statements import seal
from replay.verify import verify
from tests.projections.journal import (
    Journal,
    activated,
    commission,
    programme,
    standing,
    term,
    tier,
)
from tests.projections.test_projector import closed, initiated

JAN, FEB = date(2026, 1, 5), date(2026, 2, 5)
END = date(2026, 1, 31)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)

FACT, RUN, LINE, PAYOUT, ASKED = 2, 4, 5, 9, 10
"""Positions in the ledger of this module."""


@pytest.fixture
def ledger(journal: Journal, connection: psycopg.Connection) -> Journal:
    """The ledger of this module."""
    return write_ledger(journal, connection)


def write_ledger(journal: Journal, connection: psycopg.Connection) -> Journal:
    """One client, one run, one line, a payout, an adjustment, a waiver and a sealed month."""
    # Without its contests, which the close would have to rank.
    terms = load(REFERENCE).model_copy(update={"contests": ()})
    adopted = {"document": terms.document(), "sha256": terms.sha256()}
    journal.decide(programme().model_copy(update=adopted), JAN)
    fact = ClientActivated(
        client_id="c1", subscription_id="c1", plan="solo", price=5900, currency="EUR"
    )
    journal.tell(fact, NOON, "first")
    change = SubscriptionChange(subscription_id="c1", before=(), after=(term(JAN, fact=FACT),))
    journal.decide(standing("c1", activated("p1", JAN), JAN, fact=FACT, changes=[change]), JAN)
    journal.append()
    journal.decide(AccrualRun(through=END, operator="tests"), END)
    line = commission("p1", "c1", JAN, 1180, run=RUN, facts=(FACT,))
    journal.decide(line, JAN)
    journal.decide(tier("p1", "referent", JAN), JAN)
    journal.decide(AccrualCompleted(run=RUN, day=END), END)
    journal.append()
    payout_run = journal.decide(PayoutRun(cutoff=END, operator="tests"), END)
    paid = initiated("po-1", "p1", 1180, END).model_copy(update={"run": payout_run})
    assert journal.decide(paid, END) == PAYOUT
    asked = AdjustmentRequested(
        partner_id="p1", amount=-100, currency="EUR", reason="error", date=END,
        requested_by="a", approved_by="b", operator="a",
    )  # fmt: skip
    command = journal.decide(asked, END)
    journal.decide(adjustment(command), END)
    waived = {**line.model_dump(), "rule": "D9.2", "line": LINE, "amount": 80}
    journal.decide(ClawbackWaived(**waived), JAN)
    close = journal.decide(PeriodClosed(month="2026-01", operator="tests"), END)
    journal.append()
    with connection.cursor() as cursor:
        count, sha256 = seal(cursor, "2026-01", close)
    sealed = StatementsSealed(
        month="2026-01", close=close, statements=count, sha256=sha256, day=END
    )
    journal.decide(sealed, END)
    settled = PayoutSettled(
        partner_id="p1", amount=1180, tax_amount=0, currency="EUR", payout_id="po-1"
    )
    told = journal.tell(settled, datetime(2026, 2, 5, 12, tzinfo=UTC), "settled")
    by_fact = closed("po-1", "settled", FEB, in_flight=1180, paid=1180)
    journal.decide(by_fact.model_copy(update={"fact": told}), FEB)
    foreign = PaymentBooked(
        rule="D15.2", day=FEB, payout_id=None, partner_id="p1", currency="EUR", paid=5, tax=1,
        flag="no_payout_named", posting_date=FEB, fact=told,
    )  # fmt: skip
    journal.decide(foreign, FEB)
    journal.append()
    return journal


def adjustment(command: int) -> AdjustmentPosted:
    """An adjustment of −1.00 € on the last of January."""
    return AdjustmentPosted(
        rule="D9.4", day=END, partner_id="p1", posting_date=END, amount=-100, currency="EUR",
        reason="error", command=command,
    )  # fmt: skip


def found(connection: psycopg.Connection, page: int = 1000) -> list[Discrepancy]:
    """Everything that verification tells."""
    return list(verify(connection, Projector(), page=page))


def checks(connection: psycopg.Connection) -> set[tuple[str, int | None]]:
    """What verification tells, by check and position."""
    return {(each.check, each.position) for each in found(connection)}


@contextmanager
def tampering(connection: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """What only a superuser can do: change recorded events."""
    connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER ALL")
    yield connection
    connection.execute("ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER refuse_change")


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("page", [1, 4, 1000])
def test_nothing_is_wrong_with_a_sound_ledger(connection: psycopg.Connection, page: int) -> None:
    """Whatever the size of the pages; and it reports how far it is."""
    seen: list[tuple[int, int]] = []
    told = list(
        verify(connection, Projector(), lambda done, of: seen.append((done, of)), page=page)
    )
    assert told == []
    assert seen[-1] == (17, 17)


def test_what_is_appended_meanwhile_is_no_discrepancy(
    ledger: Journal, connection: psycopg.Connection
) -> None:
    """Verification is of the ledger up to the head that it found; others append all the while."""

    def append_one(_done: int, _of: int) -> None:
        line = commission("p1", f"c{ledger.position}", FEB, 10, run=RUN, facts=(FACT,))
        ledger.decide(line, FEB)
        ledger.append()

    assert list(verify(connection, Projector(), append_one, page=3)) == []
    assert ledger.position > 20
    assert found(connection) == []


def test_an_empty_ledger_is_sound(connection: psycopg.Connection) -> None:
    """No event, no discrepancy."""
    assert found(connection) == []


def test_plain_events_are_sound(journal: Journal, connection: psycopg.Connection) -> None:
    """Events of the library's own kind, whatever their state holds."""
    journal._stage(plain_row("other", "app:Thing", b"\x00\xff"))
    journal.append()
    assert found(connection) == []


@pytest.mark.usefixtures("ledger")
def test_changed_content_breaks_its_hash(connection: psycopg.Connection) -> None:
    """A state that was changed: the content, the columns and the sealed statement tell it."""
    with tampering(connection) as owner:
        owner.execute(
            "UPDATE ledger.events SET state = "
            "convert_to(replace(convert_from(state, 'UTF8'), '1180', '1181'), 'UTF8') "
            "WHERE position = 5"
        )
    told = checks(connection)
    assert {("content", LINE), ("columns", LINE), ("D18.6", None)} <= told


@pytest.mark.usefixtures("ledger")
def test_changed_amount_column_is_told(connection: psycopg.Connection) -> None:
    """Columns are a function of the state; statements and projections are of the columns."""
    with tampering(connection) as owner:
        owner.execute("UPDATE ledger.events SET amount = 1181 WHERE position = 5")
    told = found(connection)
    assert {each.check for each in told} == {"columns", "D18.4", "D18.6", "D18.9"}
    first = next(each for each in told if each.check == "columns")
    assert (first.position, first.partner_id) == (LINE, "p1")
    assert "1181" in first.what
    assert "1180" in first.what


@pytest.mark.usefixtures("ledger")
def test_changed_hashes_are_told(connection: psycopg.Connection) -> None:
    """A leaf, a content hash and the head's frontier."""
    with tampering(connection) as owner:
        owner.execute("UPDATE ledger.events SET leaf = sha256('') WHERE position = 3")
        owner.execute("UPDATE ledger.events SET content = sha256('') WHERE position = 6")
    told = checks(connection)
    assert {("leaf", 3), ("content", 6), ("leaf", 6), ("frontier", None)} <= told


@pytest.mark.usefixtures("ledger")
def test_a_lost_event_is_told(connection: psycopg.Connection) -> None:
    """Positions have no gap."""
    with tampering(connection) as owner:
        owner.execute("DELETE FROM ledger.events WHERE position = 6")
    assert {("positions", 6), ("head", None)} <= checks(connection)


@pytest.mark.usefixtures("ledger")
def test_lost_last_events_are_told(connection: psycopg.Connection) -> None:
    """The head says how many there were."""
    with tampering(connection) as owner:
        owner.execute("DELETE FROM ledger.events WHERE position > 14")
    assert ("head", None) in checks(connection)


@pytest.mark.usefixtures("ledger")
def test_an_instant_that_runs_backwards_is_told(connection: psycopg.Connection) -> None:
    """recorded_at grows with position."""
    with tampering(connection) as owner:
        owner.execute(
            "UPDATE ledger.events SET recorded_at = recorded_at - interval '1 day' "
            "WHERE position = 8"
        )
    assert {("recorded_at", 8), ("leaf", 8)} <= checks(connection)


@pytest.mark.usefixtures("ledger")
def test_a_state_that_is_none_is_told(connection: psycopg.Connection) -> None:
    """Neither JSON nor of its type."""
    with tampering(connection) as owner:
        owner.execute("UPDATE ledger.events SET state = 'nonsense' WHERE position = 2")
    assert {("state", 2), ("content", 2)} <= checks(connection)


@pytest.mark.usefixtures("ledger")
def test_a_day_of_another_zone_is_told(connection: psycopg.Connection) -> None:
    """A day is that of the ledger's time zone."""
    with tampering(connection) as owner:
        owner.execute("UPDATE ledger.events SET day = day + 1 WHERE position = 2")
    assert checks(connection) == {("days", FACT)}


@pytest.mark.usefixtures("ledger")
def test_a_changed_projection_is_told(connection: psycopg.Connection) -> None:
    """D18.6: which row, with both versions."""
    connection.execute("UPDATE projections.balances SET earned = 7")
    connection.execute("UPDATE projections.projections SET position = 3 WHERE name = 'tiers'")
    told = found(connection)
    assert {each.check for each in told} == {"D18.6"}
    assert [each.partner_id for each in told] == [None, "p1"]
    assert "stands at 3" in told[0].what
    assert "Decimal('7')" in told[1].what or "7" in told[1].what


def test_two_first_lines_of_a_period_are_told(
    ledger: Journal, connection: psycopg.Connection
) -> None:
    """D18.3; a difference that names its first line is none."""
    again = commission("p1", "c1", JAN, 10, run=RUN, facts=(FACT,), posting_date=FEB)
    ledger.decide(again.model_copy(update={"line": LINE}), JAN)
    ledger.append()
    assert found(connection) == []
    ledger.decide(again, JAN)
    ledger.append()
    assert checks(connection) == {("D18.3", 19)}


@pytest.mark.parametrize(("taken", "told"), [(5_900, set()), (5_000, {("D18.3", 20)})])
def test_a_margin_of_nothing_is_in_force_while_its_base_stands(
    ledger: Journal, connection: psycopg.Connection, taken: int, told: set[tuple[str, int]]
) -> None:
    """D18.3, D13: of a brand that keeps nothing the base says what was taken back."""
    line = commission("p1", "c1", FEB, 0, run=RUN, facts=(FACT,), posting_date=FEB)
    nothing = line.__dict__ | {"rule": "D13", "rate": Decimal(0), "base": 5_900}
    first = ledger.decide(MarginPosted.model_validate(nothing), FEB)
    back = AdjustmentPosted(
        rule="D13", programme_version="izyinbox/1", day=FEB, partner_id="p1", posting_date=FEB,
        amount=0, currency="EUR", facts=(FACT,), run=RUN, reason="margin", line=first,
        client_id="c1", subscription_id="c1", base=taken, of_margin=True,
    )  # fmt: skip
    ledger.decide(back, FEB)
    ledger.decide(commission("p2", "c1", FEB, 10, run=RUN, facts=(FACT,), posting_date=FEB), FEB)
    ledger.append()
    assert {one for one in checks(connection) if one[0] == "D18.3"} == told


def test_of_days_that_are_close_or_years_apart_only_the_same_one_is_told(
    ledger: Journal, connection: psycopg.Connection
) -> None:
    """D18.3: lines of one client within four weeks, and those that come to the same bit."""
    days = [FEB + timedelta(days=days) for days in (0, 1, 27, 28, 64 * 28, 128 * 28)]
    for day in days:
        line = commission("p1", "c1", day, 10, run=RUN, facts=(FACT,), posting_date=FEB)
        ledger.decide(line, day)
    ledger.append()
    assert found(connection) == []
    for day in (days[2], days[5]):
        again = commission("p2", "c1", day, 10, run=RUN, facts=(FACT,), posting_date=FEB)
        ledger.decide(again, day)
    ledger.append()
    assert checks(connection) == {("D18.3", 24), ("D18.3", 25)}


@pytest.mark.usefixtures("ledger")
def test_no_line_is_looked_for_among_all_lines(connection: psycopg.Connection) -> None:
    """D18.3; nor where statistics are of a ledger that was nearly empty, as after an import."""
    connection.execute("ANALYZE ledger.events")
    events = sql.Identifier("ledger", "events")
    query = sql.SQL(periods._SHARED).format(events=events)
    with connection.transaction():
        # What it sets holds to the end of the transaction around it.
        periods.shared(connection, events, through=19)
        plan = connection.execute(sql.SQL("EXPLAIN {}").format(query), {"through": 19}).fetchall()
    assert "Nested Loop" not in str(plan)


def test_two_first_lines_of_a_payment_are_told(
    ledger: Journal, connection: psycopg.Connection
) -> None:
    """D18.3: two payments may be for one period, but each has one line in the whole ledger."""
    paid = commission("p1", "c1", FEB, 10, run=RUN, facts=(FACT,), posting_date=FEB)
    for payment in ("a", "b"):
        update = {"invoice_id": "i1", "payment_id": payment}
        ledger.decide(paid.model_copy(update=update), FEB)
    ledger.append()
    assert found(connection) == []
    other: dict[str, object] = {**update, "client_id": "c2"}
    ledger.decide(paid.model_copy(update=other), FEB)
    ledger.append()
    assert checks(connection) == {("D18.3", 20)}


def test_a_line_by_schedule_beside_one_on_an_invoice_is_told(
    ledger: Journal, connection: psycopg.Connection
) -> None:
    """D18.3: of one subscription and day, whatever partner and payment; not of others."""
    paid = commission("p2", "c1", JAN, 10, run=RUN, facts=(FACT,), posting_date=FEB)
    for payment, subscription in (("a", "s2"), ("b", "c1")):
        assert found(connection) == []
        update = {"invoice_id": "i1", "payment_id": payment, "subscription_id": subscription}
        ledger.decide(paid.model_copy(update=update), JAN)
        ledger.append()
    assert checks(connection) == {("D18.3", 19)}


def test_a_period_wholly_taken_back_may_have_another_first_line(
    ledger: Journal, connection: psycopg.Connection
) -> None:
    """D18.3, D9.5: one that was wholly taken back is not in force."""
    taken = adjustment(ASKED).model_copy(
        update={
            "rule": "D9.5", "amount": -1180, "line": LINE, "run": RUN, "client_id": "c1",
            "subscription_id": "c1", "day": JAN, "posting_date": FEB,
        }
    )  # fmt: skip
    ledger.decide(taken, JAN)
    again = commission("p2", "c1", JAN, 10, run=RUN, facts=(FACT,), posting_date=FEB)
    ledger.decide(again, JAN)
    ledger.append()
    assert found(connection) == []


def test_negative_lines_are_told(ledger: Journal, connection: psycopg.Connection) -> None:
    """D18.1 and D18.2: even one that the vocabulary would refuse."""
    negative = commission("p1", "c2", FEB, 10, run=RUN, facts=(FACT,))
    ledger.decide(negative.model_copy(update={"amount": -10}), FEB)
    ledger.append()
    assert ("state", 18) in checks(connection)


def test_lines_without_grounds_are_told(ledger: Journal, connection: psycopg.Connection) -> None:
    """D18.5, D18.8: no fact, no programme, a fact after it, a run that is none."""
    for client, other in (
        ("c2", {"facts": ()}),
        ("c3", {"programme_version": None}),
        ("c4", {"facts": (99,)}),
        ("c5", {"run": FACT}),
        ("c6", {"facts": (5,)}),
    ):
        line = commission("p1", client, FEB, 10, **{"run": RUN, "facts": (FACT,), **other})
        ledger.decide(line, FEB)
    ledger.append()
    assert checks(connection) == {
        ("D18.5", 18),
        ("D18.5", 19),
        ("D18.5", 20),
        ("D18.5", 21),
        ("D18.5", 22),
        ("D18.8", 20),
        ("D18.8", 21),
        ("D18.8", 22),
    }


def test_a_posting_into_a_closed_month_is_told(
    ledger: Journal, connection: psycopg.Connection
) -> None:
    """D18.9, D16: it should have moved to the first open day."""
    ledger.decide(commission("p1", "c2", JAN, 10, run=RUN, facts=(FACT,)), JAN)
    ledger.append()
    assert checks(connection) == {("D18.9", 18)}


@pytest.mark.usefixtures("ledger")
def test_a_message_that_counts_twice_is_told(connection: psycopg.Connection) -> None:
    """D18.7: even when the index that forbids it is gone."""
    connection.execute("DROP INDEX ledger.events_message_key")
    with tampering(connection) as owner:
        owner.execute(
            "UPDATE ledger.events SET source = '/billing', event_id = 'first' WHERE position = 3"
        )
    assert ("D18.7", 3) in checks(connection)


@pytest.mark.usefixtures("ledger")
def test_a_wrong_seal_is_told(ledger: Journal, connection: psycopg.Connection) -> None:
    """D18.9: the hash over the statements of the close."""
    wrong = StatementsSealed(month="2026-01", close=13, statements=1, sha256="0" * 64, day=END)
    ledger.decide(wrong, END)
    ledger.append()
    assert checks(connection) == {("D18.9", 18)}
