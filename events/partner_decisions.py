"""Decisions about a partner: tiers, programmes, sponsors, brands, territories, badges.

Members named ``fact``, ``facts``, ``run`` and ``command`` hold positions.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from events.base import Value
from events.decisions import Facts, RuledDecision
from events.values import Code, Day, Identifier, PartnerKind, Position, TierName


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


class EnrolmentCorrected(PartnerDecision):
    """What an enrolment said is replaced for later decisions (D9.6); what is absent stays."""

    type: ClassVar[str] = "EnrolmentCorrected"
    kind: PartnerKind | None = None
    founding: bool | None = None
    sponsor_id: Identifier | None = None
    department: Code | None = None
    cleared: tuple[Literal["sponsor_id", "department"], ...] = ()
    command: Position


class SponsorAccepted(PartnerDecision):
    """The sponsor of a partner is tied to it (D11).

    ``lines_after``, of a corrected sponsor: only lines after this position earn it a share (D9.6).
    """

    type: ClassVar[str] = "SponsorAccepted"
    sponsor_id: Identifier
    fact: Position
    lines_after: Position | None = None


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


class _TerritoryDecision(PartnerDecision):
    """An answer to a partner that asks for a department."""

    department: Code
    fact: Position

    @property
    def stream(self) -> str:
        """``department:<department>``: it has one holder over all partners."""
        return f"department:{self.department}"


class TerritoryAccepted(_TerritoryDecision):
    """A department is held up to the eve of ``end`` (D14)."""

    type: ClassVar[str] = "TerritoryAccepted"
    end: Day


class TerritoryRejected(_TerritoryDecision):
    """A department is refused (D14)."""

    type: ClassVar[str] = "TerritoryRejected"
    reason: Literal["not_strategic", "held"]


class BadgeAwarded(PartnerDecision):
    """A badge, once each (D12.2)."""

    type: ClassVar[str] = "BadgeAwarded"
    badge: Literal["pioneer", "rocket", "diamond", "centurion"]
    facts: Facts = ()
    run: Position | None = None
