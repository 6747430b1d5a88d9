"""Decisions about payments: payouts (D15), what closed none, and what brands' partners paid (D13).

Amounts are integer minor units; members named ``fact`` and ``run`` hold positions.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from events.decisions import RuledDecision
from events.values import Currency, Day, Identifier, Position, Total


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


class WholesaleBooked(RuledDecision):
    """What a white-label partner paid of what it owes, with its day in a statement (D13, D16)."""

    type: ClassVar[str] = "WholesaleBooked"
    partner_id: Identifier
    currency: Currency
    amount: Annotated[Total, Field(ge=0)]
    posting_date: Day
    fact: Position

    @property
    def stream(self) -> str:
        """``payments:<partner_id>``."""
        return f"payments:{self.partner_id}"
