"""Payout runs: who is due on a cut-off, and how much (D15.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from events.payout_decisions import PayoutInitiated
from ledger.engine.calendar import is_cutoff
from ledger.engine.draft import programme_on
from ledger.engine.state import Ledger, Partner


@dataclass(frozen=True, slots=True)
class Payable:
    """What one partner is owed in one currency by a cut-off, in minor units.

    ``amount`` is Σ lines, credits and adjustments with a posting day up to the cut-off − paid − in
    flight.
    """

    partner: Partner
    currency: str
    amount: int


def payout_id(partner_id: str, currency: str, cutoff: date) -> str:
    """The id of the one payout of a partner, currency and cut-off."""
    return f"po-{cutoff:%Y%m%d}-{currency}-{sha256(partner_id.encode()).hexdigest()[:20]}"


def decide_payouts(
    ledger: Ledger, run: int, cutoff: date, payables: Iterable[Payable]
) -> Iterator[PayoutInitiated]:
    """One payout for each partner and currency that is due and above the minimum (D15.1).

    ``run`` is the position of the ``payout.run``. The caller leaves out what the same cut-off has
    initiated before.
    """
    for payable in payables:
        partner = payable.partner
        adopted = programme_on(ledger, partner, cutoff)
        cadence = adopted.programme.cadence(partner.tier_on(cutoff))
        least = max(0, adopted.programme.minimum(payable.currency))
        if not is_cutoff(cutoff, cadence) or payable.amount <= least:
            continue
        yield PayoutInitiated(
            rule="D15.1",
            programme_version=adopted.version,
            day=cutoff,
            payout_id=payout_id(partner.partner_id, payable.currency, cutoff),
            partner_id=partner.partner_id,
            currency=payable.currency,
            amount=payable.amount,
            posting_date=ledger.posting_day(cutoff),
            run=run,
        )
