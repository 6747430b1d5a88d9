"""What a settlement or a failure does, decided when it is recorded (D15.2, D13)."""

from __future__ import annotations

from typing import Literal

from events.partners import PayoutFailed, PayoutSettled, WholesaleSettled
from events.payout_decisions import PaymentBooked, PayoutClosed, WholesaleBooked
from events.recorded import Recorded
from ledger.engine.draft import Draft
from ledger.engine.state import Payout, payout_of

Flag = Literal[
    "no_payout_named", "unknown_payout", "payout_closed", "other_partner", "other_currency"
]


def answer_settlement(draft: Draft, event: Recorded, fact: PayoutSettled) -> None:
    """Close the open payout that the settlement names, else book it as a foreign payment."""
    flag = _why_not(draft, fact.payout_id, fact.partner_id, fact.currency)
    payout = payout_of(draft.state, fact.payout_id or "")
    if flag is None and payout.status == "in_flight":
        _close(draft, event, payout, fact)
        return
    draft.emit(
        PaymentBooked(
            rule="D15.2",
            day=event.day,
            payout_id=fact.payout_id,
            partner_id=fact.partner_id,
            currency=fact.currency,
            paid=fact.amount,
            tax=fact.tax_amount,
            flag=flag or "payout_closed",
            posting_date=draft.ledger.posting_day(event.day),
            fact=event.position,
        )
    )


def _close(draft: Draft, event: Recorded, payout: Payout, fact: PayoutSettled) -> None:
    draft.emit(
        PayoutClosed(
            rule="D15.2",
            day=max(event.day, payout.cutoff),
            payout_id=payout.payout_id,
            partner_id=payout.partner_id,
            currency=payout.currency,
            outcome="settled",
            initiated=payout.amount,
            paid=fact.amount,
            tax=fact.tax_amount,
            flag=None if fact.amount == payout.amount else "amount_differs",
            posting_date=draft.ledger.posting_day(event.day),
            fact=event.position,
        )
    )


def answer_failure(draft: Draft, event: Recorded, fact: PayoutFailed) -> None:
    """Close an open payout as failed; of a settled one it is a return, once; else only a flag."""
    flag = _why_not(draft, fact.payout_id, fact.partner_id, None)
    payout = payout_of(draft.state, fact.payout_id)
    posting_date = draft.ledger.posting_day(event.day)
    if flag is not None or payout.status not in {"in_flight", "settled"}:
        draft.emit(
            PaymentBooked(
                rule="D15.2",
                day=event.day,
                payout_id=fact.payout_id,
                partner_id=fact.partner_id,
                currency=None,
                paid=0,
                tax=0,
                flag=flag or "payout_closed",
                posting_date=posting_date,
                fact=event.position,
            )
        )
        return
    returned = payout.status == "settled"
    draft.emit(
        PayoutClosed(
            rule="D15.2",
            day=max(event.day, payout.cutoff),
            payout_id=payout.payout_id,
            partner_id=payout.partner_id,
            currency=payout.currency,
            outcome="returned" if returned else "failed",
            initiated=0 if returned else payout.amount,
            paid=payout.paid if returned else 0,
            tax=payout.tax if returned else 0,
            posting_date=posting_date,
            fact=event.position,
        )
    )


def answer_wholesale(draft: Draft, event: Recorded, fact: WholesaleSettled) -> None:
    """Book what a white-label partner paid on the day that is open for it (D13, D16)."""
    draft.emit(
        WholesaleBooked(
            rule="D13",
            day=event.day,
            partner_id=fact.partner_id,
            currency=fact.currency,
            amount=fact.amount,
            posting_date=draft.ledger.posting_day(event.day),
            fact=event.position,
        )
    )


def _why_not(
    draft: Draft, payout_id: str | None, partner_id: str, currency: str | None
) -> Flag | None:
    """Why a message cannot be about the payout that it names, None if it can."""
    if payout_id is None:
        return "no_payout_named"
    payout = payout_of(draft.state, payout_id)
    if payout.status is None:
        return "unknown_payout"
    if payout.partner_id != partner_id:
        return "other_partner"
    if currency is not None and payout.currency != currency:
        return "other_currency"
    return None
