"""Why nothing was paid for a day of a client: ``commissions explain --client C --period DAY``.

What is due is decided by the engine, as a run recorded now would decide it. The reasons are told
beside it, from the same values, and must agree with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from events.lines import CommissionPosted, MarginPosted
from ledger.engine.agreements import in_tail
from ledger.engine.commissions import Account, posted_otherwise
from ledger.engine.differences import Due
from ledger.engine.invoices import paid_for, period_of_payment
from ledger.engine.posted import Period, Posted, is_paid, period_of, rivals_of
from ledger.engine.state import Client, Partner
from ledger.engine.subscriptions import period_starts
from ledger.errors import Refused
from replay.as_of import AsOf, Replay, Row
from replay.explaining import reasons
from replay.explaining.client import ClientAtHand
from replay.explaining.reasons import Ground, Reason, reason


@dataclass(frozen=True, slots=True)
class Answer:
    """Why one period brought what it did; ``start`` is None where there is no period on the day.

    ``expected`` is what a run through L, or through the day asked for where that is later, would
    post for it now, in minor units of ``currency``. ``agrees`` is False if the engine would post
    what the reasons exclude, or not post what none of them does.
    """

    subscription_id: str | None
    start: date | None
    end: date | None
    invoice_id: str | None
    payment_id: str | None
    partner_id: str | None
    reasons: tuple[Reason, ...]
    expected: int | None = None
    currency: str | None = None
    agrees: bool = True


@dataclass(frozen=True, slots=True)
class Missing:
    """The answers of a client's periods of a day, and every claim to the client."""

    client_id: str
    day: date
    accrued_through: date | None
    answers: tuple[Answer, ...]
    claims: tuple[Row, ...]

    @property
    def agrees(self) -> bool:
        """Whether every answer agrees with the engine."""
        return all(answer.agrees for answer in self.answers)

    def document(self) -> dict[str, object]:
        """Return it as JSON values: ``docs/explain.md`` names the members."""
        return {
            "client_id": self.client_id,
            "day": self.day,
            "accrued_through": self.accrued_through,
            "periods": [_members(answer) for answer in self.answers],
            "claims": list(self.claims),
            "agrees": self.agrees,
        }


def why_nothing(
    replay: Replay, client_id: str, subscription_id: str | None, day: date, at: AsOf
) -> Missing:
    """Tell why nothing was paid for the periods of a client that hold a day.

    By what was known at a place; of one subscription, or of all. Raises Refused for a place on the
    effective axis: what had happened by a day is what the day itself asks for.
    """
    if at.effective_at is not None:
        raise Refused("leave --effective-at out: the day of --period says what had happened")
    found = _Search(replay, ClientAtHand(replay, client_id, day, at), subscription_id, day, at)
    return Missing(
        client_id,
        day,
        found.hand.accrued_through,
        tuple(found.answers()),
        tuple(found.claims),
    )


class _Search:
    """Looks for the periods of a day, and why each brought what it did."""

    def __init__(
        self,
        replay: Replay,
        hand: ClientAtHand,
        subscription_id: str | None,
        day: date,
        at: AsOf,
    ) -> None:
        self.hand, self._wanted, self._day = hand, subscription_id, day
        self.claims = list(replay.claims(at, client_id=hand.client_id))
        self._conflicts = list(replay.conflicts(at, client_id=hand.client_id))
        self._client = hand.client or Client(hand.client_id)
        self._expected: dict[Period, tuple[int, str]] = {}
        for line in hand.lines():
            if isinstance(line, CommissionPosted | MarginPosted):
                self._expected[period_of(line)] = (line.amount, line.currency)

    def answers(self) -> Iterator[Answer]:
        """One for each period of the day, and for each subscription that has none."""
        if self.hand.client is None and not self.claims and not self.hand.posted:
            yield _none(None, reason("unknown_client"))
            return
        client = self._client
        periods = {period: end for period, end in self._periods(client) if self._wants(period[0])}
        for period in sorted(periods):
            yield self._answer(period, periods[period])
        named = {period[0] for period in periods}
        for name, subscription in sorted(client.subscriptions.items()):
            if self._wants(name) and name not in named:
                yield _none(name, *reasons.idle(client, name, subscription, self._day))
        if self._wanted is not None and self._wanted not in {*named, *client.subscriptions}:
            known = ", ".join(sorted(client.subscriptions)) or "none"
            told = f"the client has no subscription {self._wanted}; it has: {known}"
            yield _none(self._wanted, reason("unknown_subscription", told))
        elif not client.subscriptions and not periods:
            yield _none(None, *reasons.never_activated(client))

    def _wants(self, subscription_id: str) -> bool:
        return self._wanted in {None, subscription_id}

    def _periods(self, client: Client) -> Iterator[tuple[Period, date]]:
        """The periods that hold the day, with their last days: posted, paid for, or of a term.

        A term's where it is decided by schedule, or where nothing was paid for it.
        """
        for of_partner in self.hand.posted.values():
            for period, posted in of_partner.items():
                if period[1] <= self._day <= posted.first.service_end:
                    yield period, posted.first.service_end
        invoiced = set()
        for paid in self.hand.payments:
            payment = paid.payment
            name, start = payment.subscription_id, payment.period_start
            subscription = client.subscriptions.get(name)
            end, _ = period_of_payment(start, subscription.terms if subscription else ())
            if start <= self._day <= end and self._by_invoice(start):
                invoiced.add((name, start))
                yield paid_for(payment), end
        for name, subscription in client.subscriptions.items():
            for term in subscription.terms:
                for start, end in period_starts(term, None, self._day):
                    if start <= self._day <= end and (name, start) not in invoiced:
                        yield (name, start), end

    def _by_invoice(self, start: date) -> bool:
        """Whether the version that decides a period pays on invoices; no, if nobody holds it."""
        if not self.hand.ledger.programmes.on_invoices():
            return False
        account = self.hand.account(None)
        partner = self.hand.holder(account, start)
        if account is None or partner is None:
            return False
        return self.hand.accrual(partner).deciding(account, start).programme.accrual == "invoice"

    def _answer(self, period: Period, end: date) -> Answer:
        start = period[1]
        posted = {
            partner_id: of_partner[period]
            for (_, partner_id), of_partner in self.hand.posted.items()
            if period in of_partner
        }
        holder = self.hand.holder(self.hand.account(None), start)
        expected, currency = self._expected.get(period, (None, None))
        found = list(reasons.by_lines(posted))
        excluded: list[Reason] = []
        if not any(one.in_force for one in posted.values()):
            excluded = list(self._excluded(period, holder))
            due = expected is not None and not excluded
            found += [
                *excluded,
                *reasons.waiting(self.hand.ledger, start, self.hand.opening, due=due),
            ]
        return Answer(
            period[0],
            start,
            end,
            *(_invoice(period)),
            holder.partner_id if holder is not None else None,
            tuple(found),
            expected,
            currency,
            agrees=not (excluded and expected is not None)
            and bool(posted or excluded or expected is not None),
        )

    def _excluded(self, period: Period, holder: Partner | None) -> Iterator[Reason]:
        """Whatever keeps a period without a line from being due: none if it is."""
        start, ledger = period[1], self.hand.ledger
        if not ledger.posts_on(start):
            opened = Ground("opened", ledger.opened_on, self.hand.opening)
            yield reason("before_opening", f"the ledger was opened on {ledger.opened_on}", opened)
        account = self.hand.account(holder.partner_id if holder is not None else None)
        if account is None or self._client.standing.first_activated_on is None:
            yield from reasons.never_activated(self._client)
        elif holder is None:
            held = account.held_on(start)
            yield from reasons.without_holder(held, account, self.claims, self._conflicts)
        else:
            yield from self._of_holder(period, account, holder)

    def _of_holder(self, period: Period, account: Account, holder: Partner) -> Iterator[Reason]:
        start, held = period[1], account.held_on(period[1])
        accrual = self.hand.accrual(holder)
        programme = accrual.deciding(account, start).programme
        covered = in_tail(programme.agreement.tail, holder, start, held.since)
        if not holder.in_force_on(start) and not covered:
            yield reasons.without_agreement(holder, start)
        if programme.accrual == "invoice" and not self._is_paid(period):
            yield self._not_paid(period)
        if period[2:] and accrual.waits_for_tier(account, period):
            begun = Ground("first activation", account.first_activated_on, None)
            yield reason("waits_for_tier", "", begun)
        every = accrual.due(account)
        due = every.get(period)
        if due is not None and due.replaced and period not in self._expected:
            claim = Ground("claim", account.claimed_on, account.claim)
            yield reason("contest_instead", "", claim, Ground("counted", account.counted_on, None))
        rival = self._rival(account, every, period)
        if due is not None and rival is not None:
            yield reasons.in_force_elsewhere(rival)
        if due is None and not period[2:] and period in account.posted:
            yield from self._ended(period)

    def _rival(self, account: Account, due: Mapping[Period, Due], period: Period) -> Posted | None:
        """The first line that is in force in the place of a period's, if one is (D18.3)."""
        if period not in account.posted:
            own = posted_otherwise(account, due).get((*period[:2], is_paid(period)))
            if own is not None:
                return own
        names, rivals = rivals_of(account.client_id, period), self.hand.rivals
        return next((rivals[name] for name in names if name in rivals), None)

    def _ended(self, period: Period) -> Iterator[Reason]:
        """Why a period that was posted is none of the subscription's now, if it is none."""
        name, start = period[0], period[1]
        subscription = self._client.subscriptions[name]
        if not any(start in dict(period_starts(t, None, start)) for t in subscription.terms):
            yield from reasons.idle(self._client, name, subscription, start)

    def _is_paid(self, period: Period) -> bool:
        return any(
            (p.payment.invoice_id, p.payment.payment_id or "") == period[2:]
            for p in self.hand.payments
        )

    def _not_paid(self, period: Period) -> Reason:
        """No payment for the period; those of it that were retracted are named."""
        found = [
            Ground("retracted payment", payment.invoice_id, payment.position)
            for invoice in self.hand.invoices
            for payment in invoice.payments
            if payment.position in invoice.voided
            and (payment.subscription_id, payment.period_start) == period[:2]
        ]
        return reason("invoice_not_paid", "", *found)


def _none(subscription_id: str | None, *why: Reason) -> Answer:
    return Answer(subscription_id, None, None, None, None, None, why)


def _invoice(period: Period) -> tuple[str | None, str | None]:
    invoice_id, payment_id = period[2:] or (None, None)
    return invoice_id, payment_id or None


def _members(answer: Answer) -> dict[str, object]:
    return {
        "subscription_id": answer.subscription_id,
        "start": answer.start,
        "end": answer.end,
        "invoice_id": answer.invoice_id,
        "payment_id": answer.payment_id,
        "partner_id": answer.partner_id,
        "reasons": [
            {
                "name": each.name,
                "text": each.text,
                "grounds": [ground._asdict() for ground in each.grounds],
            }
            for each in answer.reasons
        ],
        "expected": answer.expected,
        "currency": answer.currency,
        "agrees": answer.agrees,
    }
