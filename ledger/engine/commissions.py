"""Commission lines, their late differences and waivers, client by client (D4.3, D5, D7 to D9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from events.base import Decision
from events.lines import (
    CommissionPosted,
    MarginPosted,
)
from ledger.engine.agreements import in_tail
from ledger.engine.calendar import ONE_DAY, add_days, client_year
from ledger.engine.comparing import Compared
from ledger.engine.contests import any_replaces, replaces_first_year
from ledger.engine.differences import (
    Differences,
    Due,
    compared,
    is_owed,
    of_margin,
)
from ledger.engine.draft import programme_on
from ledger.engine.invoices import Paid, paid_for, period_of_payment
from ledger.engine.money import share
from ledger.engine.posted import Name, Period, Posted, is_paid, names_of, rivals_of
from ledger.engine.state import Assignment, Ledger, Partner, Run
from ledger.engine.subscriptions import Priced, last_return, period_starts
from ledger.policy.programme import Programme
from ledger.policy.versions import Adopted

_NONE: AbstractSet[Period] = frozenset()


class Held(NamedTuple):
    """Who holds a client on a day: by which claim or assignment (a position), and since when."""

    partner_id: str | None
    by: int
    since: date | None


class Account(NamedTuple):
    """A client as an accrual run takes it.

    ``touched``: a fact changed how it stands since the run before, or its partner's agreement
    changed: its periods are compared with ``posted``, those after ``settled_through`` if a day is
    given: what changed leaves those up to it as the runs before left them. Else only new periods
    can be due.
    ``first_activated_on`` is None where no activation is on record, or none any more: then nothing
    is due. ``claimed_on``, the day of ``claim``, is given where a rule may ask for it. ``payments``
    are all of a touched client's, else those that no earlier run can have seen or been due (D8.2);
    empty where no programme pays on invoices. ``claimed_by`` holds it by ``claim``; ``assigned`` is
    finance's word on single days on, by day. ``counted_on`` is given if ``claimed_by`` counts it.
    ``unretracted`` is the client as it would be had nothing been retracted, if something was:
    ``retracted`` maps these facts to the commands (D9.5). ``rivals`` names first lines in force
    that are not due: for a period another partner's, for a payment one of another client or S
    (D18.3).
    """

    client_id: str
    claimed_by: str | None
    claim: int
    first_activated_on: date | None
    terms: Mapping[str, Sequence[Priced]]
    touched: bool
    posted: Mapping[Period, Posted] = MappingProxyType({})
    counted_on: date | None = None
    claimed_on: date | None = None
    payments: Sequence[Paid] = ()
    assigned: Sequence[Assignment] = ()
    settled_through: date | None = None
    unretracted: Account | None = None
    retracted: Mapping[int, int] = MappingProxyType({})
    rivals: AbstractSet[Name] = frozenset()

    def held_on(self, day: date) -> Held:
        """Who holds the client on a day (D3.6)."""
        for assignment in reversed(self.assigned):
            if assignment.day <= day:
                return Held(assignment.partner_id, assignment.position, assignment.day)
        return Held(self.claimed_by, self.claim, self.claimed_on)


class _Terms(NamedTuple):
    """What a partner's lines of one S and client year have in common (D7, D13).

    ``members`` are those of a first line that follow from it.
    """

    rate: Decimal
    is_margin: bool
    members: dict[str, Any]


class PartnerAccrual:
    """Decides the lines of one partner in one run; ``partner`` with the tiers of this run."""

    def __init__(self, ledger: Ledger, run: Run, partner: Partner) -> None:
        self._ledger, self._run, self._partner = ledger, run, partner
        self._differences = Differences(ledger, run)
        self._on_invoices = ledger.programmes.on_invoices()
        self._both_ways = len(ledger.programmes.accruals()) > 1
        self._founding = partner.enrolment is not None and partner.enrolment.founding
        # No line has an S before the opening, if there was one (D8.3).
        self._before = None if ledger.opened_on is None else ledger.opened_on - ONE_DAY
        self._versions: dict[date, Adopted] = {}
        adopted = ledger.programmes.adopted
        self._restarts = any(each.client_year.restart != "never" for each in adopted)
        self._by_activation = ledger.programmes.by_activation()
        self._replaces = any_replaces(ledger.programmes)
        self._brands = bool(partner.brand)
        self._in_force: dict[date, bool] = {}
        self._rates: dict[tuple[date, int, date | None], _Terms] = {}

    def lines(self, account: Account) -> Iterator[Decision]:
        """The lines, differences and waivers of one client by (subscription, S) (D8.1)."""
        due = self.due(account)
        if not account.touched:
            rivalled = self._rivalled(account, due)
            if rivalled:
                due = {period: it for period, it in due.items() if period not in rivalled}
            for period in due if len(due) == 1 else sorted(due):
                line = self._first_line(account, period, due[period])
                if line is not None:
                    yield line
            return
        then = due if account.unretracted is None else self.due(account.unretracted)
        rivalled = self._rivalled(account, due)
        posted = account.posted
        if account.settled_through is not None:
            posted = {key: it for key, it in posted.items() if key[1] > account.settled_through}
        for period in sorted(due.keys() | posted.keys()):
            of_period = posted.get(period)
            if of_period is not None:
                yield from self._differences.of(
                    of_period,
                    self._due(due, period, of_period),
                    then.get(period),
                    retracted=account.retracted,
                    rival=period in rivalled,
                )
            elif period not in rivalled:
                line = self._first_line(account, period, due[period])
                if line is not None:
                    yield line

    def in_force_after(self, account: Account) -> dict[Name, Posted]:
        """What has a first line in force that is not due, once this run has corrected it (D18.3).

        One that is due is no rival: no other period of the same name is due.
        """
        due = self.due(account)
        then = due if account.unretracted is None else self.due(account.unretracted)
        held: dict[Name, Posted] = {}
        for period, posted in account.posted.items():
            if period in due:
                continue
            now = self._due(due, period, posted)
            found = compared(posted, now, then.get(period)) or Compared()
            taken = [found.taken, found.given] if of_margin(posted) else [found.taken]
            is_taken = any(is_owed(posted, each) for each in taken)
            after = replace(
                posted,
                amount=posted.amount - sum(each.amount for each in taken),
                base=posted.base - sum(each.base for each in taken),
                taken_back=posted.taken_back or is_taken,
            )
            if after.in_force:
                held |= dict.fromkeys(names_of(account.client_id, period), posted)
        return held

    def _rivalled(self, account: Account, due: Mapping[Period, Due]) -> AbstractSet[Period]:
        """The due periods in whose place another first line is in force (D18.3)."""
        rivals = account.rivals
        if not rivals and not (self._both_ways and account.posted):
            return _NONE
        otherwise = posted_otherwise(account, due)
        return {
            each
            for each in due
            if not rivals.isdisjoint(rivals_of(account.client_id, each))
            or (each not in account.posted and (*each[:2], is_paid(each)) in otherwise)
        }

    def _due(self, due: Mapping[Period, Due], period: Period, posted: Posted) -> Due | None:
        """What is due of a posted period; in force, by the other way of accrual if not by its own.

        Of several payments for one S it is the sum of those in the currency of the first (D9.3).
        """
        found = due.get(period)
        if found is not None or not self._both_ways or not posted.in_force:
            return found
        others = [due[each] for each in sorted(due) if _is_otherwise(each, period)]
        same = [each for each in others if each.currency == others[0].currency]
        return same[0]._replace(base=sum(each.base for each in same)) if same else None

    def due(self, account: Account) -> dict[Period, Due]:
        """What is due by schedule, or by what was paid: the version of a period says which.

        Of a client that has not been activated nothing is (D8.2).
        """
        if account.first_activated_on is None:
            return {}
        due = self._scheduled(account)
        if self._on_invoices:
            due = {key: it for key, it in due.items() if not self._by_invoice(account, key[1])}
            due.update(self._paid(account))
        return due

    def _scheduled(self, account: Account) -> dict[Period, Due]:
        after, through = self._after(account), self._run.through
        due: dict[Period, Due] = {}
        for name, terms in account.terms.items():
            for term in terms:
                held: Held | None = None
                for start, end in period_starts(term, after, through):
                    if held is None or account.assigned:
                        held = account.held_on(start)
                        facts = _grounds(held.by, term)
                    if self._earns(account, held, start):
                        replaced = self._replaces and self._is_replaced(account, start)
                        due[name, start] = Due(
                            end, term.interval, term.price, term.currency, facts, replaced
                        )
        return due

    def _after(self, account: Account) -> date | None:
        """The day after which periods are looked at."""
        if not account.touched:
            return self._run.previous
        settled, before = account.settled_through, self._before
        return before if settled is None or (before is not None and before > settled) else settled

    def _paid(self, account: Account) -> Iterator[tuple[Period, Due]]:
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
                or self.waits_for_tier(account, paid_for(payment))
            ):
                continue
            terms = account.terms.get(payment.subscription_id, ())
            end, interval = period_of_payment(start, terms)
            facts = tuple(sorted({held.by, payment.position, *paid.refunds}))
            replaced = self._replaces and self._is_replaced(account, start)
            due = Due(end, interval, paid.net, payment.currency, facts, replaced, paid=True)
            yield paid_for(payment), due

    def waits_for_tier(self, account: Account, period: Period) -> bool:
        """Whether a payment waits for a run that reaches the client's first activation day.

        Its rate may be that of the tier on that day, which is not decided before (D7.1, D18.11).
        """
        first = account.first_activated_on
        return (
            first is not None
            and first > self._run.through
            and period not in account.posted
            and self.deciding(account, period[1]).programme.rate_basis == "activation_date"
        )

    def _by_invoice(self, account: Account, start: date) -> bool:
        return self.deciding(account, start).programme.accrual == "invoice"

    def _earns(self, account: Account, held: Held, start: date) -> bool:
        """Whether the partner earns a line with this S: it holds the client and has an agreement.

        After the agreement's end there may be a tail (D4.4). No S from before an opening is asked.
        """
        if held.partner_id != self._partner.partner_id:
            return False
        in_force = self._in_force.get(start)
        if in_force is None:
            in_force = self._in_force[start] = self._partner.in_force_on(start)
        if in_force:
            return True
        tail = self.deciding(account, start).programme.agreement.tail
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

    def deciding(self, account: Account, start: date) -> Adopted:
        """The version that decides a period (D7.2)."""
        version, first = self._version(start), account.first_activated_on
        if first is not None and version.programme.version_basis == "activation_date":
            version = self._version(first)
        return version

    def _year(self, account: Account, start: date) -> int:
        """The client year of a period (D5)."""
        first = account.first_activated_on
        assert first is not None
        if self._restarts:
            restart = self.deciding(account, start).programme.client_year.restart
            if restart == "reactivation":
                first = last_return(account.terms, first, start)
        return client_year(first, start)

    def _version(self, day: date) -> Adopted:
        version = self._versions.get(day)
        if version is None:
            version = self._versions[day] = programme_on(self._ledger, self._partner, day)
        return version

    def _terms(self, account: Account, start: date) -> _Terms:
        """The terms of a period, worked out once for all periods that share them."""
        year = self._year(account, start)
        activated = account.first_activated_on if self._by_activation else None
        found = self._rates.get((start, year, activated))
        if found is None:
            found = self._worked_out(account, start, year)
            self._rates[start, year, activated] = found
        return found

    def _worked_out(self, account: Account, start: date, year: int) -> _Terms:
        """Version, tier and rate of a period, and whether it gives a margin (D7, D13)."""
        version = self.deciding(account, start)
        by_activation = version.programme.rate_basis == "activation_date"
        day = account.first_activated_on if by_activation else start
        assert day is not None
        tier = self._partner.tier_on(day)
        brand = self._brand(version.programme, start) if self._brands else None
        # A brand may keep nothing: 0 % is a share.
        rate = version.programme.rate(tier, year, self._founding) if brand is None else brand
        members = {
            "rule": "D7" if brand is None else "D13",
            "programme_version": version.version,
            "day": start,
            "partner_id": self._partner.partner_id,
            "posting_date": self._ledger.posting_day(start),
            "run": self._run.position,
            "client_year": year,
            "tier": tier,
            "rate": rate,
            "line": None,
        }
        return _Terms(rate, brand is not None, members)

    def _brand(self, programme: Programme, start: date) -> Decimal | None:
        """The share that the partner keeps under its own brand, None without one (D13)."""
        terms = programme.white_label
        if terms is None or not self._partner.branded_on(start):
            return None
        kept = terms.basis == "kept" or self._partner.tier_on(start) == "strategic"
        return terms.share if kept else None

    def _first_line(
        self, account: Account, period: Period, due: Due
    ) -> CommissionPosted | MarginPosted | None:
        """The first line of a due period, None where a contest stands in its place (D10.2)."""
        rate, is_margin, alike = self._terms(account, period[1])
        if due.replaced and not is_margin:
            return None
        invoice_id, payment_id = period[2:] or (None, None)
        # One dictionary a line, the line's own: there are millions of them.
        members = alike.copy()
        members["amount"] = share(due.base, rate)
        members["base"] = due.base
        members["currency"] = due.currency
        members["facts"] = due.facts
        members["client_id"] = account.client_id
        members["subscription_id"] = period[0]
        members["service_end"] = due.service_end
        members["interval"] = due.interval
        members["invoice_id"] = invoice_id
        members["payment_id"] = payment_id or None
        return (MarginPosted if is_margin else CommissionPosted).holding(members)


def pays_otherwise_from(ledger: Ledger, run: Run) -> date | None:
    """The first activation day from which payments may be due otherwise than was believed.

    A client may pay for a day up to L and be first activated after it (D8.2). Where a version
    decides by the first activation day, terms may be told of it meanwhile, and its tier is not
    decided before (D7.1, D7.2). None if no version does.
    """
    programmes = ledger.programmes
    if run.previous is None or not (programmes.by_activation() and programmes.on_invoices()):
        return None
    return add_days(run.previous, 1)


def posted_otherwise(
    account: Account, due: Mapping[Period, Due]
) -> dict[tuple[str, date, bool], Posted]:
    """What is in force of the account and not due, by the period that has no first line for it.

    That is the same (subscription, S) by the other way of accrual: paid, or not (D18.3).
    """
    return {
        (*period[:2], not is_paid(period)): posted
        for period, posted in account.posted.items()
        if period not in due and posted.in_force
    }


def _is_otherwise(period: Period, other: Period) -> bool:
    """Whether two periods are of one subscription and S by different ways of accrual."""
    return period[:2] == other[:2] and is_paid(period) != is_paid(other)


def _grounds(held_by: int, term: Priced) -> tuple[int, ...]:
    """The facts that a period rests on: who holds the client, its activation, its price."""
    activation, price = term.activation, term.price_fact
    if held_by == activation == price:
        return (held_by,)
    return tuple(sorted({held_by, activation, price}))
