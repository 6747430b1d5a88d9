"""What the bank answers to the demo's payouts: settled within days, now and then failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from interfaces.demo.lots import Lots
from interfaces.demo.messages import Data, encode

FAILED = 30
"""Payouts in a thousand that fail; what they carried goes with the next cut-off."""


@dataclass(frozen=True, slots=True)
class Initiated:
    """A payout that a payout run initiated; ``amount`` in minor units."""

    payout_id: str
    partner_id: str
    amount: int
    currency: str
    cutoff: date


def settle(payouts: Iterable[Initiated]) -> Iterator[bytes]:
    """A line of JSON for each payout, in the order of their ids: ``payout.settled`` or ``.failed``.

    The answer depends on the payout alone. The wire's ids are of the payout, so that asking twice
    for one payout makes a duplicate and not a second payment.
    """
    for payout in sorted(payouts, key=lambda one: one.payout_id):
        lots = Lots(f"payout/{payout.payout_id}")
        day = payout.cutoff + timedelta(days=lots.whole(2, 5))
        seconds = timedelta(seconds=lots.whole(7 * 3600, 15 * 3600))
        instant = datetime.combine(day, time(), UTC) + seconds
        who = {"partner_id": payout.partner_id, "payout_id": payout.payout_id}
        if lots.chance(FAILED):
            data = {**who, "reason": "account_closed"}
            yield encode("/bank", f"f-{payout.payout_id}", "payout.failed", instant, data)
            continue
        paid: Data = {**who, "amount": payout.amount, "currency": payout.currency}
        yield encode("/bank", f"s-{payout.payout_id}", "payout.settled", instant, paid)
