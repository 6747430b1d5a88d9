"""What a run owes a posted period: a difference, a waiver, a take-back, a listing (D9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Literal, NamedTuple

from events.base import Decision
from events.lines import (
    AdjustmentPosted,
    ClawbackWaived,
    CommissionPosted,
    DifferenceUnresolved,
    MarginPosted,
)
from events.values import Interval
from ledger.engine.comparing import NOTHING, Compared, Worth, compare, compare_margin
from ledger.engine.money import share
from ledger.engine.posted import Posted
from ledger.engine.state import Ledger, Run


class Due(NamedTuple):
    """A due period: its last day, what it is worth, and the facts that it rests on (D4.3, D8.2).

    ``replaced``: a contest stands in place of its commission (D10.2). ``paid``: it is due for what
    was paid, not by schedule.
    """

    service_end: date
    interval: Interval
    base: int
    currency: str
    facts: tuple[int, ...]
    replaced: bool = False
    paid: bool = False


def compared(posted: Posted, due: Due | None, then: Due | None) -> Compared | None:
    """P against V and U; None where finance settles a period (D9)."""
    due, then = _as_posted(posted, due), _as_posted(posted, then)
    if posted.adjusted or (due is not None and _why_changed(posted, due) is not None):
        return None
    # Another currency or interval without the retraction: U is unknown, nothing is taken back.
    if then is not None and _why_changed(posted, then) is not None:
        then = None
    whole, now, unretracted = posted.worth, _worth(posted, due), _worth(posted, then)
    if of_margin(posted):
        return compare_margin(whole, now, unretracted)
    return compare(whole, posted.waived, now, unretracted)


class Differences:
    """Corrects the posted periods of one run."""

    def __init__(self, ledger: Ledger, run: Run) -> None:
        self._ledger, self._run = ledger, run

    def of(
        self,
        posted: Posted,
        due: Due | None,
        unretracted: Due | None,
        *,
        retracted: Mapping[int, int],
        rival: bool,
    ) -> Iterator[Decision]:
        """A posted period against what it would be now: a difference, a waiver, or nothing (D9).

        ``unretracted`` is what would be due had nothing of ``retracted`` been, facts with the
        commands; ``rival``: the first line that is in force for the period is another partner's.
        """
        if unretracted is due and due is not None and _is_unchanged(posted, due):
            return
        found = compared(posted, due, unretracted)
        due = _as_posted(posted, due)
        yield from self._listed(posted, due)
        if found is None:
            return
        if is_owed(posted, found.missing):
            if posted.in_force or not rival:
                yield self._late(type(posted.first), "D9.1", posted, due, found.missing)
            return
        if is_owed(posted, found.given):
            if of_margin(posted):
                facts = due.facts if due else posted.first.facts
                yield self._take_back("D13", posted, found.given, facts, None)
            else:
                given = Worth(found.given.amount, posted.first.base)
                yield self._late(ClawbackWaived, "D9.2", posted, due, given)
        if is_owed(posted, found.taken) and retracted:
            fact = _rested_on(unretracted, retracted)
            yield self._take_back("D9.5", posted, found.taken, (fact,), retracted[fact])

    def _listed(self, posted: Posted, due: Due | None) -> Iterator[DifferenceUnresolved]:
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
        due: Due | None,
        worth: Worth,
    ) -> Decision:
        """A difference or a waiver: rate, year, tier and end of the first line stay (D9.3)."""
        first = posted.first
        return cls(
            rule=rule,
            programme_version=first.programme_version,
            day=first.day,
            partner_id=first.partner_id,
            posting_date=self._ledger.posting_day(first.day),
            amount=worth.amount,
            currency=first.currency,
            facts=due.facts if due else first.facts,
            run=self._run.position,
            client_id=first.client_id,
            subscription_id=first.subscription_id,
            service_end=first.service_end,
            interval=first.interval,
            client_year=first.client_year,
            tier=first.tier,
            base=worth.base,
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
            of_margin=of_margin(posted),
        )

    def _unresolved(
        self, posted: Posted, due: Due | None, value: int, reason: str
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


def _rested_on(unretracted: Due | None, retracted: Mapping[int, int]) -> int:
    """The retracted fact that a period rested on: of several, or if none says so, the last."""
    facts = unretracted.facts if unretracted is not None else ()
    rested = [fact for fact in facts if fact in retracted] or retracted
    return max(rested, key=lambda fact: (retracted[fact], fact))


def _is_unchanged(posted: Posted, due: Due) -> bool:
    """Whether a period is as its first line has it, and nothing came after that."""
    first = posted.first
    return (
        due.base == first.base
        and posted.worth == (first.amount, first.base)
        and not posted.waived
        and posted.listed is None
        and _as_posted(posted, due) is not None
        and _why_changed(posted, due) is None
    )


def of_margin(posted: Posted) -> bool:
    """Whether a period is sold under the partner's own brand (D13)."""
    return isinstance(posted.first, MarginPosted)


def is_owed(posted: Posted, worth: Worth) -> bool:
    """Whether a part of a comparison brings a line: an amount, of a margin a base, too (D13)."""
    return worth.amount > 0 or (of_margin(posted) and worth.base > 0)


def _as_posted(posted: Posted, due: Due | None) -> Due | None:
    """What is due in the kind of the first line: a contest replaces commissions only (D10.2)."""
    replaced = due is not None and due.replaced and not of_margin(posted)
    return None if replaced else due


def _worth(posted: Posted, due: Due | None) -> Worth:
    """What a period is worth at the rate of its first line, nothing if it is not due (D9)."""
    return Worth(share(due.base, posted.first.rate), due.base) if due is not None else NOTHING


def _why_changed(posted: Posted, due: Due) -> str | None:
    """What of a period can be no difference: the way of accrual, currency, interval (D9.3)."""
    if due.paid != (posted.first.invoice_id is not None):
        return "accrual_changed"
    if due.currency != posted.first.currency:
        return "currency_changed"
    # What was paid is worth the same, whatever stretch of days it is for.
    if posted.first.invoice_id is None and due.interval != posted.first.interval:
        return "interval_changed"
    return None


def _why_finance_settles(posted: Posted, due: Due | None, value: int) -> str:
    """Why a changed period is left to finance (D9.3, D9.4), ``settled`` if it is not.

    What is settled of a period is P less its waivers: V as the last run left it.
    """
    changed = _why_changed(posted, due) if due is not None else None
    if changed is not None:
        return changed
    if posted.adjusted and value != posted.amount - posted.waived:
        return "adjusted"
    return "settled"
