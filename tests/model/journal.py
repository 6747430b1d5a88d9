"""What goes into a ledger under test, in recording order, and the views that come out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from events.base import Fact
from ledger.policy.programme import Programme

# --- what goes in --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Message:
    """A fact as it is told: ``source`` and ``id`` are its idempotency key."""

    data: Fact
    effective_at: datetime
    id: str
    source: str = "/test"

    @property
    def key(self) -> tuple[str, str]:
        """What makes it count once."""
        return (self.source, self.id)


@dataclass(frozen=True)
class Adopt:
    """Adopt a version of a programme, in force from a day (None: the first, on every day)."""

    programme: Programme
    from_day: date | None = None


@dataclass(frozen=True)
class AssignProgramme:
    """Put a partner under another programme from a day on (D7.3)."""

    partner_id: str
    programme: str
    from_day: date


@dataclass(frozen=True)
class Accrue:
    """An accrual run through a day (D8.1)."""

    through: date


@dataclass(frozen=True)
class Close:
    """Close a month, ``YYYY-MM`` (D16)."""

    month: str


@dataclass(frozen=True)
class Pay:
    """A payout run up to a cut-off, of all partners that are due or of one (D15.1)."""

    cutoff: date
    partner_id: str | None = None


@dataclass(frozen=True, order=True)
class PeriodKey:
    """A period: its first line is what an adjustment may name."""

    partner_id: str
    client_id: str
    subscription_id: str
    service_date: date


@dataclass(frozen=True)
class Adjust:
    """An adjustment by two persons; ``line`` names a period, standing for its first line (D9.4)."""

    partner_id: str
    amount: int
    currency: str = "EUR"
    reason: str = "correction"
    line: PeriodKey | None = None
    date: date | None = None
    requested_by: str = "ann"
    approved_by: str = "bob"


@dataclass(frozen=True)
class Credit:
    """A credit by two persons (D9.4)."""

    partner_id: str
    amount: int
    currency: str = "EUR"
    reason: str = "goodwill"
    date: date | None = None
    requested_by: str = "ann"
    approved_by: str = "bob"


Command = Adopt | AssignProgramme | Accrue | Close | Pay | Adjust | Credit
Entry = Message | Command

# --- what comes out ------------------------------------------------------------------------------


@dataclass(frozen=True)
class LineView:
    """A line of a partner's account, as `history` shows it; amounts in minor units.

    What a line has not is None. ``facts`` (positions) are never compared between ledgers, nor are
    ``service_end``, ``tier``, ``client_year`` and ``programme_version`` but of first lines; nor the
    client that an adjustment may show.
    """

    kind: str
    rule: str
    partner_id: str
    service_date: date
    posting_date: date
    amount: int
    currency: str
    client_id: str | None = None
    subscription_id: str | None = None
    service_end: date | None = None
    base: int | None = None
    rate: Decimal | None = None
    tier: str | None = None
    client_year: int | None = None
    programme_version: str | None = None
    facts: tuple[int, ...] = ()

    @property
    def period(self) -> PeriodKey:
        """The period that a commission or waiver is of."""
        assert self.client_id is not None
        assert self.subscription_id is not None
        return PeriodKey(self.partner_id, self.client_id, self.subscription_id, self.service_date)

    def comparable(self) -> tuple[str, ...]:
        """All that two ledgers must agree on, as text that sorts."""
        of_period = self.kind in {"commission", "waiver"}
        parts: list[object] = [
            self.partner_id,
            self.client_id if of_period else None,
            self.subscription_id if of_period else None,
            self.service_date,
            self.kind,
            self.rule,
            self.posting_date,
            self.base,
            None if self.rate is None else self.rate.normalize(),
            self.amount,
            self.currency,
        ]
        if self.rule == "D7":
            parts += [self.service_end, self.tier, self.client_year, self.programme_version]
        return tuple(str(part) for part in parts)


@dataclass(frozen=True, order=True)
class TierView:
    """A change of tier, from its first day; the enrolment's has ``from_tier`` ''."""

    partner_id: str
    from_tier: str
    to_tier: str
    first_day: date


@dataclass(frozen=True, order=True)
class ClaimView:
    """A claim with its last answer; ``id`` is the message's (of a lead: the capture's).

    ``answer``: accepted, rejected, lapsed, no_effect, waiting; ``reason`` '' where there is none.
    """

    id: str
    client_id: str
    partner_id: str
    day: date
    answer: str
    reason: str = ""


@dataclass(frozen=True)
class ClientView:
    """How a client stands: its holder for life, its first activation day, the day it counts on."""

    client_id: str
    partner_id: str | None
    first_activated_on: date | None
    counted_on: date | None


@dataclass(frozen=True, order=True)
class PayoutView:
    """A payout; ``status``: in_flight, settled, failed (after a return too)."""

    partner_id: str
    currency: str
    cutoff: date
    amount: int
    status: str = "in_flight"
    settled_amount: int = 0
    flagged: bool = False


@dataclass(frozen=True)
class Balance:
    """The balance of a partner in one currency, in minor units (D15)."""

    earned: int = 0
    adjusted: int = 0
    paid: int = 0
    in_flight: int = 0

    @property
    def payable(self) -> int:
        """Earned + adjusted - paid - in flight."""
        return self.earned + self.adjusted - self.paid - self.in_flight


class LedgerUnderTest(Protocol):
    """A ledger that the rule tests and properties drive: the model's, or the real one.

    Commands that the rules refuse raise :class:`ledger.errors.LedgerError` and change nothing.
    """

    def adopt(self, programme: Programme, from_day: date | None) -> None:
        """Adopt a version of a programme."""

    def assign_programme(self, partner_id: str, programme: str, from_day: date) -> None:
        """Put a partner under another programme."""

    def record(self, messages: Sequence[Message]) -> None:
        """Record facts, in this order; duplicates count once, a changed one never."""

    def accrue(self, through: date) -> None:
        """Run an accrual to its end."""

    def close(self, month: str) -> None:
        """Accrue through L again, then close a month."""

    def pay(self, cutoff: date, partner_id: str | None) -> None:
        """Run payouts."""

    def adjust(self, adjustment: Adjust) -> None:
        """Post an adjustment; a ``line`` whose period has no line is refused."""

    def credit(self, credit: Credit) -> None:
        """Post a credit."""

    def lines(self) -> list[LineView]:
        """All lines by position: commissions, waivers, credits, adjustments."""

    def balances(self) -> dict[tuple[str, str], Balance]:
        """By partner and currency: each pair that ever had a money event."""

    def tiers(self) -> list[TierView]:
        """All changes of tier, of each partner by position."""

    def claims(self) -> list[ClaimView]:
        """All claims with their last answers."""

    def clients(self) -> list[ClientView]:
        """All clients ever activated."""

    def payouts(self) -> list[PayoutView]:
        """All payouts, with what became of them."""

    def trial_balance(self) -> dict[tuple[str, str], int]:
        """Debit - credit by account and currency; those of 0 left out."""

    def unresolved(self) -> set[str]:
        """The ids of messages that wait or had no effect."""

    def statement(self, partner_id: str, month: str) -> bytes:
        """The canonical bytes of a closed month's statement."""


def perform(ledger: LedgerUnderTest, entry: Entry) -> None:
    """Tell a ledger one entry. Raises LedgerError for a command that the rules refuse."""
    match entry:
        case Message():
            return ledger.record([entry])
        case Adopt():
            return ledger.adopt(entry.programme, entry.from_day)
        case AssignProgramme():
            return ledger.assign_programme(entry.partner_id, entry.programme, entry.from_day)
        case Accrue():
            return ledger.accrue(entry.through)
        case Close():
            return ledger.close(entry.month)
        case Pay():
            return ledger.pay(entry.cutoff, entry.partner_id)
        case Adjust():
            return ledger.adjust(entry)
        case Credit():
            return ledger.credit(entry)
