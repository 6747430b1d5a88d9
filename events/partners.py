"""Facts about partners, their claims and leads, and the payments that reached them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from events.base import Fact
from events.values import (
    Code,
    Count,
    Currency,
    Identifier,
    MinorUnits,
    PartnerKind,
)


class PartnerFact(Fact):
    """A fact about a partner that decisions read."""

    partner_id: Identifier

    @property
    def stream(self) -> str:
        """``partner:<partner_id>``."""
        return f"partner:{self.partner_id}"


class PartnerEnrolled(PartnerFact):
    """A partner joins the programme; the first recorded enrolment stands (D11)."""

    type: ClassVar[str] = "partner.enrolled"
    kind: PartnerKind
    founding: Annotated[bool, Field(strict=True)] = False
    sponsor_id: Identifier | None = None
    department: Code | None = None
    portfolio: Count | None = None


class PartnerAgreementSigned(PartnerFact):
    """The agreement is in force again from the day of this fact (D4.4)."""

    type: ClassVar[str] = "partner.agreement_signed"
    term_months: Annotated[int, Field(strict=True, ge=1, le=1200)] = 12


class PartnerAgreementEnded(PartnerFact):
    """The agreement stops at the start of the day of this fact (D4.4)."""

    type: ClassVar[str] = "partner.agreement_ended"
    reason: Code | None = None


class PartnerCertified(PartnerFact):
    """A partner passed a certification (D6.2)."""

    type: ClassVar[str] = "partner.certified"
    certification: Code


class PartnerNpsReported(PartnerFact):
    """The net promoter score of a partner's clients (D6.2)."""

    type: ClassVar[str] = "partner.nps_reported"
    score: Annotated[int, Field(strict=True, ge=-100, le=100)]


class PartnerPortfolioReported(PartnerFact):
    """How many clients of its own a partner serves (D6.2)."""

    type: ClassVar[str] = "partner.portfolio_reported"
    clients: Count


class PartnerComarketingInvested(PartnerFact):
    """A partner's own spending on common marketing (D6.2)."""

    type: ClassVar[str] = "partner.comarketing_invested"
    amount: MinorUnits
    currency: Currency


class PartnerWhiteLabelGranted(PartnerFact):
    """A partner may sell under its own brand (D13)."""

    type: ClassVar[str] = "partner.white_label_granted"


class PartnerWhiteLabelRevoked(PartnerFact):
    """The brand ends (D13)."""

    type: ClassVar[str] = "partner.white_label_revoked"


class PartnerTerritoryGranted(PartnerFact):
    """A department is asked for a partner alone (D14)."""

    type: ClassVar[str] = "partner.territory_granted"
    department: Code


class _EngagementFact(Fact):
    """What a partner does on the portal; kept apart from what decisions read."""

    partner_id: Identifier

    @property
    def stream(self) -> str:
        """``engagement:<partner_id>``."""
        return f"engagement:{self.partner_id}"


class TrainingCompleted(_EngagementFact):
    """A partner completed a course."""

    type: ClassVar[str] = "training.completed"
    course: Code


class PortalVisited(_EngagementFact):
    """A partner opened the portal."""

    type: ClassVar[str] = "portal.visited"


class ResourceDownloaded(_EngagementFact):
    """A partner took a marketing resource."""

    type: ClassVar[str] = "resource.downloaded"
    resource: Code


class ReferralRegistered(Fact):
    """A partner claims a client (D3.1)."""

    type: ClassVar[str] = "referral.registered"
    partner_id: Identifier
    client_id: Identifier
    department: Code | None = None
    via: Literal["link", "portal", "inbound", "import"] | None = None

    @property
    def stream(self) -> str:
        """``client:<client_id>``."""
        return f"client:{self.client_id}"


class _LeadFact(Fact):
    """A fact about a lead."""

    lead_id: Identifier

    @property
    def stream(self) -> str:
        """``lead:<lead_id>``."""
        return f"lead:{self.lead_id}"


class LeadCaptured(_LeadFact):
    """A prospect came in; a claim once its client is known (D3.1)."""

    type: ClassVar[str] = "lead.captured"
    partner_id: Identifier | None = None
    client_id: Identifier | None = None
    department: Code | None = None
    employees: Count | None = None


class LeadConverted(_LeadFact):
    """The client that a lead became (D3.1)."""

    type: ClassVar[str] = "lead.converted"
    client_id: Identifier


class PayoutSettled(Fact):
    """Money reached a partner (D15.2); ``tax_amount`` is VAT paid on top."""

    type: ClassVar[str] = "payout.settled"
    partner_id: Identifier
    payout_id: Identifier | None = None
    amount: MinorUnits
    tax_amount: MinorUnits = 0
    currency: Currency
    reference: Code | None = None

    @property
    def stream(self) -> str:
        """``payout:<payout_id>``, or ``payments:<partner_id>`` if it names none."""
        if self.payout_id is None:
            return f"payments:{self.partner_id}"
        return f"payout:{self.payout_id}"


class PayoutFailed(Fact):
    """A payout did not reach its partner, or came back (D15.2)."""

    type: ClassVar[str] = "payout.failed"
    partner_id: Identifier
    payout_id: Identifier
    reason: Code

    @property
    def stream(self) -> str:
        """``payout:<payout_id>``."""
        return f"payout:{self.payout_id}"


class WholesaleSettled(Fact):
    """A white-label partner paid what it owed for its clients (D13)."""

    type: ClassVar[str] = "wholesale.settled"
    partner_id: Identifier
    amount: MinorUnits
    currency: Currency
    reference: Code | None = None

    @property
    def stream(self) -> str:
        """``payments:<partner_id>``."""
        return f"payments:{self.partner_id}"


class CostRecorded(Fact):
    """A cost of the programme, for its return on investment; no posting (D17)."""

    type: ClassVar[str] = "cost.recorded"
    category: Code
    amount: MinorUnits
    currency: Currency

    @property
    def stream(self) -> str:
        """``costs``."""
        return "costs"
