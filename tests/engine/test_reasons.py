"""What decisions say beside their money: measures of tiers, why a payment closed no payout."""

from __future__ import annotations

import pytest

from events.finance import PartnerOpened
from events.lines import AdjustmentPosted, BonusDeclined, ClawbackWaived, PeriodLine
from events.partner_decisions import TierChanged
from events.payout_decisions import PaymentBooked, PayoutClosed
from ledger.policy.programme import Programme
from tests.model.journal import Entry
from tests.rules.commands import open_ledger, open_partner
from tests.rules.dsl import Given
from tests.rules.facts import (
    accrue,
    activated,
    branded,
    certified,
    changed,
    enrolled,
    failed,
    invested,
    invoiced,
    nps,
    pay,
    portfolio,
    refunded,
    settled,
)
from tests.rules.memory_adapter import MemoryLedger
from tests.rules.programmes import plain, programme, quick, small


def told(*entries: Entry, terms: Programme | None = None) -> MemoryLedger:
    """A ledger that was told something."""
    ledger = MemoryLedger()
    Given(ledger)(*entries, programme=terms or small())
    return ledger


def test_a_review_lists_the_commitment_that_was_missed() -> None:
    """D6.5: what was asked of the year, and what was measured; on the facts up to its eve."""
    ledger = told(
        enrolled("2024-01-01"),
        certified("2024-01-02"),
        nps("2024-01-03", 41),
        activated("2024-02-10", "a", partner="p1"),
        activated("2024-02-11", "b", partner="p1"),
        portfolio("2024-02-12", 150),
        accrue("2025-02-12"),
    )
    [promoted, reviewed] = [one for _, one in ledger.by_class[TierChanged]][1:]
    assert [(m.name, m.level, m.required, m.measured, m.met) for m in promoted.measures] == [
        ("counted_clients_12_months", "certified", 2, 2, True),
        ("certification", "certified", 1, 1, True),
        ("nps_above", "certified", 40, 41, True),
    ]
    assert [(m.name, m.level, m.required, m.measured, m.met) for m in reviewed.measures] == [
        ("counted_clients_per_year", "certified", 2, 0, False)
    ]
    assert (promoted.cause, reviewed.cause) == ("promotion", "review")
    assert (promoted.rule, reviewed.rule) == ("D6.3", "D6.4")
    assert [str(one.evaluated_on) for one in (promoted, reviewed)] == ["2024-02-11", "2025-02-11"]
    of_ids = [[ledger.ids[fact] for fact in one.facts] for one in (promoted, reviewed)]
    assert len(of_ids[0]) == 2
    assert len(of_ids[1]) == 3


def test_a_failure_moves_no_money_but_what_was_in_flight() -> None:
    """D15.2: nothing was paid, and no tax; of no open payout it is booked with nothing at all."""
    ledger = told(
        enrolled("2024-01-01"),
        activated("2024-01-10", partner="p1"),
        accrue("2024-03-31"),
        pay("2024-03-31"),
        failed("2024-04-01", "2024-03-31"),
        failed("2024-04-02", "2024-03-31"),
        failed("2024-04-02", "2024-06-30"),
        terms=plain(),
    )
    [closed] = [one for _, one in ledger.by_class[PayoutClosed]]
    assert (closed.outcome, closed.initiated, closed.paid, closed.tax) == ("failed", 6_000, 0, 0)
    booked = [one for _, one in ledger.by_class[PaymentBooked]]
    assert [one.flag for one in booked] == ["payout_closed", "unknown_payout"]
    for one in booked:
        assert (one.currency, one.paid, one.tax) == (None, 0, 0)
        assert one.payout_id is not None


def test_a_promotion_rests_on_what_was_told_of_the_day_itself() -> None:
    """D6.5: the certification and the co-marketing of the day evaluated, and the last score."""
    facts = (
        nps("2024-01-02", 10),
        nps("2024-01-03", 41),
        certified("2024-02-10"),
        invested("2024-02-10", 5),
        certified("2024-02-11"),
    )
    ledger = told(
        enrolled("2024-01-01"),
        activated("2024-02-09", "a", partner="p1"),
        activated("2024-02-10", "b", partner="p1"),
        *facts,
        accrue("2024-02-10"),
    )
    promoted = [one for _, one in ledger.by_class[TierChanged]][-1]
    assert [ledger.ids[fact] for fact in promoted.facts] == [one.id for one in facts[1:4]]


def test_a_bonus_that_is_refused_says_by_which_version() -> None:
    """D18.5: as one that is posted does."""
    each = programme(per_ten={"each": 1, "amount": 5, "from": "certified", "judged": "day_after"})
    ledger = told(
        enrolled("2024-01-01"),
        activated("2024-02-09", "a", partner="p1"),
        accrue("2024-02-10"),
        terms=each,
    )
    [refused] = [one for _, one in ledger.by_class[BonusDeclined]]
    assert (refused.programme_version, refused.rule) == ("izyinbox/1", "D10.1")


@pytest.mark.parametrize("price", [12_000, 6_000])
def test_what_corrects_a_period_names_what_it_is_worth_now_by(price: int) -> None:
    """D18.5: the change that was told late, though the first line rests on another price."""
    late = changed("2024-01-10T18:00:00Z", price)
    ledger = told(
        enrolled("2024-01-01"),
        activated("2024-01-10", partner="p1"),
        accrue("2024-01-31"),
        late,
        accrue("2024-01-31"),
        terms=plain(),
    )
    [correction] = [one for _, one in ledger.events if isinstance(one, PeriodLine) and one.line]
    assert late.id in [ledger.ids[fact] for fact in correction.facts]


def test_a_margin_that_is_less_names_what_it_is_worth_now_by() -> None:
    """D13, D18.5."""
    late = changed("2024-01-10T18:00:00Z", 6_000)
    ledger = told(
        enrolled("2024-01-01", portfolio=201),
        certified("2024-01-01"),
        accrue("2024-01-05"),
        branded("2024-01-10"),
        activated("2024-01-10", partner="p1"),
        accrue("2024-01-31"),
        late,
        accrue("2024-01-31"),
        terms=quick(),
    )
    [taken] = [one for _, one in ledger.by_class[AdjustmentPosted]]
    assert late.id in [ledger.ids[fact] for fact in taken.facts]


def test_what_corrects_a_payment_names_it() -> None:
    """D8.2: invoice and payment, as its first line does."""
    ledger = told(
        enrolled("2024-01-01"),
        activated("2024-01-10", partner="p1"),
        invoiced("2024-01-10", payment="first"),
        accrue("2024-01-31"),
        refunded("2024-02-01", 5_000, payment="first"),
        accrue("2024-01-31"),
        terms=programme(accrual="invoice"),
    )
    [waived] = [one for _, one in ledger.by_class[ClawbackWaived]]
    assert (waived.invoice_id, waived.payment_id) == ("i1", "first")


def test_a_settlement_that_closes_no_payout_names_the_one_that_it_named() -> None:
    """D15.2: an unknown one; of one that named none, none."""
    ledger = told(
        enrolled("2024-01-01"),
        settled("2024-01-05", 500, payout="po-unknown", tax=7),
        settled("2024-01-06", 600),
        terms=plain(),
    )
    booked = [one for _, one in ledger.by_class[PaymentBooked]]
    assert [(one.payout_id, one.flag, one.paid, one.tax) for one in booked] == [
        ("po-unknown", "unknown_payout", 500, 7),
        (None, "no_payout_named", 600, 0),
    ]


def test_the_opening_of_a_partner_names_its_command() -> None:
    """D8.3: as its balances do."""
    ledger = told(
        enrolled("2024-01-01"),
        open_ledger("2024-04-01"),
        open_partner("certified", "2024-02-01", EUR=500),
    )
    opened = [one for _, one in ledger.by_class[TierChanged]][-1]
    [balance] = [one for _, one in ledger.by_class[AdjustmentPosted]]
    command = next(at for at, one in ledger.events if isinstance(one, PartnerOpened))
    assert (opened.cause, opened.facts, opened.rule) == ("opening", (command,), "D8.3")
    assert (balance.command, balance.rule, balance.reason) == (command, "D8.3", "opening")
