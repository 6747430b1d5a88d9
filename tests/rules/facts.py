"""Short words for facts and commands; a day is ``YYYY-MM-DD`` (noon UTC) or an instant.

Amounts are minor units. Partner p1, client c1 and €100 a month are meant where none is named.
"""

from __future__ import annotations

from datetime import date, datetime
from itertools import count
from typing import Literal

from events.base import Fact
from events.billing import ClientActivated, ClientChurned, ClientPlanChanged
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
    PayoutFailed,
    PayoutSettled,
    ReferralRegistered,
)
from events.values import Interval, parse_instant
from tests.model.journal import Accrue, Adjust, Close, Credit, Message, Pay, PeriodKey
from tests.model.payments import payout_id

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
) -> Message:
    """A partner joins."""
    data = PartnerEnrolled(
        partner_id=partner, kind="referral", founding=founding, portfolio=portfolio
    )
    return message(data, when)


def ended(when: str, partner: str = "p1") -> Message:
    """A partner's agreement ends."""
    return message(PartnerAgreementEnded(partner_id=partner), when)


def signed(when: str, partner: str = "p1") -> Message:
    """A partner signs again."""
    return message(PartnerAgreementSigned(partner_id=partner), when)


def certified(when: str, partner: str = "p1") -> Message:
    """A partner passes a certification."""
    return message(PartnerCertified(partner_id=partner, certification="cert"), when)


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
    id: str | None = None,  # noqa: A002 - its name on the wire
) -> Message:
    """A partner claims a client."""
    return message(ReferralRegistered(partner_id=partner, client_id=client), when, id)


def lead(
    when: str,
    lead_id: str,
    partner: str = "p1",
    client: str | None = None,
    *,
    id: str | None = None,  # noqa: A002 - its name on the wire
) -> Message:
    """A partner captures a lead."""
    data = LeadCaptured(lead_id=lead_id, partner_id=partner, client_id=client)
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


def activated(
    when: str,
    client: str = "c1",
    price: int = 10_000,
    *,
    sub: str | None = None,
    currency: str = "EUR",
    interval: Interval = "month",
    partner: str | None = None,
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
    return message(data, when)


def churned(when: str, client: str = "c1", *, sub: str | None = None) -> Message:
    """A subscription ends; without ``sub`` it names none."""
    return message(ClientChurned(client_id=client, subscription_id=sub or client), when)


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
    currency: str = "EUR",
    partner: str = "p1",
    approved_by: str = "bob",
) -> Adjust:
    """Adjust; ``line`` is a client and the S of a period of its own subscription."""
    key = None
    if line is not None:
        client, day = line
        key = PeriodKey(partner, client, client, date.fromisoformat(day))
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
