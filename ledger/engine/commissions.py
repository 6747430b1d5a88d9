"""Commission lines, their late differences and waivers, client by client (D4.3, D5, D7, D9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from events.base import Decision
from events.decisions import Term
from events.lines import (
    ClawbackWaived,
    CommissionPosted,
    DifferenceUnresolved,
)
from events.values import TierName
from ledger.engine.agreements import in_tail
from ledger.engine.calendar import client_year
from ledger.engine.contests import Claims, replaces_first_year
from ledger.engine.draft import programme_on
from ledger.engine.money import share
from ledger.engine.state import Ledger, Partner, Run
from ledger.engine.subscriptions import last_return, period_starts
from ledger.policy.versions import Adopted

Period = tuple[str, date]
"""A period of a client: (subscription, S)."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What is posted for one period: its first line, and the sums over all of its lines.

    ``amount`` is P, ``base`` the bases posted, ``waived`` the waivers, in minor units.
    ``adjusted``: finance named a line of it, so it is finance's (D9.4); ``listed`` is what was last
    listed for it, V and the reason.
    """

    line: int
    first: CommissionPosted
    amount: int
    base: int
    waived: int = 0
    adjusted: bool = False
    listed: tuple[int, str] | None = None


class Account(NamedTuple):
    """A client as an accrual run takes it.

    ``touched``: a fact changed how it stands since the run before, or its partner's agreement
    changed: all of its periods are compared with ``posted``. Else only new periods can be due.
    ``claimed_on``, the day of ``claim``, is given where a rule may ask for it.
    """

    client_id: str
    claim: int
    first_activated_on: date
    terms: Mapping[str, tuple[Term, ...]]
    touched: bool
    posted: Mapping[Period, Posted] = MappingProxyType({})
    counted_on: date | None = None
    claimed_on: date | None = None


class _Due(NamedTuple):
    """A due period: the day it ends and the term that it is due under (D4.3)."""

    service_end: date
    term: Term


class PartnerAccrual:
    """Decides the lines of one partner in one run; ``partner`` with the tiers of this run."""

    def __init__(self, ledger: Ledger, run: Run, partner: Partner) -> None:
        self._ledger, self._run, self._partner = ledger, run, partner
        self._founding = partner.enrolment is not None and partner.enrolment.founding
        self._versions: dict[date, Adopted] = {}
        adopted = [each for of_one in ledger.programmes.versions.values() for each in of_one]
        self._restarts = any(v.programme.client_year.restart != "never" for v in adopted)
        self._replaces = Claims(ledger.programmes).replace_commissions
        self._rates: dict[tuple[date, date, int], tuple[Adopted, TierName, Decimal]] = {}

    def lines(self, account: Account) -> Iterator[Decision]:
        """The lines, differences and waivers of one client by (subscription, S) (D8.1)."""
        due = self._due(account)
        if not account.touched:
            for period in sorted(due):
                yield self._first_line(account, period, due[period])
            return
        for period in sorted(due.keys() | account.posted.keys()):
            posted = account.posted.get(period)
            if posted is None:
                yield self._first_line(account, period, due[period])
            else:
                yield from self._compare(account, period, posted, due.get(period))

    def _due(self, account: Account) -> dict[Period, _Due]:
        after = None if account.touched else self._run.previous
        return {
            (name, start): _Due(end, term)
            for name, terms in account.terms.items()
            for term in terms
            for start, end in period_starts(term, after, self._run.through)
            if self._earns(account, start)
        }

    def _earns(self, account: Account, start: date) -> bool:
        """Whether the partner earns a line with this S: it has an agreement, or a tail (D4.4).

        A contest may stand in place of the commissions of client year 1 (D10.2).
        """
        if not self._partner.in_force_on(start):
            tail = self._deciding(account, start).programme.agreement.tail
            if not in_tail(tail, self._partner, start, account.claimed_on):
                return False
        if not self._replaces or self._year(account, start) > 1:
            return True
        return not replaces_first_year(
            self._ledger, self._partner, account.counted_on, account.claimed_on
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

    def _terms(self, start: date, activated: date, year: int) -> tuple[Adopted, TierName, Decimal]:
        """Version, tier and rate of a period (D7)."""
        key = (start, activated if self._needs_activation(start) else start, year)
        found = self._rates.get(key)
        if found is None:
            version = self._version(start)
            if version.programme.version_basis == "activation_date":
                version = self._version(activated)
            by_activation = version.programme.rate_basis == "activation_date"
            tier = self._partner.tier_on(activated if by_activation else start)
            rate = version.programme.rate(tier, year, self._founding)
            found = self._rates[key] = (version, tier, rate)
        return found

    def _needs_activation(self, start: date) -> bool:
        programme = self._version(start).programme
        return "activation_date" in (programme.version_basis, programme.rate_basis)

    def _first_line(self, account: Account, period: Period, due: _Due) -> CommissionPosted:
        name, start = period
        term = due.term
        year = self._year(account, start)
        version, tier, rate = self._terms(start, account.first_activated_on, year)
        return CommissionPosted.trusted(
            rule="D7",
            programme_version=version.version,
            day=start,
            partner_id=self._partner.partner_id,
            posting_date=self._ledger.posting_day(start),
            amount=share(term.price, rate),
            currency=term.currency,
            facts=_facts(account, term),
            run=self._run.position,
            client_id=account.client_id,
            subscription_id=name,
            service_end=due.service_end,
            interval=term.interval,
            client_year=year,
            tier=tier,
            base=term.price,
            rate=rate,
            line=None,
        )

    def _compare(
        self, account: Account, period: Period, posted: Posted, due: _Due | None
    ) -> Iterator[Decision]:
        """A posted period against what it would be now: a difference, a waiver, or nothing (D9)."""
        first = posted.first
        value = share(due.term.price, first.rate) if due else 0
        missing = value - posted.amount
        given = posted.amount - value - posted.waived
        reason = _why_finance_settles(posted, due, value)
        listed = posted.listed[1] if posted.listed else "settled"
        if (reason != "settled" and posted.listed != (value, reason)) or (
            reason == "settled" and listed != "settled"
        ):
            yield self._unresolved(period, posted, due, value, reason)
        if reason != "settled" or posted.adjusted:
            return
        if missing > 0 and due is not None:
            yield self._late(CommissionPosted, "D9.1", account, posted, due, missing)
        elif given > 0:
            yield self._late(ClawbackWaived, "D9.2", account, posted, due, given)

    def _late(
        self,
        cls: type[CommissionPosted | ClawbackWaived],
        rule: str,
        account: Account,
        posted: Posted,
        due: _Due | None,
        amount: int,
    ) -> Decision:
        """A difference or a waiver: rate, year, tier and end of the first line stay (D9.3)."""
        first = posted.first
        base = first.base
        if cls is CommissionPosted and due is not None:
            base = max(0, due.term.price - posted.base)
        return cls(
            rule=rule,
            programme_version=first.programme_version,
            day=first.day,
            partner_id=first.partner_id,
            posting_date=self._ledger.posting_day(first.day),
            amount=amount,
            currency=first.currency,
            facts=_facts(account, due.term) if due else first.facts,
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
        )

    def _unresolved(
        self, period: Period, posted: Posted, due: _Due | None, value: int, reason: str
    ) -> DifferenceUnresolved:
        return DifferenceUnresolved.model_validate(
            {
                "rule": "D9.4" if posted.adjusted else "D9.3",
                "day": period[1],
                "partner_id": posted.first.partner_id,
                "client_id": posted.first.client_id,
                "subscription_id": period[0],
                "line": posted.line,
                "due": value,
                "due_currency": due.term.currency if due else posted.first.currency,
                "posted": posted.amount,
                "currency": posted.first.currency,
                "reason": reason,
                "run": self._run.position,
            }
        )


def _why_finance_settles(posted: Posted, due: _Due | None, value: int) -> str:
    """Why a changed period is left to finance (D9.3, D9.4), ``settled`` if it is not.

    What is settled of a period is P less its waivers: V as the last run left it.
    """
    if due is not None and due.term.currency != posted.first.currency:
        return "currency_changed"
    if due is not None and due.term.interval != posted.first.interval:
        return "interval_changed"
    if posted.adjusted and value != posted.amount - posted.waived:
        return "adjusted"
    return "settled"


def _facts(account: Account, term: Term) -> tuple[int, ...]:
    """The facts that a period's line rests on: claim, activation, price."""
    return tuple(sorted({account.claim, term.activation, term.price_fact}))
