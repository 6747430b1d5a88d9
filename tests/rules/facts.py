"""Short words for facts and commands; a day is ``YYYY-MM-DD`` (noon UTC) or an instant.

Amounts are minor units. Partner p1, client c1 and €100 a month are meant where none is named.
"""

from __future__ import annotations

from datetime import date, datetime
from itertools import count
from typing import Literal

from events.base import Fact
from events.billing import (
    ClientActivated,
    ClientChurned,
    ClientPlanChanged,
    InvoicePaid,
    InvoiceRefunded,
)
from events.partners import (
    LeadCaptured,
    LeadConverted,
    PartnerAgreementEnded,
    PartnerAgreementSigned,
    PartnerCertified,
    PartnerComarketingInvested,
    PartnerEnrolled,
    PartnerNpsReported,
    PartnerPortfolioReported,
    PartnerTerritoryGranted,
    PartnerWhiteLabelGranted,
    PartnerWhiteLabelRevoked,
    PayoutFailed,
    PayoutSettled,
    ReferralRegistered,
    WholesaleSettled,
)
from events.values import Interval, parse_instant
from tests.model.commands import Accrue, Adjust, Close, Credit, Pay
from tests.model.journal import Message
from tests.model.payments import payout_id
from tests.model.views import PeriodKey

_NUMBERS = count(1)


def _instant(when: str) -> datetime:
    return parse_instant(when if "T" in when else f"{when}T12:00:00Z")


def message(data: Fact, when: str, id: str | None = None) -> Message:  # noqa: A002 - its name
    """A message about a fact, with an id of its own unless one is given."""
    return Message(data, _instant(when), id or f"m-{next(_NUMBERS)}")


def enrolled(
    when: str,
    partner: str = "p1",
    *,
    founding: bool = False,
    portfolio: int | None = None,
    sponsor: str | None = None,
    id: str | None = None,  # noqa: A002 - its name on the wire
) -> Message:
    """A partner joins."""
    data = PartnerEnrolled(
        partner_id=partner,
        kind="referral",
        founding=founding,
        portfolio=portfolio,
        sponsor_id=sponsor,
    )
    return message(data, when, id)


def ended(when: str, partner: str = "p1") -> Message:
    """A partner's agreement ends."""
    return message(PartnerAgreementEnded(partner_id=partner), when)


def signed(when: str, partner: str = "p1") -> Message:
    """A partner signs again."""
    return message(PartnerAgreementSigned(partner_id=partner), when)


def certified(
    when: str,
    partner: str = "p1",
    *,
    id: str | None = None,  # noqa: A002 - its name on the wire
) -> Message:
    """A partner passes a certification."""
    return message(PartnerCertified(partner_id=partner, certification="cert"), when, id)


def nps(when: str, score: int, partner: str = "p1") -> Message:
    """A partner's net promoter score."""
    return message(PartnerNpsReported(partner_id=partner, score=score), when)


def portfolio(when: str, clients: int, partner: str = "p1") -> Message:
    """A partner's own clients."""
    return message(PartnerPortfolioReported(partner_id=partner, clients=clients), when)


def invested(when: str, amount: int, currency: str = "EUR", partner: str = "p1") -> Message:
    """A partner's co-marketing."""
    data = PartnerComarketingInvested(partner_id=partner, amount=amount, currency=currency)
    return message(data, when)


def referred(
    when: str,
    client: str = "c1",
    partner: str = "p1",
    *,
    department: str | None = None,
    id: str | None = None,  # noqa: A002 - its name on the wire
) -> Message:
    """A partner claims a client."""
    data = ReferralRegistered(partner_id=partner, client_id=client, department=department)
    return message(data, when, id)


def lead(
    when: str,
    lead_id: str,
    partner: str | None = "p1",
    client: str | None = None,
    *,
    department: str | None = None,
    id: str | None = None,  # noqa: A002 - its name on the wire
) -> Message:
    """A lead comes in, by a partner or by none."""
    data = LeadCaptured(
        lead_id=lead_id, partner_id=partner, client_id=client, department=department
    )
    return message(data, when, id)


def converted(
    when: str,
    lead_id: str,
    client: str = "c1",
    *,
    id: str | None = None,  # noqa: A002 - its name on the wire
) -> Message:
    """A lead becomes a client."""
    return message(LeadConverted(lead_id=lead_id, client_id=client), when, id)


def activated(  # noqa: PLR0913 - what an activation says
    when: str,
    client: str = "c1",
    price: int = 10_000,
    *,
    sub: str | None = None,
    currency: str = "EUR",
    interval: Interval = "month",
    partner: str | None = None,
    department: str | None = None,
    id: str | None = None,  # noqa: A002 - its name on the wire
) -> Message:
    """A subscription starts."""
    data = ClientActivated(
        client_id=client,
        subscription_id=sub or client,
        plan="pro",
        price=price,
        currency=currency,
        interval=interval,
        partner_id=partner,
        department=department,
    )
    return message(data, when, id)


def changed(
    when: str,
    price: int,
    client: str = "c1",
    *,
    sub: str | None = None,
    currency: str | None = None,
    interval: Interval | None = None,
    id: str | None = None,  # noqa: A002 - its name on the wire
) -> Message:
    """A plan changes."""
    data = ClientPlanChanged(
        client_id=client,
        subscription_id=sub or client,
        plan="other",
        price=price,
        currency=currency,
        interval=interval,
    )
    return message(data, when, id)


def churned(
    when: str,
    client: str = "c1",
    *,
    sub: str | None = None,
    id: str | None = None,  # noqa: A002 - its name on the wire
) -> Message:
    """A subscription ends; without ``sub`` it names none."""
    return message(ClientChurned(client_id=client, subscription_id=sub or client), when, id)


def settled(
    when: str,
    amount: int,
    *,
    cutoff: str | None = None,
    currency: str = "EUR",
    partner: str = "p1",
    tax: int = 0,
    payout: str | None = None,
) -> Message:
    """Money reached a partner: for the payout of a cut-off, or of another id, or of none."""
    name = payout if cutoff is None else payout_id(partner, currency, date.fromisoformat(cutoff))
    data = PayoutSettled(
        partner_id=partner, payout_id=name, amount=amount, tax_amount=tax, currency=currency
    )
    return message(data, when)


def failed(when: str, cutoff: str, currency: str = "EUR", partner: str = "p1") -> Message:
    """The payout of a cut-off failed or came back."""
    name = payout_id(partner, currency, date.fromisoformat(cutoff))
    return message(PayoutFailed(partner_id=partner, payout_id=name, reason="iban"), when)


def branded(
    when: str,
    partner: str = "p1",
    *,
    id: str | None = None,  # noqa: A002 - its name on the wire
) -> Message:
    """A partner may sell under its own brand."""
    return message(PartnerWhiteLabelGranted(partner_id=partner), when, id)


def unbranded(when: str, partner: str = "p1") -> Message:
    """A brand ends."""
    return message(PartnerWhiteLabelRevoked(partner_id=partner), when)


def territory(
    when: str,
    department: str = "75",
    partner: str = "p1",
    *,
    id: str | None = None,  # noqa: A002 - its name on the wire
) -> Message:
    """A department is asked for a partner alone."""
    return message(PartnerTerritoryGranted(partner_id=partner, department=department), when, id)


def invoiced(
    start: str,
    amount: int = 10_000,
    client: str = "c1",
    *,
    invoice: str = "i1",
    payment: str | None = None,
    currency: str = "EUR",
    when: str | None = None,
    id: str | None = None,  # noqa: A002 - its name on the wire
) -> Message:
    """A client pays an invoice of the period that starts on a day, on that day unless said."""
    data = InvoicePaid(
        client_id=client,
        subscription_id=client,
        invoice_id=invoice,
        payment_id=payment,
        net_amount=amount,
        currency=currency,
        period_start=date.fromisoformat(start),
    )
    return message(data, when or start, id)


def refunded(
    when: str,
    amount: int,
    client: str = "c1",
    *,
    invoice: str = "i1",
    payment: str | None = None,
    currency: str = "EUR",
    id: str | None = None,  # noqa: A002 - its name on the wire
) -> Message:
    """A client is paid back."""
    data = InvoiceRefunded(
        client_id=client,
        invoice_id=invoice,
        payment_id=payment,
        net_amount=amount,
        currency=currency,
    )
    return message(data, when, id)


def wholesale(when: str, amount: int, partner: str = "p1", *, currency: str = "EUR") -> Message:
    """A partner under its own brand pays what it owes."""
    return message(WholesaleSettled(partner_id=partner, amount=amount, currency=currency), when)


def accrue(through: str) -> Accrue:
    """Accrue through a day."""
    return Accrue(date.fromisoformat(through))


def close(month: str) -> Close:
    """Close a month."""
    return Close(month)


def pay(cutoff: str, partner: str | None = None) -> Pay:
    """Run payouts."""
    return Pay(date.fromisoformat(cutoff), partner)


def adjust(
    amount: int,
    when: str | None = None,
    *,
    line: tuple[str, str] | None = None,
    payment: tuple[str, ...] = (),
    currency: str = "EUR",
    partner: str = "p1",
    approved_by: str = "bob",
) -> Adjust:
    """Adjust; ``line`` is a client and the S of a period of its own subscription.

    ``payment`` names the invoice, and the payment of it, that a line by invoice is of.
    """
    key = None
    if line is not None:
        client, day = line
        key = PeriodKey(partner, client, client, date.fromisoformat(day), payment)
    return Adjust(
        partner_id=partner,
        amount=amount,
        currency=currency,
        line=key,
        date=None if when is None else date.fromisoformat(when),
        approved_by=approved_by,
    )


def credit(
    amount: int,
    when: str | None = None,
    *,
    reason: Literal["fee", "renewal", "goodwill"] = "goodwill",
    partner: str = "p1",
    approved_by: str = "bob",
) -> Credit:
    """Credit a partner."""
    return Credit(
        partner_id=partner,
        amount=amount,
        reason=reason,
        date=None if when is None else date.fromisoformat(when),
        approved_by=approved_by,
    )
