"""Commission lines, their late differences and waivers, client by client (D4.3, D5, D7 to D9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, NamedTuple

from events.base import Decision
from events.decisions import Term
from events.lines import (
    AdjustmentPosted,
    ClawbackWaived,
    CommissionPosted,
    DifferenceUnresolved,
    MarginPosted,
)
from events.values import Interval, TierName
from ledger.engine.agreements import in_tail
from ledger.engine.calendar import ONE_DAY, client_year
from ledger.engine.comparing import NOTHING, Compared, Worth, compare
from ledger.engine.contests import Claims, replaces_first_year
from ledger.engine.draft import programme_on
from ledger.engine.invoices import Paid, period_of_payment
from ledger.engine.money import share
from ledger.engine.posted import Period, Posted, period_of
from ledger.engine.state import Assignment, Ledger, Partner, Run
from ledger.engine.subscriptions import last_return, period_starts
from ledger.policy.programme import Programme
from ledger.policy.versions import Adopted


class Held(NamedTuple):
    """Who holds a client on a day: by which claim or assignment (a position), and since when."""

    partner_id: str | None
    by: int
    since: date | None


class Retraction(NamedTuple):
    """The last retraction of a fact about a client: the command's position, and the fact's."""

    command: int
    fact: int


class Account(NamedTuple):
    """A client as an accrual run takes it.

    ``touched``: a fact changed how it stands since the run before, or its partner's agreement
    changed: all of its periods are compared with ``posted``. Else only new periods can be due.
    ``claimed_on``, the day of ``claim``, is given where a rule may ask for it. ``payments`` are all
    of a touched client's, else those that no earlier run can have seen or been due (D8.2); empty
    where no programme pays on invoices. ``claimed_by`` holds it by ``claim``; ``assigned`` is
    finance's word on single days on, by day. ``counted_on`` is given if ``claimed_by`` counts it.
    ``unretracted`` is the client as it would be had nothing been retracted, if something was, by
    ``retraction`` (D9.5); ``rivals`` are the periods that another partner's first line is for.
    """

    client_id: str
    claimed_by: str | None
    claim: int
    first_activated_on: date
    terms: Mapping[str, tuple[Term, ...]]
    touched: bool
    posted: Mapping[Period, Posted] = MappingProxyType({})
    counted_on: date | None = None
    claimed_on: date | None = None
    payments: Sequence[Paid] = ()
    assigned: Sequence[Assignment] = ()
    unretracted: Account | None = None
    retraction: Retraction | None = None
    rivals: frozenset[Period] = frozenset()

    def held_on(self, day: date) -> Held:
        """Who holds the client on a day (D3.6)."""
        for assignment in reversed(self.assigned):
            if assignment.day <= day:
                return Held(assignment.partner_id, assignment.position, assignment.day)
        return Held(self.claimed_by, self.claim, self.claimed_on)


class _Due(NamedTuple):
    """A due period: its last day, what it is worth, and the facts that it rests on (D4.3, D8.2).

    ``replaced``: a contest stands in place of its commission (D10.2).
    """

    service_end: date
    interval: Interval
    base: int
    currency: str
    facts: tuple[int, ...]
    replaced: bool = False


class PartnerAccrual:
    """Decides the lines of one partner in one run; ``partner`` with the tiers of this run."""

    def __init__(self, ledger: Ledger, run: Run, partner: Partner) -> None:
        self._ledger, self._run, self._partner = ledger, run, partner
        self._on_invoices = ledger.programmes.on_invoices()
        self._founding = partner.enrolment is not None and partner.enrolment.founding
        # No line has an S before the opening, if there was one (D8.3).
        self._before = None if ledger.opened_on is None else ledger.opened_on - ONE_DAY
        self._versions: dict[date, Adopted] = {}
        adopted = [each for of_one in ledger.programmes.versions.values() for each in of_one]
        self._restarts = any(v.programme.client_year.restart != "never" for v in adopted)
        self._replaces = Claims(ledger.programmes).replace_commissions
        self._brands = bool(partner.brand)
        self._rates: dict[tuple[date, date, int], tuple[Adopted, TierName, Decimal, bool]] = {}

    def lines(self, account: Account) -> Iterator[Decision]:
        """The lines, differences and waivers of one client by (subscription, S) (D8.1)."""
        due = self._due(account)
        if not account.touched:
            for period in sorted(due):
                yield from self._first_line(account, period, due[period])
            return
        then = due if account.unretracted is None else self._due(account.unretracted)
        for period in sorted(due.keys() | account.posted.keys()):
            posted = account.posted.get(period)
            if posted is not None:
                yield from self._compare(account, posted, due.get(period), then.get(period))
            elif period not in account.rivals:
                yield from self._first_line(account, period, due[period])

    def in_force_after(self, account: Account) -> Iterator[Period]:
        """The periods whose first lines are in force once this run has corrected them (D18.3)."""
        due = self._due(account)
        then = due if account.unretracted is None else self._due(account.unretracted)
        for period, posted in account.posted.items():
            compared = self._compared(posted, due.get(period), then.get(period)) or Compared()
            taken = compared.taken.amount
            if _of_margin(posted):
                taken += compared.given.amount
            after = replace(
                posted,
                amount=posted.amount + compared.missing.amount - taken,
                taken_back=posted.taken_back or taken > 0,
            )
            if after.in_force:
                yield period

    def _due(self, account: Account) -> dict[Period, _Due]:
        """What is due by schedule, or by what was paid: the version of a period says which."""
        due = self._scheduled(account)
        if self._on_invoices:
            due = {key: it for key, it in due.items() if not self._by_invoice(account, key[1])}
            due.update(self._paid(account))
        return due

    def _scheduled(self, account: Account) -> dict[Period, _Due]:
        after = self._before if account.touched else self._run.previous
        due: dict[Period, _Due] = {}
        for name, terms in account.terms.items():
            for term in terms:
                held: Held | None = None
                for start, end in period_starts(term, after, self._run.through):
                    if held is None or account.assigned:
                        held = account.held_on(start)
                        facts = tuple(sorted({held.by, term.activation, term.price_fact}))
                    if self._earns(account, held, start):
                        replaced = self._replaces and self._is_replaced(account, start)
                        due[name, start] = _Due(
                            end, term.interval, term.price, term.currency, facts, replaced
                        )
        return due

    def _paid(self, account: Account) -> Iterator[tuple[Period, _Due]]:
        """The payments that are due: whatever the subscription did meanwhile (D8.2)."""
        for paid in account.payments:
            payment = paid.payment
            start = payment.period_start
            held = account.held_on(start)
            if (
                start > self._run.through
                or not self._ledger.posts_on(start)
                or not self._by_invoice(account, start)
                or not self._earns(account, held, start)
            ):
                continue
            name = payment.subscription_id
            end, interval = period_of_payment(start, account.terms.get(name, ()))
            facts = tuple(sorted({held.by, payment.position, *paid.refunds}))
            key = (name, start, payment.invoice_id, payment.payment_id or "")
            replaced = self._replaces and self._is_replaced(account, start)
            yield key, _Due(end, interval, paid.net, payment.currency, facts, replaced)

    def _by_invoice(self, account: Account, start: date) -> bool:
        return self._deciding(account, start).programme.accrual == "invoice"

    def _earns(self, account: Account, held: Held, start: date) -> bool:
        """Whether the partner earns a line with this S: it holds the client and has an agreement.

        After the agreement's end there may be a tail (D4.4).
        """
        if held.partner_id != self._partner.partner_id or not self._ledger.posts_on(start):
            return False
        if self._partner.in_force_on(start):
            return True
        tail = self._deciding(account, start).programme.agreement.tail
        return in_tail(tail, self._partner, start, held.since)

    def _is_replaced(self, account: Account, start: date) -> bool:
        """Whether a contest stands in place of the commission: in client year 1 (D10.2)."""
        return (
            account.claimed_by == self._partner.partner_id
            and self._year(account, start) == 1
            and replaces_first_year(
                self._ledger, self._partner, account.counted_on, account.claimed_on
            )
        )

    def _deciding(self, account: Account, start: date) -> Adopted:
        """The version that decides a period (D7.2)."""
        version = self._version(start)
        if version.programme.version_basis == "activation_date":
            version = self._version(account.first_activated_on)
        return version

    def _year(self, account: Account, start: date) -> int:
        """The client year of a period (D5)."""
        first = account.first_activated_on
        if self._restarts:
            restart = self._deciding(account, start).programme.client_year.restart
            if restart == "reactivation":
                first = last_return(account.terms, first, start)
        return client_year(first, start)

    def _version(self, day: date) -> Adopted:
        version = self._versions.get(day)
        if version is None:
            version = self._versions[day] = programme_on(self._ledger, self._partner, day)
        return version

    def _terms(
        self, start: date, activated: date, year: int
    ) -> tuple[Adopted, TierName, Decimal, bool]:
        """Version, tier and rate of a period, and whether it gives a margin (D7, D13)."""
        key = (start, activated if self._needs_activation(start) else start, year)
        found = self._rates.get(key)
        if found is None:
            version = self._version(start)
            if version.programme.version_basis == "activation_date":
                version = self._version(activated)
            by_activation = version.programme.rate_basis == "activation_date"
            tier = self._partner.tier_on(activated if by_activation else start)
            brand = self._brand(version.programme, start) if self._brands else None
            rate = brand or version.programme.rate(tier, year, self._founding)
            found = self._rates[key] = (version, tier, rate, brand is not None)
        return found

    def _brand(self, programme: Programme, start: date) -> Decimal | None:
        """The share that the partner keeps under its own brand, None without one (D13)."""
        terms = programme.white_label
        if terms is None or not self._partner.branded_on(start):
            return None
        kept = terms.basis == "kept" or self._partner.tier_on(start) == "strategic"
        return terms.share if kept else None

    def _needs_activation(self, start: date) -> bool:
        programme = self._version(start).programme
        return "activation_date" in (programme.version_basis, programme.rate_basis)

    def _first_line(
        self, account: Account, period: Period, due: _Due
    ) -> Iterator[CommissionPosted | MarginPosted]:
        start = period[1]
        invoice_id, payment_id = period[2:] or (None, None)
        year = self._year(account, start)
        version, tier, rate, is_margin = self._terms(start, account.first_activated_on, year)
        if due.replaced and not is_margin:
            return
        cls = MarginPosted if is_margin else CommissionPosted
        yield cls.trusted(
            rule="D13" if is_margin else "D7",
            programme_version=version.version,
            day=start,
            partner_id=self._partner.partner_id,
            posting_date=self._ledger.posting_day(start),
            amount=share(due.base, rate),
            currency=due.currency,
            facts=due.facts,
            run=self._run.position,
            client_id=account.client_id,
            subscription_id=period[0],
            service_end=due.service_end,
            interval=due.interval,
            client_year=year,
            tier=tier,
            base=due.base,
            rate=rate,
            line=None,
            invoice_id=invoice_id,
            payment_id=payment_id or None,
        )

    def _compared(self, posted: Posted, due: _Due | None, then: _Due | None) -> Compared | None:
        """P against V and U; None where finance settles a period (D9)."""
        due, then = _as_posted(posted, due), _as_posted(posted, then)
        now = _worth(posted, due)
        if posted.adjusted or _why_finance_settles(posted, due, now.amount) != "settled":
            return None
        # Another currency or interval without the retraction: U is unknown, nothing is taken back.
        if then is not None and _why_changed(posted, then) is not None:
            then = None
        return compare(Worth(posted.amount, posted.base), posted.waived, now, _worth(posted, then))

    def _compare(
        self, account: Account, posted: Posted, due: _Due | None, then: _Due | None
    ) -> Iterator[Decision]:
        """A posted period against what it would be now: a difference, a waiver, or nothing (D9)."""
        if then is due and due is not None and _is_unchanged(posted, due):
            return
        compared = self._compared(posted, due, then)
        due = _as_posted(posted, due)
        yield from self._listed(posted, due)
        if compared is None:
            return
        if compared.missing.amount and due is not None:
            if posted.in_force or period_of(posted.first) not in account.rivals:
                missing = compared.missing.amount
                yield self._late(type(posted.first), "D9.1", posted, due, missing)
            return
        if compared.given.amount and _of_margin(posted):
            facts = due.facts if due else posted.first.facts
            yield self._take_back("D13", posted, compared.given, facts, None)
        elif compared.given.amount:
            yield self._late(ClawbackWaived, "D9.2", posted, due, compared.given.amount)
        if compared.taken.amount and account.retraction is not None:
            command, fact = account.retraction
            yield self._take_back("D9.5", posted, compared.taken, (fact,), command)

    def _listed(self, posted: Posted, due: _Due | None) -> Iterator[DifferenceUnresolved]:
        """A period that is finance's to settle is listed when that changes (D9.3, D9.4)."""
        value = _worth(posted, due).amount
        reason = _why_finance_settles(posted, due, value)
        listed = posted.listed[1] if posted.listed else "settled"
        if (reason != "settled" and posted.listed != (value, reason)) or (
            reason == "settled" and listed != "settled"
        ):
            yield self._unresolved(posted, due, value, reason)

    def _late(
        self,
        cls: type[CommissionPosted | MarginPosted | ClawbackWaived],
        rule: str,
        posted: Posted,
        due: _Due | None,
        amount: int,
    ) -> Decision:
        """A difference or a waiver: rate, year, tier and end of the first line stay (D9.3)."""
        first = posted.first
        base = first.base
        if cls is not ClawbackWaived and due is not None:
            base = max(0, due.base - posted.base)
        return cls(
            rule=rule,
            programme_version=first.programme_version,
            day=first.day,
            partner_id=first.partner_id,
            posting_date=self._ledger.posting_day(first.day),
            amount=amount,
            currency=first.currency,
            facts=due.facts if due else first.facts,
            run=self._run.position,
            client_id=first.client_id,
            subscription_id=first.subscription_id,
            service_end=first.service_end,
            interval=first.interval,
            client_year=first.client_year,
            tier=first.tier,
            base=base,
            rate=first.rate,
            line=posted.line,
            invoice_id=first.invoice_id,
            payment_id=first.payment_id,
        )

    def _take_back(
        self,
        rule: Literal["D9.5", "D13"],
        posted: Posted,
        taken: Worth,
        facts: tuple[int, ...],
        command: int | None,
    ) -> AdjustmentPosted:
        """What rested on a retracted fact (D9.5), or what a margin was too much (D13).

        The money of a margin is the partner's own, so it is not waived.
        """
        first = posted.first
        return AdjustmentPosted(
            rule=rule,
            programme_version=first.programme_version,
            day=first.day,
            partner_id=first.partner_id,
            posting_date=self._ledger.posting_day(first.day),
            amount=-taken.amount,
            currency=first.currency,
            facts=facts,
            run=self._run.position,
            reason="retracted" if rule == "D9.5" else "margin",
            command=command,
            line=posted.line,
            client_id=first.client_id,
            subscription_id=first.subscription_id,
            base=taken.base,
            of_margin=_of_margin(posted),
        )

    def _unresolved(
        self, posted: Posted, due: _Due | None, value: int, reason: str
    ) -> DifferenceUnresolved:
        return DifferenceUnresolved.model_validate(
            {
                "rule": "D9.4" if posted.adjusted else "D9.3",
                "day": posted.first.day,
                "partner_id": posted.first.partner_id,
                "client_id": posted.first.client_id,
                "subscription_id": posted.first.subscription_id,
                "line": posted.line,
                "due": value,
                "due_currency": due.currency if due else posted.first.currency,
                "posted": posted.amount,
                "currency": posted.first.currency,
                "reason": reason,
                "run": self._run.position,
            }
        )


def _is_unchanged(posted: Posted, due: _Due) -> bool:
    """Whether a period is as its first line has it, and nothing came after that."""
    first = posted.first
    return (
        due.base == first.base
        and posted.amount == first.amount
        and not posted.waived
        and posted.listed is None
        and _as_posted(posted, due) is not None
        and _why_changed(posted, due) is None
    )


def _of_margin(posted: Posted) -> bool:
    return isinstance(posted.first, MarginPosted)


def _as_posted(posted: Posted, due: _Due | None) -> _Due | None:
    """What is due in the kind of the first line: a contest replaces commissions only (D10.2)."""
    replaced = due is not None and due.replaced and not _of_margin(posted)
    return None if replaced else due


def _worth(posted: Posted, due: _Due | None) -> Worth:
    """What a period is worth at the rate of its first line, nothing if it is not due (D9)."""
    return Worth(share(due.base, posted.first.rate), due.base) if due is not None else NOTHING


def _why_changed(posted: Posted, due: _Due) -> str | None:
    """What of a period can be no difference: its currency, its interval (D9.3)."""
    if due.currency != posted.first.currency:
        return "currency_changed"
    # What was paid is worth the same, whatever stretch of days it is for.
    if posted.first.invoice_id is None and due.interval != posted.first.interval:
        return "interval_changed"
    return None


def _why_finance_settles(posted: Posted, due: _Due | None, value: int) -> str:
    """Why a changed period is left to finance (D9.3, D9.4), ``settled`` if it is not.

    What is settled of a period is P less its waivers: V as the last run left it.
    """
    changed = _why_changed(posted, due) if due is not None else None
    if changed is not None:
        return changed
    if posted.adjusted and value != posted.amount - posted.waived:
        return "adjusted"
    return "settled"
