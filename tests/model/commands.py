"""The commands that finance gives a ledger under test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from events.values import PartnerKind, TierName
from ledger.policy.programme import Programme
from tests.model.views import PeriodKey


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


@dataclass(frozen=True)
class Hold:
    """Suspend the payouts of a partner (D15.1)."""

    partner_id: str
    reason: str = "dispute"


@dataclass(frozen=True)
class Release:
    """Resume the payouts of a partner (D15.1)."""

    partner_id: str
    reason: str = "settled"


@dataclass(frozen=True, kw_only=True)
class TwoPersons:
    """What one person asks for and another approves."""

    requested_by: str = "ann"
    approved_by: str = "bob"


@dataclass(frozen=True)
class Adjust(TwoPersons):
    """An adjustment; ``line`` names a period, standing for its first line (D9.4)."""

    partner_id: str
    amount: int
    currency: str = "EUR"
    reason: str = "correction"
    line: PeriodKey | None = None
    date: date | None = None


@dataclass(frozen=True)
class Credit(TwoPersons):
    """A credit (D9.4)."""

    partner_id: str
    amount: int
    currency: str = "EUR"
    reason: str = "goodwill"
    date: date | None = None


@dataclass(frozen=True)
class Assign(TwoPersons):
    """Give a client to a partner, or to none, from a day on (D3.6)."""

    client_id: str
    partner_id: str | None
    from_day: date
    reason: str = "agreed"


@dataclass(frozen=True)
class Retract(TwoPersons):
    """Void a fact that was never true, by its key (D9.5)."""

    id: str
    source: str = "/test"
    reason: str = "mistake"


@dataclass(frozen=True)
class CorrectPartner(TwoPersons):
    """Replace what an enrolment said (D9.6); ``cleared`` names members taken away."""

    partner_id: str
    kind: PartnerKind | None = None
    founding: bool | None = None
    sponsor_id: str | None = None
    department: str | None = None
    cleared: tuple[str, ...] = ()


@dataclass(frozen=True)
class Open(TwoPersons):
    """Start the ledger on a day for a programme that has a past (D8.3)."""

    day: date


@dataclass(frozen=True)
class OpenPartner(TwoPersons):
    """A partner's tier and balances (minor units by currency) when the ledger opened (D8.3)."""

    partner_id: str
    tier: TierName
    since: date
    balances: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Approve:
    """Let a proposal take effect (D16.1); ``number`` counts proposals from 1."""

    number: int
    operator: str = "approver"


@dataclass(frozen=True)
class Reject:
    """End a proposal without effect (D16.1)."""

    number: int


Command = (
    Adopt
    | AssignProgramme
    | Accrue
    | Close
    | Pay
    | Hold
    | Release
    | Adjust
    | Credit
    | Assign
    | Retract
    | CorrectPartner
    | Open
    | OpenPartner
    | Approve
    | Reject
)
