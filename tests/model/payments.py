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
from typing import Any, NamedTuple

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
    """An amount debited to one account and credited to another, in minor units, of a day."""

    day: date
    debit: str
    credit: str
    currency: str
    amount: int


class Move(NamedTuple):
    """By how much a fact or payout of a day changed what a pair was paid and has in flight."""

    day: date
    pair: Pair
    paid: int = 0
    in_flight: int = 0


class Closing(NamedTuple):
    """What a settlement or failure of a day changed in how its payout is shown."""

    day: date
    changes: dict[str, Any]


@dataclass
class Payments:
    """All payouts by their id, and what was paid."""

    payouts: dict[str, PayoutView] = field(default_factory=dict)
    taxes: dict[str, int] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    closings: dict[str, list[Closing]] = field(default_factory=dict)
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
            amount -= sum(self._moved(pair))
            if amount > programme.minimum(currency):
                self.payouts[name] = PayoutView(partner_id, currency, cutoff, amount)
                self.closings[name] = []
                self.moves.append(Move(cutoff, pair, in_flight=amount))
                self._post(cutoff, "partner_payable", "payouts_in_flight", currency, amount)

    def hear(self, seen: Seen) -> None:
        """D15.2: what a settlement or failure closes."""
        match seen.message.data:
            case PayoutSettled() as settled:
                self._settle(settled, seen.day)
            case PayoutFailed() as failed:
                self._fail(failed, seen.day)
            case WholesaleSettled() as settled:
                self.moves.append(Move(seen.day, (settled.partner_id, settled.currency)))
                self._post(seen.day, "bank", "partner_receivable", settled.currency, settled.amount)

    def _settle(self, fact: PayoutSettled, day: date) -> None:
        pair = (fact.partner_id, fact.currency)
        payout = self.payouts.get(fact.payout_id or "")
        if payout and payout.status == "in_flight" and pair == (payout.partner_id, payout.currency):
            assert fact.payout_id is not None
            day = max(day, payout.cutoff)
            flagged = fact.amount != payout.amount
            changes = {"status": "settled", "settled_amount": fact.amount, "flagged": flagged}
            self._close(fact.payout_id, day, changes)
            self.moves.append(Move(day, pair, fact.amount, -payout.amount))
            self.taxes[fact.payout_id] = fact.tax_amount
            self._post(day, "payouts_in_flight", "bank", fact.currency, payout.amount)
            self._post(day, "partner_payable", "bank", fact.currency, fact.amount - payout.amount)
        else:
            self.moves.append(Move(day, pair, fact.amount))
            self._post(day, "partner_payable", "bank", fact.currency, fact.amount)
        self._post(day, "input_vat", "bank", fact.currency, fact.tax_amount)

    def _fail(self, fact: PayoutFailed, day: date) -> None:
        payout = self.payouts.get(fact.payout_id)
        if payout is None or payout.partner_id != fact.partner_id or payout.status == "failed":
            return
        day, currency = max(day, payout.cutoff), payout.currency
        pair = (payout.partner_id, currency)
        if payout.status == "in_flight":
            self.moves.append(Move(day, pair, in_flight=-payout.amount))
            self._post(day, "payouts_in_flight", "partner_payable", currency, payout.amount)
        else:
            self.moves.append(Move(day, pair, paid=-payout.settled_amount))
            self._post(day, "bank", "partner_payable", currency, payout.settled_amount)
            self._post(day, "bank", "input_vat", currency, self.taxes[fact.payout_id])
        self._close(fact.payout_id, day, {"status": "failed"})

    def _close(self, name: str, day: date, changes: dict[str, Any]) -> None:
        self.payouts[name] = replace(self.payouts[name], **changes)
        self.closings[name].append(Closing(day, changes))

    def _moved(self, pair: Pair, until: date = date.max) -> tuple[int, int]:
        """What a pair was paid, and has in flight, by a day."""
        moves = [move for move in self.moves if move.pair == pair and move.day <= until]
        return sum(move.paid for move in moves), sum(move.in_flight for move in moves)

    def _post(self, day: date, debit: str, credit: str, currency: str, amount: int) -> None:
        self.postings.append(Posting(day, debit, credit, currency, amount))

    def payouts_by(self, until: date) -> list[PayoutView]:
        """The payouts with a cut-off up to a day, with what had become of each by then."""
        found: list[PayoutView] = []
        for name, last in self.payouts.items():
            if last.cutoff <= until:
                view = PayoutView(last.partner_id, last.currency, last.cutoff, last.amount)
                for closing in self.closings[name]:
                    if closing.day <= until:
                        view = replace(view, **closing.changes)
                found.append(view)
        return found

    def balances(self, lines: list[LineView], until: date = date.max) -> dict[Pair, Balance]:
        """The balance of each partner and currency that had a money event by a day."""
        lines = [line for line in lines if line.service_date <= until]
        pairs = {(line.partner_id, line.currency) for line in lines}
        pairs |= {move.pair for move in self.moves if move.day <= until}

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
                total(pair, earned=True), total(pair, earned=False), *self._moved(pair, until)
            )
            for pair in sorted(pairs)
        }

    def trial_balance(
        self, lines: list[LineView], until: date = date.max
    ) -> dict[tuple[str, str], int]:
        """D17: debit - credit by account and currency, without those of 0, by a day."""
        sums: Counter[tuple[str, str]] = Counter()
        for posting in [*_postings(lines), *self.postings]:
            if posting.day > until:
                continue
            sums[posting.debit, posting.currency] += posting.amount
            sums[posting.credit, posting.currency] -= posting.amount
        return {account: amount for account, amount in sums.items() if amount}


def _postings(lines: list[LineView]) -> Iterator[Posting]:
    """The postings of lines (D17)."""
    for line in lines:
        if line.is_payable:
            debit = "opening_balance" if line.rule == "D8.3" else "commission_expense"
            yield Posting(line.service_date, debit, "partner_payable", line.currency, line.amount)
        elif line.kind == "margin" or line.of_margin:
            # A take-back shows the base taken back, and its amount is negative.
            base = line.base or 0
            owed = -base - line.amount if line.of_margin else base - line.amount
            yield Posting(
                line.service_date, "partner_receivable", "wholesale_revenue", line.currency, owed
            )


def payout_id(partner_id: str, currency: str, cutoff: date) -> str:
    """The id of a payout, a function of partner, currency and cut-off (interfaces)."""
    digest = hashlib.sha256(partner_id.encode()).hexdigest()[:20]
    return f"po-{cutoff:%Y%m%d}-{currency}-{digest}"
