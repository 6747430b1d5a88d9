"""Sums beyond 64 bits: the largest amounts of many clients are paid, shown and verified."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from events.values import MAX_MINOR_UNITS
from tests.rules.dsl import Given
from tests.rules.facts import accrue, activated, close, enrolled, failed, pay, settled
from tests.rules.ledger_adapter import RealLedger, open_ledger
from tests.rules.programmes import programme, tier_terms

CLIENTS, MONTHS = 80, 120
OWED = CLIENTS * MONTHS * MAX_MINOR_UNITS
ALL = programme(
    tier=[
        tier_terms("referent", year_1="1", later="1"),
        tier_terms("certified", requires={"certification": True}),
        tier_terms("strategic", requires={"portfolio_above": 200}),
    ]
)


@pytest.fixture
def ledger() -> Iterator[RealLedger]:
    """A new ledger, verified at the end."""
    with open_ledger() as opened:
        yield opened


@pytest.mark.slow
def test_a_payout_beyond_64_bits_is_paid_and_fails(ledger: RealLedger) -> None:
    """D15: what is owed is one payout, whatever its width; and it can come back whole."""
    assert OWED > 2**63
    clients = (
        activated("2016-01-01", f"c{number}", MAX_MINOR_UNITS, partner="p1")
        for number in range(CLIENTS)
    )
    story = Given(ledger)(
        enrolled("2016-01-01"), *clients, accrue("2025-12-31"), close("2025-12"), programme=ALL
    )
    story.when(pay("2025-12-31")).then_payouts(("2025-12-31", OWED, "in_flight", 0))
    story.then_balance(earned=OWED, in_flight=OWED)
    story.when(failed("2026-01-02", "2025-12-31")).then_balance(earned=OWED)
    story.when(accrue("2026-02-01"), pay("2026-02-01", "p1"))
    owed = OWED + 2 * CLIENTS * MAX_MINOR_UNITS
    story.then_payouts(("2025-12-31", OWED, "failed", 0), ("2026-02-01", owed, "in_flight", 0))
    story.when(settled("2026-02-03", MAX_MINOR_UNITS, cutoff="2026-02-01"))
    story.then_balance(earned=owed, paid=MAX_MINOR_UNITS)
    assert ledger.application.ledger.accrued_through == date(2026, 2, 1)
