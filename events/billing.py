"""Facts about clients: subscriptions, usage and invoices, told by billing."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from events.base import Fact
from events.values import Code, Currency, Day, Identifier, Interval, MinorUnits


class ClientFact(Fact):
    """A fact about a client; by default it stands in the client's own stream."""

    client_id: Identifier

    @property
    def stream(self) -> str:
        """``client:<client_id>``."""
        return f"client:{self.client_id}"


def own_subscription(value: Any, info: ValidationInfo) -> Any:
    """The client's own id where no subscription is named; one that is named stays as it is."""
    return info.data.get("client_id") if value is None else value


SubscriptionId = Annotated[
    Identifier, BeforeValidator(own_subscription, json_schema_input_type=Identifier | None)
]
"""A subscription of a client; the one named like the client where none is given (wire)."""


class SubscriptionFact(ClientFact):
    """A fact about one subscription of a client, by default the one named like the client."""

    subscription_id: SubscriptionId = Field(default=None, validate_default=True)


class ClientActivated(SubscriptionFact):
    """A subscription starts (D4.1); ``price`` in minor units is per interval."""

    type: ClassVar[str] = "client.activated"
    plan: Code
    price: MinorUnits
    currency: Currency
    interval: Interval = "month"
    partner_id: Identifier | None = None
    department: Code | None = None


class ClientPlanChanged(SubscriptionFact):
    """Price, and with them currency or interval, change from a day on (D4.1, D4.3)."""

    type: ClassVar[str] = "client.plan_changed"
    plan: Code
    price: MinorUnits
    currency: Currency | None = None
    interval: Interval | None = None


class ClientChurned(SubscriptionFact):
    """A subscription ends at the start of the day (D4.3)."""

    type: ClassVar[str] = "client.churned"
    reason: Code | None = None


class UsageFact(ClientFact):
    """A fact about how a client uses the product; kept apart from what decisions read."""

    @property
    def stream(self) -> str:
        """``usage:<client_id>``."""
        return f"usage:{self.client_id}"


class ClientUsageReported(UsageFact):
    """How much of the product a client uses, in percent."""

    type: ClassVar[str] = "client.usage_reported"
    features_used: Annotated[int, Field(strict=True, ge=0, le=100)]


class ClientNpsReported(UsageFact):
    """A client's net promoter score."""

    type: ClassVar[str] = "client.nps_reported"
    score: Annotated[int, Field(strict=True, ge=-100, le=100)]


class InvoicePaid(SubscriptionFact):
    """A client paid an invoice, or a part of it (D8.2); net of VAT.

    Invoice and payment are unique in the whole ledger, so the stream is the invoice's own.
    """

    type: ClassVar[str] = "invoice.paid"
    invoice_id: Identifier
    payment_id: Identifier | None = None
    net_amount: MinorUnits
    currency: Currency
    period_start: Day

    @property
    def stream(self) -> str:
        """``invoice:<invoice_id>``."""
        return f"invoice:{self.invoice_id}"


class InvoiceRefunded(ClientFact):
    """A payment was given back, wholly or in part (D8.2); net of VAT."""

    type: ClassVar[str] = "invoice.refunded"
    invoice_id: Identifier
    payment_id: Identifier | None = None
    net_amount: MinorUnits
    currency: Currency

    @property
    def stream(self) -> str:
        """``invoice:<invoice_id>``."""
        return f"invoice:{self.invoice_id}"


class _ProspectFact(Fact):
    """A step of the sales funnel, about a client or a lead."""

    client_id: Identifier | None = None
    lead_id: Identifier | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if self.client_id is None and self.lead_id is None:
            raise ValueError("name the client_id or the lead_id that this is about")
        return self

    @property
    def stream(self) -> str:
        """``funnel:<client or lead id>``."""
        return f"funnel:{self.client_id or self.lead_id}"


class DemoHeld(_ProspectFact):
    """A demonstration was held; with the partner if ``co_hosted``."""

    type: ClassVar[str] = "demo.held"
    co_hosted: Annotated[bool, Field(strict=True)] = False


class TrialStarted(_ProspectFact):
    """A trial began."""

    type: ClassVar[str] = "trial.started"


class TrialEnded(_ProspectFact):
    """A trial ended, won or lost."""

    type: ClassVar[str] = "trial.ended"
    outcome: Literal["won", "lost"]
