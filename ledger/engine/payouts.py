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
from ledger.policy.programme import Programme


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
    ledger: Ledger,
    run: int,
    cutoff: date,
    payables: Iterable[Payable],
    *,
    on_any_day: bool,
) -> Iterator[PayoutInitiated]:
    """One payout for each partner and currency that is due and above the minimum (D15.1).

    ``run`` is the position of the ``payout.run``. The caller leaves out what the same cut-off has
    initiated before. ``on_any_day``: the run names its partner, who is due whatever its tier. A
    partner that is held is paid by neither.
    """
    for payable in payables:
        partner = payable.partner
        adopted = programme_on(ledger, partner, cutoff)
        least = max(0, adopted.programme.minimum(payable.currency))
        is_due = on_any_day or _is_due(adopted.programme, partner, cutoff)
        if not is_due or partner.partner_id in ledger.held or payable.amount <= least:
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


def _is_due(programme: Programme, partner: Partner, cutoff: date) -> bool:
    """Whether the tier in force on a cut-off is paid on it; before the enrolment there is none."""
    if partner.enrolment is None or cutoff < partner.enrolment.day:
        return False
    return is_cutoff(cutoff, programme.cadence(partner.tier_on(cutoff)))
