"""What a partner earns its sponsor: the reward, and shares of its commissions (D11)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from events.base import Event
from events.lines import (
    AdjustmentPosted,
    CommissionPosted,
    OverridePosted,
    RewardPosted,
)
from ledger.engine.counted import CountedClient, Counts
from ledger.engine.draft import programme_on
from ledger.engine.money import share
from ledger.engine.posted import period_of
from ledger.engine.state import Ledger, Partner, Run


class Active(NamedTuple):
    """The day on which a sponsored partner is active, by its client of that count, if by one."""

    day: date
    ordinal: int | None


class Booked(NamedTuple):
    """An event of a client's money with its position."""

    position: int
    event: Event


def active_on(ledger: Ledger, partner: Partner, counts: Counts) -> Active | None:
    """When the partner becomes active, by what is recorded now; None: it does not (D11.1).

    The version in force on the enrolment day says whether that is enough, that of each counting day
    how many clients it takes.
    """
    enrolment = partner.enrolment
    if enrolment is None:
        return None
    terms = programme_on(ledger, partner, enrolment.day).programme.sponsorship
    if terms is not None and terms.trigger == "enrolment":
        return Active(enrolment.day, None)
    for day, before, through in counts.spans(date.max):
        terms = programme_on(ledger, partner, day).programme.sponsorship
        if terms is not None and through >= terms.active_clients:
            return Active(day, max(terms.active_clients, before + 1))
    return None


def decide_reward(
    ledger: Ledger,
    run: Run,
    partner: Partner,
    sponsor: Partner,
    day: date,
    client: CountedClient | None,
) -> RewardPosted | None:
    """The reward for a partner active on ``day``, by ``client``, if by one; None: not due (D11.1).

    That a sponsored partner has brought one already, to whomever, is the caller's to see.
    """
    assert partner.sponsor is not None
    assert partner.enrolment is not None
    version = programme_on(ledger, partner, day)
    terms = version.programme.sponsorship
    if terms is None or not _earns(ledger, sponsor, day):
        return None
    facts = {partner.sponsor.position} | set(client.facts if client else ())
    return RewardPosted(
        rule="D11.1",
        programme_version=version.version,
        day=day,
        partner_id=sponsor.partner_id,
        posting_date=ledger.posting_day(day),
        amount=terms.reward,
        currency=version.programme.currency,
        facts=tuple(sorted(facts)),
        run=run.position,
        sponsored_id=partner.partner_id,
    )


def decide_override(
    ledger: Ledger, run: Run, sponsor: Partner, booked: Booked, base: int
) -> OverridePosted | None:
    """The share of a commission line that stands at a position, on ``base``; None: not due (D11.2).

    The version that decided the line says the share, and up to which client year.
    """
    line = booked.event
    assert isinstance(line, CommissionPosted)
    version = ledger.programmes.named(line.programme_version or "")
    terms = version.programme.sponsorship
    if terms is None or line.client_year > terms.client_year:
        return None
    if not _earns(ledger, sponsor, line.day):
        return None
    return OverridePosted(
        rule="D11.2",
        programme_version=version.version,
        day=line.day,
        partner_id=sponsor.partner_id,
        posting_date=ledger.posting_day(line.day),
        amount=share(base, terms.override),
        currency=line.currency,
        facts=line.facts,
        run=run.position,
        sponsored_id=line.partner_id,
        client_id=line.client_id,
        subscription_id=line.subscription_id,
        base=base,
        rate=terms.override,
        line=booked.position,
    )


def shared_base(booked: Booked, account: Sequence[Booked]) -> int | None:
    """What of a line's base a share may be paid on; None: nothing of it (D11.2).

    ``account`` holds the commissions of the line's client, what was taken back of them, and the
    shares that they had, by position. After a take-back a difference pays on what goes beyond the
    bases paid on.
    """
    line = booked.event
    assert isinstance(line, CommissionPosted)
    period: set[int] = set()
    bases, paid_on, taken_back = 0, 0, False
    for position, event in account:
        if isinstance(event, OverridePosted):
            paid_on += event.base if event.line in period else 0
        elif position > booked.position:
            continue
        elif isinstance(event, CommissionPosted) and _is_of(event, line):
            period.add(position)
            bases += event.base
        elif isinstance(event, AdjustmentPosted) and event.rule == "D9.5" and event.line in period:
            bases -= event.base or 0
            taken_back = True
    if not taken_back:
        return line.base
    excess = bases - paid_on
    return min(line.base, excess) if excess > 0 else None


def _is_of(line: CommissionPosted, other: CommissionPosted) -> bool:
    return line.partner_id == other.partner_id and period_of(line) == period_of(other)


def _earns(ledger: Ledger, sponsor: Partner, day: date) -> bool:
    """Whether the sponsor has an agreement on S (D11.3)."""
    return sponsor.in_force_on(day) and ledger.posts_on(day)
