"""Decisions: what the ledger concluded, with rule, programme version and the facts it rests on.

Members named ``fact``, ``claim``, ``line``, ``facts``, ``run`` hold positions. Amounts are integer
minor units. ``day`` is the day that a decision names: its place on the effective axis.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from events.base import Decision, Value
from events.values import (
    Code,
    Count,
    Currency,
    Day,
    Identifier,
    Instant,
    Interval,
    Month,
    Position,
    Sha256,
    TierName,
    Total,
)

Facts = tuple[Position, ...]
Rule = Annotated[str, Field(pattern=r"^D[0-9]{1,2}(\.[0-9]{1,2})?[a-e]?$")]
ProgrammeVersion = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]{1,64}/[0-9]{1,6}$")]
"""Programme and number of its version, such as ``izyinbox/1``."""


class RuledDecision(Decision):
    """A decision by a numbered rule; ``programme_version`` is None where no programme speaks."""

    rule: Rule
    programme_version: ProgrammeVersion | None = None
    day: Day


# --- attribution (D3) ----------------------------------------------------------------------------


class ClaimAnswer(RuledDecision):
    """An answer to the claim of a partner to a client; ``claim`` is its fact, ``day`` its day."""

    claim: Position
    client_id: Identifier
    partner_id: Identifier

    @property
    def stream(self) -> str:
        """``client:<client_id>``."""
        return f"client:{self.client_id}"


class ReferralAccepted(ClaimAnswer):
    """The claim wins: for life, or provisionally up to ``live_through`` (D3.3, D3.4)."""

    type: ClassVar[str] = "ReferralAccepted"
    live_through: Day | None = None
    late: bool = False


class ReferralRejected(ClaimAnswer):
    """The claim loses; ``standing_claim`` is the one it lost against, if any (D3.3)."""

    type: ClassVar[str] = "ReferralRejected"
    reason: Literal[
        "agreement_ended", "territory", "already_attributed", "too_late", "unknown_partner"
    ]
    standing_claim: Position | None = None


class ReferralLapsed(ClaimAnswer):
    """A provisional attribution ends without a client, by the fact ``cause`` (D3.4)."""

    type: ClassVar[str] = "ReferralLapsed"
    reason: Literal["expired", "too_late", "retracted"]
    cause: Position


class ReferralUnchanged(ClaimAnswer):
    """The claim repeats what holds already: no effect, and it does not prolong (D3.3c)."""

    type: ClassVar[str] = "ReferralUnchanged"
    standing_claim: Position | None = None


class ReferralWaiting(ClaimAnswer):
    """The claim waits, in its partner's stream, for the partner's enrolment (D3.2)."""

    type: ClassVar[str] = "ReferralWaiting"

    @property
    def stream(self) -> str:
        """``partner:<partner_id>``."""
        return f"partner:{self.partner_id}"


class AttributionAssigned(RuledDecision):
    """The client's holder from ``day`` on, by finance (D3.6)."""

    type: ClassVar[str] = "AttributionAssigned"
    client_id: Identifier
    partner_id: Identifier | None = None
    command: Position

    @property
    def stream(self) -> str:
        """``client:<client_id>``."""
        return f"client:{self.client_id}"


# --- how a client stands (D4) --------------------------------------------------------------------


class Term(Value):
    """A stretch of days on which one price of one subscription holds.

    It begins on ``start`` and ends on the eve of ``end`` (None: open). Its period starts are those
    of the schedule ``anchor`` + k · ``interval`` that lie in it. ``price`` is per interval.
    ``activation`` and ``price_fact`` are the facts that it rests on.
    """

    start: Day
    end: Day | None = None
    anchor: Day
    interval: Interval
    plan: Code
    price: Annotated[int, Field(ge=0)]
    currency: Currency
    activation: Position
    price_fact: Position


class SubscriptionChange(Value):
    """The terms of one subscription that a fact took away and those that it put there."""

    subscription_id: Identifier
    before: tuple[Term, ...]
    after: tuple[Term, ...]


class Standing(Value):
    """How a client stands: its holder for life, its first activation, the day on which it counts.

    ``counted_on`` is None for a client that is not counted (D6.1). ``claim`` is the winning claim.
    """

    partner_id: Identifier | None = None
    claim: Position | None = None
    first_activated_on: Day | None = None
    first_activated_at: Instant | None = None
    counted_on: Day | None = None


class ClientStanding(RuledDecision):
    """A fact changed how a client stands (D4.5): the values before it and after it."""

    type: ClassVar[str] = "ClientStanding"
    fact: Position
    client_id: Identifier
    before: Standing
    after: Standing
    subscriptions: tuple[SubscriptionChange, ...] = ()

    @property
    def stream(self) -> str:
        """``client:<client_id>``."""
        return f"client:{self.client_id}"


class FactUnresolved(Decision):
    """A fact waits for another or has no effect; listed until :class:`FactResolved` names it."""

    type: ClassVar[str] = "FactUnresolved"
    fact: Position
    about: str
    reason: Code
    client_id: Identifier | None = None
    partner_id: Identifier | None = None
    day: Day

    @property
    def stream(self) -> str:
        """The stream ``about`` which the fact is."""
        return self.about


class FactResolved(Decision):
    """A fact that was unresolved has its effect now."""

    type: ClassVar[str] = "FactResolved"
    fact: Position
    about: str
    client_id: Identifier | None = None
    partner_id: Identifier | None = None
    day: Day

    @property
    def stream(self) -> str:
        """The stream ``about`` which the fact is."""
        return self.about


# --- partners ------------------------------------------------------------------------------------


class PartnerDecision(RuledDecision):
    """A decision about a partner that later decisions read."""

    partner_id: Identifier

    @property
    def stream(self) -> str:
        """``partner:<partner_id>``."""
        return f"partner:{self.partner_id}"


class Measure(Value):
    """A requirement or commitment with what was measured; amounts in minor units."""

    name: Code
    level: TierName
    required: int
    measured: int | None = None
    met: bool


class TierChanged(PartnerDecision):
    """A partner's tier from ``day`` on (D6); ``from_tier`` is None at the enrolment."""

    type: ClassVar[str] = "TierChanged"
    from_tier: TierName | None = None
    to_tier: TierName
    cause: Literal["enrolment", "promotion", "review", "opening"]
    evaluated_on: Day | None = None
    measures: tuple[Measure, ...] = ()
    facts: Facts = ()
    run: Position | None = None


class ProgrammeAssigned(PartnerDecision):
    """The partner is under ``programme`` from ``day`` on (D7.3)."""

    type: ClassVar[str] = "ProgrammeAssigned"
    programme: Identifier
    command: Position


class SponsorAccepted(PartnerDecision):
    """The sponsor of a partner is tied to it (D11)."""

    type: ClassVar[str] = "SponsorAccepted"
    sponsor_id: Identifier
    fact: Position


class SponsorRejected(PartnerDecision):
    """The sponsor is refused, the enrolment stands (D11)."""

    type: ClassVar[str] = "SponsorRejected"
    sponsor_id: Identifier
    reason: Literal["self", "unknown_sponsor", "cycle"]
    fact: Position


class SponsorWaiting(PartnerDecision):
    """The sponsor is not enrolled yet (D11); it stands in the sponsor's stream."""

    type: ClassVar[str] = "SponsorWaiting"
    sponsor_id: Identifier
    fact: Position

    @property
    def stream(self) -> str:
        """``partner:<sponsor_id>``."""
        return f"partner:{self.sponsor_id}"


class WhiteLabelAccepted(PartnerDecision):
    """The brand is granted (D13)."""

    type: ClassVar[str] = "WhiteLabelAccepted"
    fact: Position


class WhiteLabelRejected(PartnerDecision):
    """The brand is refused (D13)."""

    type: ClassVar[str] = "WhiteLabelRejected"
    reason: Literal["not_strategic"]
    fact: Position


class TerritoryAccepted(PartnerDecision):
    """A department is held up to the eve of ``end`` (D14)."""

    type: ClassVar[str] = "TerritoryAccepted"
    department: Code
    end: Day
    fact: Position


class TerritoryRejected(PartnerDecision):
    """A department is refused (D14)."""

    type: ClassVar[str] = "TerritoryRejected"
    department: Code
    reason: Literal["not_strategic", "held"]
    fact: Position


class BadgeAwarded(PartnerDecision):
    """A badge, once each (D12.2)."""

    type: ClassVar[str] = "BadgeAwarded"
    badge: Literal["pioneer", "rocket", "diamond", "centurion"]
    facts: Facts = ()
    run: Position | None = None


# --- payouts (D15) -------------------------------------------------------------------------------


class PayoutInitiated(RuledDecision):
    """Money sent to a partner; ``day`` is the cut-off C."""

    type: ClassVar[str] = "PayoutInitiated"
    payout_id: Identifier
    partner_id: Identifier
    currency: Currency
    amount: Annotated[Total, Field(gt=0)]
    posting_date: Day
    run: Position

    @property
    def stream(self) -> str:
        """``payout:<payout_id>``."""
        return f"payout:{self.payout_id}"


class PayoutClosed(RuledDecision):
    """A settlement, failure or return closed a payout (D15.2).

    ``initiated`` is what leaves the payouts in flight (0 for a return), ``paid`` what was settled
    (of a return: what came back), ``tax`` its VAT; all in minor units.
    """

    type: ClassVar[str] = "PayoutClosed"
    payout_id: Identifier
    partner_id: Identifier
    currency: Currency
    outcome: Literal["settled", "failed", "returned"]
    initiated: Annotated[Total, Field(ge=0)]
    paid: Annotated[Total, Field(ge=0)]
    tax: Annotated[Total, Field(ge=0)]
    flag: Literal["amount_differs"] | None = None
    posting_date: Day
    fact: Position

    @property
    def stream(self) -> str:
        """``payout:<payout_id>``."""
        return f"payout:{self.payout_id}"


class PaymentBooked(RuledDecision):
    """A settlement or failure that closed no payout: always flagged (D15.2)."""

    type: ClassVar[str] = "PaymentBooked"
    payout_id: Identifier | None = None
    partner_id: Identifier
    currency: Currency | None = None
    paid: Annotated[Total, Field(ge=0)]
    tax: Annotated[Total, Field(ge=0)]
    flag: Literal[
        "no_payout_named", "unknown_payout", "payout_closed", "other_partner", "other_currency"
    ]
    posting_date: Day
    fact: Position

    @property
    def stream(self) -> str:
        """``payments:<partner_id>``."""
        return f"payments:{self.partner_id}"


# --- the course of runs and closes ---------------------------------------------------------------


class PartnerAccrued(Decision):
    """One part of a partner's accrual is done, through ``through_client`` (None: all of it)."""

    type: ClassVar[str] = "PartnerAccrued"
    run: Position
    partner_id: Identifier
    part: Annotated[int, Field(ge=0)]
    through_client: Identifier | None = None
    day: Day

    @property
    def stream(self) -> str:
        """``run:<run>``."""
        return f"run:{self.run}"


class AccrualCompleted(Decision):
    """An accrual run is complete; nothing more is decided by it."""

    type: ClassVar[str] = "AccrualCompleted"
    run: Position
    day: Day

    @property
    def stream(self) -> str:
        """``ledger``."""
        return "ledger"


class StatementsSealed(Decision):
    """The SHA-256 over the canonical bytes of all statements of a closed month (D16)."""

    type: ClassVar[str] = "StatementsSealed"
    month: Month
    close: Position
    statements: Count
    sha256: Sha256
    day: Day

    @property
    def stream(self) -> str:
        """``ledger``."""
        return "ledger"
