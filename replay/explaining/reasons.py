"""Why a period brought nothing: each reason by name, in a sentence, with what it rests on.

Pure. A reason is told from the same values as the engine decides by; what decides is the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from events.lines import MarginPosted
from ledger.engine.agreements import ended_on
from ledger.engine.commissions import Account, Held
from ledger.engine.posted import Posted
from ledger.engine.state import Client, Ledger, Partner, Subscription
from replay.as_of import Row
from replay.written import plain

REASONS: Mapping[str, str] = {
    "unknown_client": "nothing was told of the client",
    "unknown_subscription": "nothing was told of that subscription",
    "not_activated": "the client was never activated",
    "before_activation": "the subscription started later",
    "churned": "it had ended, or paused",
    "retracted": "a fact that would make it due was retracted",
    "no_claim": "no partner ever claimed the client: it is direct",
    "claim_rejected": "a partner claimed it, and lost",
    "claim_lapsed": "a partner's claim was won, and lapsed",
    "claim_waits": "the claim waits for its partner's enrolment",
    "assigned_to_nobody": "finance made the client direct",
    "held_later": "finance gave the client to a partner from a later day on",
    "before_enrolment": "its partner was enrolled later",
    "agreement_ended": "its partner had no agreement in force",
    "before_opening": "the ledger was opened later; what came before was settled elsewhere",
    "invoice_not_paid": "the programme pays on invoices, and none was paid for the period",
    "waits_for_tier": "the tier of the first activation day says its rate, and is not decided yet",
    "contest_instead": "a contest's amount stands in place of the first year's commissions",
    "in_force_elsewhere": "the payment, or the period, has another first line in force",
    "taken_back": "it was posted, and taken back after a retraction",
    "zero_base": "the line is there, of 0: nothing was charged, or all of it was refunded",
    "zero_rate": "the line is there, of 0: the rate of that tier and client year is 0",
    "rounds_to_zero": "the line is there: base × rate is less than half a minor unit",
    "margin": "the partner bills the client and keeps a margin: no payment to it",
    "posted": "it is posted",
    "not_reached": "no run has reached the day",
    "next_run": "it is due, and no run has decided on it since that is known",
}
"""Every reason there is, and what it says; ``docs/explain.md`` lists them."""


class Ground(NamedTuple):
    """What a reason rests on: a value by name, and the event that it came from, if from one.

    ``currency`` is given with an amount, which is in its minor units.
    """

    name: str
    value: object
    position: int | None
    currency: str | None = None


class Reason(NamedTuple):
    """One reason: its name in :data:`REASONS`, a sentence for people, its grounds."""

    name: str
    text: str
    grounds: tuple[Ground, ...] = ()


def reason(name: str, told: str = "", *grounds: Ground) -> Reason:
    """Make a reason; ``told`` is its sentence where the general one does not say enough."""
    return Reason(name, told or REASONS[name], grounds)


def idle(client: Client, name: str, subscription: Subscription, day: date) -> Iterator[Reason]:
    """Why a subscription has no period on a day: it had not begun, or had ended."""
    terms = subscription.terms
    before = [term for term in terms if term.start <= day]
    later = [term for term in terms if term.start > day]
    if before:
        term = max(before, key=lambda each: each.start)
        churn = _churn(client, subscription, term.end)
        yield reason(
            "churned",
            f"subscription {name} was not active on {day}: it ended on {term.end}",
            Ground("activated", term.start, term.activation),
            Ground("churned", term.end, churn),
        )
    if later:
        term = min(later, key=lambda each: each.start)
        yield reason(
            "before_activation",
            f"subscription {name} was not active on {day}: it started on {term.start}",
            Ground("activated", term.start, term.activation),
        )
    yield from _retracted(client, subscription)
    if not terms:
        # Activated and ended on one day, or of no activation that counts.
        ended = [
            Ground("churned", churn.day, churn.position)
            for churn in subscription.churns
            if churn.position not in client.voided
        ]
        yield reason("not_activated", f"subscription {name} was active on no day", *ended)


def never_activated(client: Client) -> Iterator[Reason]:
    """Why a client has no period at all: no activation of it counts."""
    yield reason("not_activated", f"client {client.client_id} was never activated")
    for subscription in client.subscriptions.values():
        yield from _retracted(client, subscription)


def without_holder(
    held: Held | None, account: Account | None, claims: Sequence[Row], conflicts: Sequence[Row]
) -> Iterator[Reason]:
    """Why nobody holds a client: what became of each claim, and finance's word (D3)."""
    if held is not None and held.since is not None:
        told = f"finance assigned the client to nobody from {held.since} on"
        yield reason("assigned_to_nobody", told, Ground("assigned", held.since, held.by))
    elif account is not None and account.assigned:
        first = account.assigned[0]
        told = f"finance assigned the client to {first.partner_id} from {first.day} on"
        yield reason("held_later", told, Ground("assigned", first.day, first.position))
    stood = {row["position"]: row for row in conflicts}
    for row in claims:
        yield from _claim(row, stood.get(row["position"]))
    if not claims and not (account is not None and account.assigned):
        yield reason("no_claim")


def without_agreement(partner: Partner, day: date) -> Reason:
    """Why a partner earns nothing with an S: its agreement is not in force (D4.4)."""
    name, enrolment = partner.partner_id, partner.enrolment
    if enrolment is None or day < enrolment.day:
        told = f"partner {name} was not enrolled on {day}"
        grounds = [Ground("enrolled", enrolment.day, enrolment.position)] if enrolment else []
        return reason("before_enrolment", told, *grounds)
    ended = ended_on(partner, day)
    last = max(each for each in partner.agreement if each.day == ended)
    told = f"the agreement of partner {name} ended on {ended}"
    return reason("agreement_ended", told, Ground("agreement ended", ended, last.position))


def by_lines(posted: Mapping[str, Posted]) -> Iterator[Reason]:
    """What the lines of a period say, of each partner that has some."""
    for partner_id, one in posted.items():
        first = one.first
        line = Ground("first line", first.amount, one.line, first.currency)
        of = f"at position {one.line}, for partner {partner_id}"
        if not one.in_force:
            yield reason("taken_back", f"it was posted {of}, and all of it taken back since", line)
        elif one.amount:
            is_margin = isinstance(first, MarginPosted)
            told = f"the partner's margin is {of}" if is_margin else f"it is posted {of}"
            name = "margin" if is_margin else "posted"
            yield reason(name, told, line, Ground("stands now", one.amount, None, first.currency))
        elif one.base == 0:
            yield reason("zero_base", "", line, Ground("base", one.base, one.line, first.currency))
        else:
            name = "rounds_to_zero" if first.rate else "zero_rate"
            terms = (
                Ground("tier", first.tier, None),
                Ground("client year", first.client_year, None),
            )
            yield reason(name, "", line, *terms, Ground("rate", plain(first.rate), one.line))


def in_force_elsewhere(held: Posted) -> Reason:
    """Why a period gives no line: what was told first gave one, not wholly taken back (D18.3)."""
    first = held.first
    told = (
        f"a line of {first.day} for client {first.client_id}, at position {held.line}, is still in"
        " force in its place: a payment has one, and so has a period, by schedule or paid"
    )
    line = Ground("first line", first.amount, held.line, first.currency)
    return reason("in_force_elsewhere", told, line)


def waiting(ledger: Ledger, day: date, opening: int | None, *, due: bool) -> Iterator[Reason]:
    """What a period waits for, by L (D8.1); ``opening`` is the position that L may come from."""
    through, run_or_opening = ledger.accrued_through, ledger.last_run or opening
    if through is None or day > through:
        last = Ground("accrued through", through, run_or_opening)
        reached = f"runs have reached {through}" if through else "there was no run yet"
        yield reason("not_reached", f"{day} is still to be accrued: {reached}", last)
    elif due:
        run = ledger.open_run
        told = f"it is due, and the next run posts it: the last one, through {through}"
        if run is not None:
            told = f"it is due, and the run through {run.through} is not complete"
        else:
            told = f"{told}, was before that was known"
        yield reason("next_run", told, Ground("last run", through, run_or_opening))


def _claim(row: Row, stood: Row | None) -> Iterator[Reason]:
    claim = Ground("claim", row["day"], _position(row["position"]))
    whose = f"the claim of partner {row['partner_id']} of {row['day']}"
    match row["answer"]:
        case "rejected":
            standing: tuple[Ground, ...] = ()
            if stood is not None:
                place = _position(stood["standing_claim"])
                standing = (Ground("what stood", stood["standing_partner_id"], place),)
            told = f"{whose} was rejected: {row['reason']}"
            yield reason("claim_rejected", told, claim, *standing)
        case "lapsed":
            yield reason("claim_lapsed", f"{whose} lapsed: {row['reason']}", claim)
        case "waiting":
            yield reason("claim_waits", f"{whose} waits for its enrolment", claim)


def _retracted(client: Client, subscription: Subscription) -> Iterator[Reason]:
    found = [
        Ground("retracted", activation.day, activation.position)
        for activation in subscription.activations
        if activation.position in client.voided
    ]
    if found:
        yield reason("retracted", "an activation of it was retracted", *found)


def _churn(client: Client, subscription: Subscription, end: date | None) -> int | None:
    """The churn that ended a subscription: its own, or one of all the client's."""
    own = client.subscriptions.get(client.client_id)
    churns = (*subscription.churns, *(own.churns if own is not None else ()))
    found = (c.position for c in churns if c.day == end and c.position not in client.voided)
    return next(found, None)


def _position(value: object) -> int | None:
    return value if isinstance(value, int) else None
