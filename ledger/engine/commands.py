"""Finance's commands: what refuses each of them, and what the simple ones decide.

Every check raises :class:`~ledger.errors.Refused` with what to do; nothing is recorded then.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from events.base import Decision
from events.decisions import DecisionResolved
from events.finance import (
    AdjustmentRequested,
    CreditRequested,
    PartnerProgrammeAssigned,
    ResolutionRequested,
)
from events.lines import (
    AdjustmentPosted,
    CreditPosted,
    Line,
)
from events.partner_decisions import ProgrammeAssigned
from events.partners import PayoutFailed, PayoutSettled
from events.recorded import Recorded
from events.values import is_zone
from ledger.engine.calendar import add_months, end_of_month, first_of_month, month_of
from ledger.engine.draft import Draft
from ledger.engine.retraction import is_retractable
from ledger.engine.standing import record_standing
from ledger.engine.state import Ledger, Overlay, Partner
from ledger.errors import NotReady, Refused
from ledger.policy.programme import Programme


def check_adopted(ledger: Ledger) -> None:
    """Nothing is recorded or run before a first programme is adopted (D7.2)."""
    if ledger.programmes.first is None:
        raise NotReady(
            "no programme is adopted yet; first run: commissions programme adopt izyinbox"
        )


def check_adoption(
    ledger: Ledger, programme: Programme, from_day: date | None, time_zone: str | None
) -> None:
    """A programme version may be adopted (D7.2)."""
    versions = ledger.programmes.versions.get(programme.name)
    if time_zone is not None and not is_zone(time_zone):
        raise Refused(f"{time_zone!r} is no time zone; give one such as Europe/Paris")
    if time_zone is not None and ledger.time_zone not in {"", time_zone}:
        raise Refused(
            f"the ledger's time zone is {ledger.time_zone}, fixed for good; leave --time-zone out"
        )
    if not versions:
        return
    if from_day is None:
        raise Refused(
            f"{programme.name} is adopted already; give the day from which this version is in"
            " force: --from YYYY-MM-DD"
        )
    _check_after_clock(ledger, from_day, "a version can come into force")
    days = versions[0].programme.activation.qualifying_days
    if programme.activation.qualifying_days != days:
        raise Refused(
            f"activation.qualifying_days is {days} in the first version of {programme.name} and"
            " says what a counted client is: it cannot change; adopt a programme of another name"
        )


def check_assignment(ledger: Ledger, partner: Partner, programme: str, from_day: date) -> None:
    """A partner may be put under a programme (D7.3)."""
    if programme not in ledger.programmes.versions:
        raise Refused(f"no programme {programme!r} is adopted; adopt it first")
    check_known(partner)
    _check_after_clock(ledger, from_day, "an assignment can hold")


def check_attribution(ledger: Ledger, partner: Partner | None, from_day: date) -> None:
    """A client may be given to a partner, or to none, from a day on (D3.6)."""
    if partner is not None:
        check_known(partner)
        enrolment = partner.enrolment
        if enrolment is not None and enrolment.day > from_day:
            raise Refused(
                f"{partner.partner_id} is enrolled from {enrolment.day} on; assign the client from"
                " that day or a later one"
            )
    _check_after_clock(ledger, from_day, "a client can be assigned")


def check_retraction(source: str, name: str, fact: Recorded | None, *, voided: bool) -> Recorded:
    """A fact may be retracted: one of a client, claim, lead or report, recorded, once (D9.5)."""
    if fact is None:
        raise Refused(
            f"no fact {name!r} of source {source!r} is recorded; give both as the message has them"
        )
    if not is_retractable(fact.data):
        raise Refused(
            f"{name!r} of source {source!r} is a {fact.data.type}, which cannot be retracted:"
            " correct it by a new fact, a correction or an adjustment"
        )
    if voided:
        raise Refused(f"{name!r} of source {source!r} is retracted already; nothing is left to do")
    return fact


def check_resolution(position: int, event: Recorded | None, *, listed: bool) -> str:
    """Something may be resolved: a decision or a payment that finance is told of (D9.5).

    ``listed``: it is, and was not resolved since. The partner that it is about.
    """
    if event is None or not listed:
        raise Refused(
            f"nothing at position {position} is listed, or it is resolved already; see what is"
            " with: commissions unresolved"
        )
    if not isinstance(event.data, Decision | PayoutSettled | PayoutFailed):
        raise Refused(
            f"position {position} is a {event.data.type}, which waits or had no effect: it is"
            " settled by what it waits for, or retracted if it was never true"
        )
    partner_id = event.data.__dict__["partner_id"]
    assert isinstance(partner_id, str)
    return partner_id


def check_accrual(ledger: Ledger, through: date) -> None:
    """A run through a day may start (D8.1)."""
    accrued = ledger.accrued_through
    if accrued is not None and through < accrued:
        raise Refused(
            f"accrued through {accrued} already, and the ledger's clock never goes back; accrue"
            f" through {accrued} or a later day"
        )


def check_close(ledger: Ledger, month: str) -> None:
    """A month may be closed: L is its last day or later, and it is the next one (D16)."""
    if not re.fullmatch(r"(?!0000)\d{4}-(0[1-9]|1[0-2])", month, re.ASCII):
        raise Refused(f"{month!r} is no month; write it as YYYY-MM, such as 2026-01")
    last = end_of_month(first_of_month(month))
    closed, accrued = ledger.closed_through, ledger.accrued_through
    if closed is not None and last <= closed:
        raise Refused(f"{month} is closed already; the last closed month is {month_of(closed)}")
    if closed is not None:
        following = month_of(add_months(closed, 1))
        if month != following:
            raise Refused(f"months close in order: close {following} before {month}")
    if accrued is None or accrued < last:
        state = f"only through {accrued}" if accrued else "not at all"
        raise Refused(
            f"{month} is not ready to close: the ledger is accrued {state}; first run:"
            f" commissions accrue --through {last}"
        )


def check_payouts(ledger: Ledger, cutoff: date) -> None:
    """A payout run through a cut-off may start (D15.1)."""
    accrued = ledger.accrued_through
    if accrued is None or cutoff > accrued:
        state = f"only through {accrued}" if accrued else "not at all"
        raise Refused(
            f"cannot pay through {cutoff}: the ledger is accrued {state}; first run:"
            f" commissions accrue --through {cutoff}"
        )


def dated(ledger: Ledger, day: date | None) -> date:
    """The date of an adjustment or credit: by default L, and never after it (D9.4)."""
    accrued = ledger.accrued_through
    if day is None:
        if accrued is None:
            raise Refused("nothing is accrued yet, so there is no default date; give --date")
        return accrued
    if accrued is not None and day > accrued:
        raise Refused(
            f"the date {day} is after the last accrued day {accrued}; give an earlier one"
        )
    return day


def credited(ledger: Ledger, day: date | None) -> date:
    """The date of a credit: as an adjustment's, but not before the opening (D8.3, D9.4)."""
    found = dated(ledger, day)
    if not ledger.posts_on(found):
        raise Refused(
            f"the ledger opened on {ledger.opened_on}, and only an adjustment has an earlier date;"
            " give a later one, once it is accrued"
        )
    return found


def check_line(partner: Partner, position: int, line: Recorded | None, currency: str) -> None:
    """An adjustment may name a line: one of that partner, in the adjustment's currency (D9.4)."""
    data = line.data if line is not None else None
    if not isinstance(data, Line):
        raise Refused(
            f"position {position} is no line; look it up with: commissions"
            f" history {partner.partner_id}"
        )
    if data.partner_id != partner.partner_id:
        raise Refused(f"line {position} is of partner {data.partner_id}, not {partner.partner_id}")
    if data.currency != currency:
        raise Refused(f"line {position} is in {data.currency}; adjust it in that currency")


def decide_adjustment(
    ledger: Ledger, event: Recorded, command: AdjustmentRequested, line: Recorded | None
) -> AdjustmentPosted:
    """The line of an adjustment, with the period of the line that it names, if any (D9.4)."""
    data = line.data if line is not None else None
    return AdjustmentPosted(
        rule="D9.4",
        day=command.date,
        partner_id=command.partner_id,
        posting_date=ledger.posting_day(command.date),
        amount=command.amount,
        currency=command.currency,
        reason=command.reason,
        command=event.position,
        line=command.line,
        client_id=getattr(data, "client_id", None),
        subscription_id=getattr(data, "subscription_id", None),
    )


def decide_credit(ledger: Ledger, event: Recorded, command: CreditRequested) -> CreditPosted:
    """The line of a credit (D9.4)."""
    return CreditPosted(
        rule="D9.4",
        day=command.date,
        partner_id=command.partner_id,
        posting_date=ledger.posting_day(command.date),
        amount=command.amount,
        currency=command.currency,
        reason=command.reason,
        command=event.position,
    )


def decide_resolution(event: Recorded, command: ResolutionRequested) -> DecisionResolved:
    """The end of a listing (D9.5): it stands where the decision stands that was listed."""
    return DecisionResolved(
        rule="D9.5",
        day=event.day,
        decision=command.decision,
        command=event.position,
        partner_id=command.partner_id,
    )


def decide_assignment(
    state: Overlay, event: Recorded, command: PartnerProgrammeAssigned, clients: Sequence[str]
) -> list[Decision]:
    """The partner's programme from a day on (D7.3), and how its later clients stand under it.

    ``clients`` are those of the partner that are first activated on that day or later: what counts
    them may differ (D6.1).
    """
    draft = Draft(state)
    draft.emit(
        ProgrammeAssigned(
            rule="D7.3",
            day=command.from_day,
            partner_id=command.partner_id,
            programme=command.programme,
            command=event.position,
        )
    )
    for client_id in clients:
        record_standing(draft, event, client_id)
    return draft.decisions


def check_known(partner: Partner) -> None:
    """A partner that a command names is enrolled (D9.4, D9.6, D15.1)."""
    if partner.enrolment is None:
        raise Refused(
            f"no partner {partner.partner_id!r} is enrolled; check the id with: commissions tiers"
        )


def _check_after_clock(ledger: Ledger, day: date, what: str) -> None:
    accrued = ledger.accrued_through
    if accrued is not None and day <= accrued:
        raise Refused(
            f"the ledger is accrued through {accrued}: {what} only from a later day, so that"
            " nothing decided changes"
        )
