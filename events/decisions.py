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
    Currency,
    Day,
    Identifier,
    Instant,
    Interval,
    Position,
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
    """The claim loses; ``standing_claim`` is what it lost against, if anything (D3.3).

    That is the claim that won, the grant of the department, or finance's assignment (D3.6).
    """

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
    department: Code | None = None

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

    ``counted_on`` is None for a client that is not counted (D6.1), as one is that finance gave to
    nobody on its first activation day. ``partner_id`` is the holder by claims, ``claim`` the one
    that won; ``counted_by`` is who counts it where an assignment makes that another. ``retracted``:
    a fact about it was retracted, so what was posted may rest on that (D9.5).
    """

    partner_id: Identifier | None = None
    claim: Position | None = None
    first_activated_on: Day | None = None
    first_activated_at: Instant | None = None
    counted_on: Day | None = None
    counted_by: Identifier | None = None
    retracted: Literal[True] | None = None


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


class PaymentStanding(RuledDecision):
    """A payment is worth another net amount than it was (D8.2): the values before and after.

    ``payment`` is its ``invoice.paid``, ``fact`` what changed it, ``refunds`` are all that lower it
    now. A payment that nothing has lowered stands as its own fact says and has no such decision.
    ``gone``: it was retracted, and no other that was told of it takes its place (D9.5).
    """

    type: ClassVar[str] = "PaymentStanding"
    payment: Position
    fact: Position
    client_id: Identifier
    subscription_id: Identifier
    invoice_id: Identifier
    payment_id: Identifier | None = None
    period_start: Day
    currency: Currency
    before: Annotated[int, Field(ge=0)]
    after: Annotated[int, Field(ge=0)]
    refunds: Facts = ()
    gone: Literal[True] | None = None

    @property
    def stream(self) -> str:
        """``invoice:<invoice_id>``."""
        return f"invoice:{self.invoice_id}"


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


class FactVoided(Decision):
    """A fact was retracted by the command at ``command``: decide as if it was not there (D9.5).

    It stands in each stream that the fact concerns. Of a lead's claim ``fact`` is, in the streams
    of client and partner, the capture, whichever of the lead's facts was retracted.
    """

    type: ClassVar[str] = "FactVoided"
    fact: Position
    about: str
    command: Position
    client_id: Identifier | None = None
    partner_id: Identifier | None = None
    day: Day

    @property
    def stream(self) -> str:
        """The stream ``about`` which the fact is."""
        return self.about


class UnretractedAttribution(RuledDecision):
    """What attribution a client would have, had nothing been retracted, after ``fact`` (D9.5).

    None: nobody's. It stands beside the answers to claims of a client of which something was
    retracted, where it changes.
    """

    type: ClassVar[str] = "UnretractedAttribution"
    client_id: Identifier
    partner_id: Identifier | None = None
    claim: Position | None = None
    claim_day: Day | None = None
    live_through: Day | None = None
    fact: Position

    @property
    def stream(self) -> str:
        """``client:<client_id>``."""
        return f"client:{self.client_id}"


class DecisionUnresolved(RuledDecision):
    """A decision stands though it rested on a retracted fact: finance looks at it (D9.5)."""

    type: ClassVar[str] = "DecisionUnresolved"
    decision: Position
    fact: Position
    command: Position
    partner_id: Identifier
    client_id: Identifier | None = None
    reason: Literal["retracted"] = "retracted"

    @property
    def stream(self) -> str:
        """``account:<partner_id>``."""
        return f"account:{self.partner_id}"


class DecisionResolved(RuledDecision):
    """Finance has looked at a decision or payment that is listed: it is open no more (D9.5).

    ``decision`` is the position under which it is listed, of a flagged payment that of its message;
    ``command`` says who, and why. Should anything be noted of it later, it is listed again.
    """

    type: ClassVar[str] = "DecisionResolved"
    decision: Position
    command: Position
    partner_id: Identifier

    @property
    def stream(self) -> str:
        """``account:<partner_id>``."""
        return f"account:{self.partner_id}"
