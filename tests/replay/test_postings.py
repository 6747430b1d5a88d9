"""The double entry of each event from its own words (D17): sums to zero, on the right sides."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from events.base import Event
from events.lines import (
    AdjustmentPosted,
    BonusPosted,
    ClawbackWaived,
    CommissionPosted,
    CreditPosted,
    MarginPosted,
    PrizePosted,
)
from events.partners import CostRecorded, WholesaleSettled
from events.payout_decisions import PaymentBooked, PayoutClosed, PayoutInitiated
from replay.postings import postings_of

DAY = date(2026, 1, 31)
EXPENSE, PAYABLE, FLIGHT = "commission_expense", "partner_payable", "payouts_in_flight"
BANK, VAT, RECEIVABLE, REVENUE = "bank", "input_vat", "partner_receivable", "wholesale_revenue"


def line(cls: type[Event], amount: int, **more: Any) -> Event:
    """A line of partner p1 in euros."""
    members = {"rule": "D7", "day": DAY, "partner_id": "p1", "posting_date": DAY, "currency": "EUR"}
    return cls.model_validate({**members, "amount": amount, **more})


def period(cls: type[Event], amount: int, base: int) -> Event:
    """A line of a period."""
    return line(
        cls,
        amount,
        client_id="c1",
        subscription_id="c1",
        service_end=DAY,
        interval="month",
        client_year=1,
        tier="strategic",
        base=base,
        rate="0.40",
    )


def closed(outcome: str, initiated: int, paid: int, tax: int = 0) -> Event:
    """What became of a payout."""
    return PayoutClosed.model_validate(
        {
            "rule": "D15.2",
            "day": DAY,
            "payout_id": "po-1",
            "partner_id": "p1",
            "currency": "EUR",
            "outcome": outcome,
            "initiated": initiated,
            "paid": paid,
            "tax": tax,
            "posting_date": DAY,
            "fact": 1,
        }
    )


PAYOUT = PayoutInitiated(
    rule="D15.1",
    day=DAY,
    payout_id="po-1",
    partner_id="p1",
    currency="EUR",
    amount=10,
    posting_date=DAY,
    run=1,
)
FOREIGN = PaymentBooked(
    rule="D15.2",
    day=DAY,
    partner_id="p1",
    currency="EUR",
    paid=10,
    tax=2,
    flag="no_payout_named",
    posting_date=DAY,
    fact=1,
)
REASON = {"reason": "error", "command": 1}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (period(CommissionPosted, 10, 50), {EXPENSE: 10, PAYABLE: -10}),
        (line(BonusPosted, 10, client_id="c1", ordinal=1), {EXPENSE: 10, PAYABLE: -10}),
        (line(PrizePosted, 10, prize="q", rank=1), {EXPENSE: 10, PAYABLE: -10}),
        (line(PrizePosted, 10, prize="trip", rank=1, cash=False), {}),
        (line(CreditPosted, 10, reason="fee", command=1), {EXPENSE: 10, PAYABLE: -10}),
        (period(ClawbackWaived, 10, 50), {}),
        (line(AdjustmentPosted, -10, **REASON), {EXPENSE: -10, PAYABLE: 10}),
        (
            line(AdjustmentPosted, 10, reason="opening", command=1, rule="D8.3"),
            {"opening_balance": 10, PAYABLE: -10},
        ),
        (period(MarginPosted, 40, 100), {RECEIVABLE: 60, REVENUE: -60}),
        (
            line(AdjustmentPosted, -40, base=100, of_margin=True, **REASON),
            {RECEIVABLE: -60, REVENUE: 60},
        ),
        (
            WholesaleSettled(partner_id="p1", amount=60, currency="EUR"),
            {BANK: 60, RECEIVABLE: -60},
        ),
        (PAYOUT, {PAYABLE: 10, FLIGHT: -10}),
        (closed("failed", 10, 0), {PAYABLE: -10, FLIGHT: 10}),
        (closed("settled", 10, 12, 2), {FLIGHT: 10, PAYABLE: 2, VAT: 2, BANK: -14}),
        (closed("returned", 0, 12, 2), {FLIGHT: 0, PAYABLE: -12, VAT: -2, BANK: 14}),
        (FOREIGN, {PAYABLE: 10, VAT: 2, BANK: -12}),
        (CostRecorded(category="events", amount=10, currency="EUR"), {}),
    ],
)
def test_d17_the_postings_of_an_event(event: Event, expected: dict[str, int]) -> None:
    """A debit is above 0, a credit below."""
    assert {one.account: one.amount for one in postings_of(event)} == expected
    assert sum(expected.values()) == 0
