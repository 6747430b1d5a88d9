"""What the partners that one sponsors earned it in a month, or why not (D11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from events.lines import CommissionPosted, OverridePosted, RewardPosted
from ledger.engine.draft import programme_on
from ledger.engine.sponsorship import (
    Active,
    Booked,
    active_on,
    decide_override,
    decide_reward,
    shared_base,
)
from ledger.engine.state import Partner
from replay.explaining.awards import Award, Groups, barred, because
from replay.explaining.partner import PartnerAtHand
from replay.explaining.reasons import Ground, Reason, waiting


def sponsored(hand: PartnerAtHand) -> Iterator[Award]:
    """The reward for each sponsored partner that is active in the month or not yet; the shares."""
    rewards = _rewards(hand)
    for partner in hand.partners.values():
        tie = partner.sponsor
        if tie is not None and tie.sponsor_id == hand.partner_id:
            active = active_on(hand.ledger, partner, hand.counts(partner.partner_id))
            yield from _reward(hand, partner, active, rewards.pop(partner.partner_id, None))
            yield from _shares(hand, partner, active)
    # A sponsor that was corrected since has what it was paid.
    for partner_id, one in rewards.items():
        line = _reward_of(one)
        if line.partner_id == hand.partner_id and hand.first <= line.day <= hand.last:
            yield _posted(partner_id, one)


def _rewards(hand: PartnerAtHand) -> dict[str, Booked]:
    """The reward that each sponsored partner has brought, to whomever."""
    found = hand.read("topic = %(topic)s AND kind = 'reward'", topic=RewardPosted.topic())
    return {_reward_of(one).sponsored_id: one for one in found}


def _posted(partner_id: str, one: Booked) -> Award:
    line = _reward_of(one)
    ground = Ground("line", line.amount, one.position, line.currency)
    why = because("posted", f"it is posted at position {one.position}", ground)
    return Award("reward", partner_id, line.day, (why,), line.amount, 0, line.currency)


def _reward(
    hand: PartnerAtHand, partner: Partner, active: Active | None, paid: Booked | None
) -> Iterator[Award]:
    """The reward for one partner: none of the month where it was active before or is later."""
    if paid is not None:
        line = _reward_of(paid)
        if hand.first <= line.day <= hand.last and line.partner_id == hand.partner_id:
            yield _posted(partner.partner_id, paid)
        elif active is not None and hand.first <= active.day <= hand.last:
            told = f"it brought a reward to {line.partner_id} of {line.day}"
            why = because("rewarded_already", told, Ground("line", line.day, paid.position))
            yield Award("reward", partner.partner_id, active.day, (why,), currency=line.currency)
        return
    version = programme_on(hand.ledger, partner, hand.last)
    terms = version.programme.sponsorship
    if active is None or active.day > hand.last:
        if terms is not None and partner.enrolment and partner.enrolment.day <= hand.last:
            counted = hand.counts(partner.partner_id).through(hand.last)
            told = f"{counted} of {terms.active_clients} clients counted up to {hand.last}"
            grounds = Ground("counted", counted, None), Ground("takes", terms.active_clients, None)
            why = because("not_active", told, *grounds)
            currency = version.programme.currency
            yield Award("reward", partner.partner_id, None, (why,), currency=currency)
        return
    if active.day >= hand.first:
        yield _due_reward(hand, partner, active)


def _due_reward(hand: PartnerAtHand, partner: Partner, active: Active) -> Award:
    day = active.day
    excluded = list(barred(hand, day))
    client = None
    if active.ordinal is not None:
        client = hand.counted_client(partner.partner_id, day, active.ordinal)
    line = decide_reward(hand.ledger, hand.run, partner, hand.partner, day, client)
    return Award(
        "reward",
        partner.partner_id,
        day,
        (*excluded, *waiting(hand.known, day, None, due=not excluded)),
        0,
        line.amount if line else 0,
        programme_on(hand.ledger, partner, day).programme.currency,
        agrees=(line is None) == bool(excluded),
    )


def _shares(hand: PartnerAtHand, partner: Partner, active: Active | None) -> Iterator[Award]:
    """The shares of the partner's commissions with an S in the month, by currency."""
    lines = hand.commissions(partner.partner_id)
    accounts = hand.accounts({_line(one).client_id for one in lines})
    shared = {
        one.event.line: one
        for one in chain.from_iterable(accounts.values())
        if isinstance(one.event, OverridePosted)
    }
    for currency in sorted({_line(one).currency for one in lines}):
        of_currency = [one for one in lines if _line(one).currency == currency]
        yield _of_currency(hand, partner, active, of_currency, accounts, shared)


def _of_currency(
    hand: PartnerAtHand,
    partner: Partner,
    active: Active | None,
    lines: list[Booked],
    accounts: Mapping[str, list[Booked]],
    shared: Mapping[int, Booked],
) -> Award:
    groups, posted, expected, agrees = Groups(), 0, 0, True
    currency = _line(lines[0]).currency
    for booked in lines:
        line = _line(booked)
        found = shared.get(booked.position)
        if found is not None:
            override = found.event
            assert isinstance(override, OverridePosted)
            if override.partner_id == hand.partner_id:
                posted += override.amount
                ground = Ground(line.client_id, override.amount, found.position, currency)
                groups.add("posted", "shares are posted", ground)
            continue
        excluded = list(_without_share(hand, partner, active, booked))
        account = accounts[line.client_id]
        base = shared_base(booked, account)
        if base is None and not excluded:
            told = "what is left of the base had its share before it was taken back"
            excluded.append(because("taken_back", told))
        due = None
        if base is not None and _is_asked(partner, active, booked):
            due = decide_override(hand.ledger, hand.run, hand.partner, booked, base)
        agrees &= (due is None) == bool(excluded)
        expected += due.amount if due else 0
        ground = Ground(line.client_id, line.amount, booked.position, currency)
        for why in excluded or waiting(hand.known, line.day, None, due=True):
            groups.add(why.name, f"lines: {why.text}", ground)
    reasons = tuple(groups.reasons())
    return Award(
        "override", partner.partner_id, None, reasons, posted, expected, currency, agrees=agrees
    )


def _is_asked(partner: Partner, active: Active | None, booked: Booked) -> bool:
    """Whether a run takes a line for a share: after the tie, of a day after the active one."""
    assert partner.sponsor is not None
    after = booked.position > partner.sponsor.lines_after
    return after and active is not None and _line(booked).day > active.day


def _without_share(
    hand: PartnerAtHand, partner: Partner, active: Active | None, booked: Booked
) -> Iterator[Reason]:
    """What keeps a line from having a share."""
    line, tie = _line(booked), partner.sponsor
    assert tie is not None
    if booked.position <= tie.lines_after:
        told = "they were posted before the sponsor was named"
        yield because("before_tie", told, Ground("tie", None, tie.lines_after))
    if active is None:
        yield because("not_active", f"{partner.partner_id} is not active by what is recorded")
    elif line.day <= active.day:
        yield because("before_active", f"{partner.partner_id} became active on {active.day}")
    version = hand.ledger.programmes.named(line.programme_version or "")
    terms = version.programme.sponsorship
    if terms is None or line.client_year > terms.client_year:
        told = f"{version.version} gives no share of client year {line.client_year}"
        yield because("later_year", told)
    yield from barred(hand, line.day)


def _line(booked: Booked) -> CommissionPosted:
    assert isinstance(booked.event, CommissionPosted)
    return booked.event


def _reward_of(booked: Booked) -> RewardPosted:
    assert isinstance(booked.event, RewardPosted)
    return booked.event
