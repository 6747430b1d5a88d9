"""Payouts, balances and the trial balance of the model (D15, D17).

Agreed readings:

- A payout once initiated for (partner, currency, C) is never initiated again, though it failed.
- A failure must name its payout's partner, else it is flagged and has no effect.
- All that was paid is subtracted, whatever its day; lines only with a posting day up to C.
- To hold a partner that is held, or release one that is not, changes nothing and is no error.
- A pair whose only money events are margins or wholesale settlements has a balance, of zeros.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date

from events.partners import PayoutFailed, PayoutSettled, WholesaleSettled
from ledger.policy.programme import Programme
from tests.model.days import is_month_end, is_quarter_end
from tests.model.run import tier_on
from tests.model.seen import Seen
from tests.model.tiers import Change
from tests.model.views import Balance, LineView, PayoutView

Pair = tuple[str, str]
"""A partner and a currency."""


@dataclass(frozen=True)
class Posting:
    """An amount debited to one account and credited to another, in minor units."""

    debit: str
    credit: str
    currency: str
    amount: int


@dataclass
class Payments:
    """All payouts by their id, and what was paid."""

    payouts: dict[str, PayoutView] = field(default_factory=dict)
    taxes: dict[str, int] = field(default_factory=dict)
    paid: Counter[Pair] = field(default_factory=Counter)
    pairs: set[Pair] = field(default_factory=set)
    postings: list[Posting] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    """The partners whose payouts are suspended."""

    def is_due(self, changes: list[Change], programme: Programme, cutoff: date) -> bool:
        """D15.1: whether a partner is paid on a cut-off by its tier on that day."""
        if cutoff < changes[0].first_day:
            return False
        if programme.cadence(tier_on(changes, cutoff)) == "month":
            return is_month_end(cutoff)
        return is_quarter_end(cutoff)

    def initiate(
        self, partner_id: str, cutoff: date, programme: Programme, lines: list[LineView]
    ) -> None:
        """Initiate the payouts of one partner, one a currency."""
        for pair in sorted(self.balances(lines)):
            currency = pair[1]
            name = payout_id(partner_id, currency, cutoff)
            if pair[0] != partner_id or name in self.payouts:
                continue
            amount = sum(
                line.amount
                for line in lines
                if (line.partner_id, line.currency) == pair
                and line.is_payable
                and line.posting_date <= cutoff
            )
            amount -= self.paid[pair] + self._in_flight(pair)
            if amount > programme.minimum(currency):
                self.payouts[name] = PayoutView(partner_id, currency, cutoff, amount)
                self._post("partner_payable", "payouts_in_flight", currency, amount)

    def hear(self, seen: Seen) -> None:
        """D15.2: what a settlement or failure closes."""
        match seen.message.data:
            case PayoutSettled() as settled:
                self._settle(settled)
            case PayoutFailed() as failed:
                self._fail(failed)
            case WholesaleSettled() as settled:
                self.pairs.add((settled.partner_id, settled.currency))
                self._post("bank", "partner_receivable", settled.currency, settled.amount)

    def _settle(self, fact: PayoutSettled) -> None:
        pair = (fact.partner_id, fact.currency)
        payout = self.payouts.get(fact.payout_id or "")
        self.pairs.add(pair)
        self.paid[pair] += fact.amount
        self._post("input_vat", "bank", fact.currency, fact.tax_amount)
        if payout and payout.status == "in_flight" and pair == (payout.partner_id, payout.currency):
            assert fact.payout_id is not None
            self.payouts[fact.payout_id] = replace(
                payout,
                status="settled",
                settled_amount=fact.amount,
                flagged=fact.amount != payout.amount,
            )
            self.taxes[fact.payout_id] = fact.tax_amount
            self._post("payouts_in_flight", "bank", fact.currency, payout.amount)
            self._post("partner_payable", "bank", fact.currency, fact.amount - payout.amount)
        else:
            self._post("partner_payable", "bank", fact.currency, fact.amount)

    def _fail(self, fact: PayoutFailed) -> None:
        payout = self.payouts.get(fact.payout_id)
        if payout is None or payout.partner_id != fact.partner_id or payout.status == "failed":
            return
        if payout.status == "in_flight":
            self._post("payouts_in_flight", "partner_payable", payout.currency, payout.amount)
        else:
            self.paid[payout.partner_id, payout.currency] -= payout.settled_amount
            self._post("bank", "partner_payable", payout.currency, payout.settled_amount)
            self._post("bank", "input_vat", payout.currency, self.taxes[fact.payout_id])
        self.payouts[fact.payout_id] = replace(payout, status="failed")

    def _in_flight(self, pair: Pair) -> int:
        return sum(
            payout.amount
            for payout in self.payouts.values()
            if payout.status == "in_flight" and (payout.partner_id, payout.currency) == pair
        )

    def _post(self, debit: str, credit: str, currency: str, amount: int) -> None:
        self.postings.append(Posting(debit, credit, currency, amount))

    def balances(self, lines: list[LineView]) -> dict[Pair, Balance]:
        """The balance of each partner and currency that ever had a money event."""
        pairs = {(line.partner_id, line.currency) for line in lines} | self.pairs

        def total(pair: Pair, *, earned: bool) -> int:
            return sum(
                line.amount
                for line in lines
                if line.is_payable
                and line.is_earned == earned
                and (line.partner_id, line.currency) == pair
            )

        return {
            pair: Balance(
                earned=total(pair, earned=True),
                adjusted=total(pair, earned=False),
                paid=self.paid[pair],
                in_flight=self._in_flight(pair),
            )
            for pair in sorted(pairs)
        }

    def trial_balance(self, lines: list[LineView]) -> dict[tuple[str, str], int]:
        """D17: debit - credit by account and currency, those of 0 left out."""
        sums: Counter[tuple[str, str]] = Counter()
        for posting in [*_postings(lines), *self.postings]:
            sums[posting.debit, posting.currency] += posting.amount
            sums[posting.credit, posting.currency] -= posting.amount
        return {account: amount for account, amount in sums.items() if amount}


def _postings(lines: list[LineView]) -> Iterator[Posting]:
    """The postings of lines (D17)."""
    for line in lines:
        if line.is_payable:
            debit = "opening_balance" if line.rule == "D8.3" else "commission_expense"
            yield Posting(debit, "partner_payable", line.currency, line.amount)
        elif line.kind == "margin" or line.of_margin:
            # A take-back shows the base taken back, and its amount is negative.
            base = line.base or 0
            owed = -base - line.amount if line.of_margin else base - line.amount
            yield Posting("partner_receivable", "wholesale_revenue", line.currency, owed)


def payout_id(partner_id: str, currency: str, cutoff: date) -> str:
    """The id of a payout, a function of partner, currency and cut-off (interfaces)."""
    digest = hashlib.sha256(partner_id.encode()).hexdigest()[:20]
    return f"po-{cutoff:%Y%m%d}-{currency}-{digest}"
