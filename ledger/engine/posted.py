"""What is posted for the periods of clients, folded from their lines (D9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from events.lines import (
    AdjustmentPosted,
    ClawbackWaived,
    CommissionPosted,
    DifferenceUnresolved,
    MarginPosted,
    PeriodLine,
)
from ledger.engine.comparing import Worth

Period = tuple[str, date, *tuple[str, ...]]
"""A period of a client: (subscription, S); one paid for: (subscription, S, invoice, payment)."""

Name = tuple[str | date, ...]
"""What has one first line in force (D18.3): see :func:`names_of`."""

TAKE_BACKS = frozenset({"D9.5", "D13"})
"""The rules by which a run takes back what it posted for a period."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What is posted for one period to one partner: its first line, the sums over all its lines.

    ``amount`` is P, ``base`` the bases posted less those taken back, ``waived`` the waivers, in
    minor units. ``taken_back``: some of it was. ``adjusted``: finance named a line of it, so it is
    finance's (D9.4); ``listed`` is what was last listed for it, V and the reason.
    """

    line: int
    first: CommissionPosted | MarginPosted
    amount: int
    base: int
    waived: int = 0
    taken_back: bool = False
    adjusted: bool = False
    listed: tuple[int, str] | None = None

    @property
    def worth(self) -> Worth:
        """P, and the bases that stand."""
        return Worth(self.amount, self.base)

    @property
    def in_force(self) -> bool:
        """Whether the period has a first line that was not wholly taken back (D18).

        A margin of nothing stands while its base does: base − margin is owed (D13).
        """
        stands = self.base if isinstance(self.first, MarginPosted) else self.amount
        return not self.taken_back or stands != 0


def period_of(line: PeriodLine) -> Period:
    """The period that a line is for."""
    if line.invoice_id is None:
        return line.subscription_id, line.day
    return line.subscription_id, line.day, line.invoice_id, line.payment_id or ""


def names_of(client_id: str, period: Period) -> tuple[Name, ...]:
    """What the first line of a period stands for: a period of its client, or a payment.

    A payment is one in the whole ledger; it stands for what was paid of a period of its client,
    too.
    """
    if is_paid(period):
        return period[2:], (client_id, *period[:2], "paid")
    return ((client_id, *period),)


def rivals_of(client_id: str, period: Period) -> tuple[Name, ...]:
    """In whose place, while it is in force, no first line of a period is posted (D18.3).

    Of a payment the payment, of a period by schedule the period; of either, the period by the other
    way of accrual.
    """
    own = (client_id, *period[:2])
    return (period[2:] if is_paid(period) else (*own, "paid"), own)


def is_paid(period: Period) -> bool:
    """Whether a period is a payment's (D8.2)."""
    return len(period) > 2  # noqa: PLR2004 - beside subscription and S


class PostedPeriods:
    """Folds the lines of clients, in order of position, by (client, partner) and period."""

    def __init__(self) -> None:
        self.by_account: dict[tuple[str, str], dict[Period, Posted]] = {}
        self._places: dict[int, tuple[dict[Period, Posted], Period]] = {}

    def fold(self, position: int, event: object) -> None:
        """Fold one event of a client's money; others change nothing."""
        if isinstance(event, PeriodLine):
            self._line(position, event)
        elif isinstance(event, AdjustmentPosted | DifferenceUnresolved):
            place = self._places.get(event.line or 0)
            if place is not None:
                periods, period = place
                periods[period] = _corrected(periods[period], event)
                # Finance may name what was taken back of a period, too (D9.4).
                self._places[position] = place

    def _line(self, position: int, line: PeriodLine) -> None:
        period = period_of(line)
        periods = self.by_account.setdefault((line.client_id, line.partner_id), {})
        old = periods.get(period)
        if isinstance(line, ClawbackWaived):
            assert old is not None
            periods[period] = replace(old, waived=old.waived + line.amount)
        elif old is not None:
            periods[period] = replace(
                old, amount=old.amount + line.amount, base=old.base + line.base
            )
        elif isinstance(line, CommissionPosted | MarginPosted):
            periods[period] = Posted(position, line, line.amount, line.base)
        self._places[position] = (periods, period)


def _corrected(posted: Posted, event: AdjustmentPosted | DifferenceUnresolved) -> Posted:
    if isinstance(event, DifferenceUnresolved):
        return replace(posted, listed=(event.due, event.reason))
    if event.rule in TAKE_BACKS:
        return replace(
            posted,
            amount=posted.amount + event.amount,
            base=posted.base - (event.base or 0),
            taken_back=True,
        )
    return replace(posted, adjusted=True)
