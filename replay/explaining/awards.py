"""What a partner's counted clients earned it in a month, or why not: bonuses, contests (D10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

from events.lines import BonusDeclined, BonusPosted, ContestPosted
from events.values import TIERS
from ledger.engine.bonuses import decide_bonus, ordinals_to_judge
from ledger.engine.calendar import ONE_DAY
from ledger.engine.contests import decide_contests
from ledger.engine.counted import CountedClient, Rewarded
from ledger.engine.sponsorship import Booked
from ledger.policy.parts import Contest, PerTen
from replay.explaining.partner import PartnerAtHand
from replay.explaining.reasons import Ground, Reason, waiting, without_agreement

AWARD_REASONS: Mapping[str, str] = {
    "posted": "it is posted",
    "not_reached": "no run has reached the day",
    "next_run": "it is due, and no run has decided on it since that is known",
    "before_enrolment": "the partner, or the sponsor, was enrolled later",
    "agreement_ended": "the partner, or the sponsor, had no agreement in force on the day",
    "before_opening": "the ledger was opened later; what came before was settled elsewhere",
    "too_few_clients": "the clients counted in the month reached no number that brings a bonus",
    "tier_too_low": "the tier on the day judged was below the one that a bonus takes",
    "no_clients": "no client of the partner counted in time",
    "claim_outside": "clients count whose winning claims lie outside the contest",
    "assigned": "clients count that finance assigned: no claim won them",
    "no_contest": "the version in force on the counting day has no such contest",
    "not_over": "the quarter, year or contest goes on after the month",
    "not_closed": "the month is not closed: its close decides",
    "closed_without": "the month was closed by the first close, or an opening, without rankings",
    "no_prize_for_place": "the place has no prize",
    "too_few_for_place": "the place has a prize only for more clients",
    "not_active": "the sponsored partner has counted too few clients",
    "rewarded_already": "the sponsored partner has brought its reward before",
    "before_active": "the line's day is not after the day on which the partner became active",
    "later_year": "the line is of a client year without a share",
    "before_tie": "the line was posted before the sponsor was named",
    "taken_back": "a share was paid on the bases before what was taken back",
}
"""Every reason there is of an award, and what it says; ``docs/explain.md`` lists them."""

MOST_GROUNDS = 20
"""Of many clients or lines that share a reason so many are named."""


class Award(NamedTuple):
    """What one bonus, contest, prize, reward, or the shares of one partner, brought in a month.

    ``about`` says which: an ordinal, a contest's code, a ranking, a sponsored partner. ``posted``
    is what stands for it with an S in the month, ``expected`` what a run, or a close, would still
    post, both in minor units of ``currency``. ``agrees`` is False if the engine would post what the
    reasons exclude, or would not post what none of them does.
    """

    kind: str
    about: str
    day: date | None
    reasons: tuple[Reason, ...]
    posted: int = 0
    expected: int = 0
    currency: str | None = None
    agrees: bool = True


class Groups:
    """Clients or lines by the reason that they share, each with its ground."""

    def __init__(self) -> None:
        self._found: defaultdict[tuple[str, str], list[Ground]] = defaultdict(list)

    def add(self, name: str, told: str, ground: Ground) -> None:
        """One more; ``told`` is the sentence, to which their number is put."""
        self._found[name, told].append(ground)

    def reasons(self) -> Iterator[Reason]:
        """One reason a group, in the order in which they came."""
        for (name, told), grounds in self._found.items():
            yield Reason(name, f"{len(grounds)} {told}", tuple(grounds[:MOST_GROUNDS]))


def because(name: str, told: str, *grounds: Ground) -> Reason:
    """A reason of :data:`AWARD_REASONS`."""
    assert name in AWARD_REASONS, name
    return Reason(name, told, grounds)


def barred(hand: PartnerAtHand, day: date) -> Iterator[Reason]:
    """What keeps the partner from any line with an S (D4.4, D8.3)."""
    if not hand.ledger.posts_on(day):
        opened = hand.ledger.opened_on
        yield because("before_opening", f"the ledger was opened on {opened}")
    if not hand.partner.in_force_on(day):
        yield without_agreement(hand.partner, day)


# --- bonuses (D10.1) -----------------------------------------------------------------------------


def bonuses(hand: PartnerAtHand) -> Iterator[Award]:
    """Each bonus that a counting day of the month reaches, else how far the next one is."""
    booked = hand.booked(BonusPosted, BonusDeclined)
    paid = {one.event.ordinal: one for one in booked if isinstance(one.event, BonusPosted)}
    declined = {one.event.ordinal: one for one in booked if isinstance(one.event, BonusDeclined)}
    days = {ordinal: _event(one).day for ordinal, one in declined.items()}
    counts = hand.counts(hand.partner_id)
    rewarded = Rewarded(paid=frozenset(paid), declined=days)
    judged = set(ordinals_to_judge(hand.ledger, hand.run, hand.partner, counts, rewarded))
    reached = set()
    for ordinal, client in hand.clients:
        terms = hand.version(client.counted_on).programme.per_ten
        if terms is not None and ordinal % terms.each == 0:
            reached.add(ordinal)
            if ordinal in paid:
                yield _paid_bonus(paid[ordinal], judged=ordinal in judged)
            else:
                refused = declined.get(ordinal)
                yield _bonus(hand, ordinal, client, terms, refused, judged=ordinal in judged)
    for ordinal, one in paid.items():
        if ordinal not in reached and hand.first <= _event(one).day <= hand.last:
            reached.add(ordinal)
            yield _paid_bonus(one, judged=ordinal in judged)
    if not reached:
        yield from _no_bonus(hand)


def _paid_bonus(one: Booked, *, judged: bool) -> Award:
    line = one.event
    assert isinstance(line, BonusPosted)
    posted = because(
        "posted",
        f"it is posted at position {one.position}",
        Ground("line", line.amount, one.position, line.currency),
    )
    about = f"client {line.ordinal}"
    return Award(
        "bonus", about, line.day, (posted,), line.amount, 0, line.currency, agrees=not judged
    )


def _bonus(
    hand: PartnerAtHand,
    ordinal: int,
    client: CountedClient,
    terms: PerTen,
    refused: Booked | None,
    *,
    judged: bool,
) -> Award:
    day, ledger, partner = client.counted_on, hand.ledger, hand.partner
    excluded = list(barred(hand, day))
    on = day + ONE_DAY if terms.judged == "day_after" else day
    tier, position = partner.tier_on(on), None
    if refused is not None and _event(refused).day == day:
        assert isinstance(refused.event, BonusDeclined)
        tier, position = refused.event.tier, refused.position
    if not excluded and TIERS.index(tier) < TIERS.index(terms.from_tier):
        excluded.append(
            because(
                "tier_too_low",
                f"the partner was {tier} on {on}; a bonus is from {terms.from_tier} on",
                Ground("tier", tier, position),
                Ground("from", terms.from_tier, None),
                Ground(client.client_id, day, client.activation),
            )
        )
    decided = decide_bonus(ledger, hand.run, partner, ordinal, client) if judged else None
    due = decided if isinstance(decided, BonusPosted) else None
    waits = () if position else waiting(hand.known, day + ONE_DAY, None, due=not excluded)
    return Award(
        "bonus",
        f"client {ordinal}",
        day,
        (*excluded, *waits),
        0,
        due.amount if due else 0,
        hand.version(day).programme.currency,
        agrees=(due is None) == bool(excluded),
    )


def _no_bonus(hand: PartnerAtHand) -> Iterator[Award]:
    """How many clients counted in the month, and for how many the next bonus is."""
    version = hand.version(hand.last)
    terms = version.programme.per_ten
    if terms is None:
        return
    through = hand.counts(hand.partner_id).through(hand.last)
    following = through - through % terms.each + terms.each
    told = f"{through} clients counted up to {hand.last}; the next bonus is for the {following}th"
    why = because(
        "too_few_clients",
        told,
        Ground("in the month", len(hand.clients), None),
        Ground("counted", through, None),
        Ground("next", following, None),
    )
    yield Award("bonus", "", None, (why,), currency=version.programme.currency)


# --- contests (D10.2) ----------------------------------------------------------------------------


def contests(hand: PartnerAtHand) -> Iterator[Award]:
    """The amounts of each contest for the clients that count in the month."""
    posted: defaultdict[str, list[Booked]] = defaultdict(list)
    codes: defaultdict[str, set[str]] = defaultdict(set)
    for one in hand.booked(ContestPosted):
        line = one.event
        assert isinstance(line, ContestPosted)
        codes[line.client_id].add(line.contest)
        if hand.first <= line.day <= hand.last:
            posted[line.contest].append(one)
    clients = [client for _, client in hand.clients]
    found = _contests_of(hand, clients)
    for code, lines in posted.items():
        # What was posted stands though its client counts no more.
        if code not in found:
            found[code] = _contest_of(hand, lines[0])
    for contest, currency in found.values():
        yield _contest(hand, contest, currency, posted[contest.code], codes)


def _contest(
    hand: PartnerAtHand,
    contest: Contest,
    currency: str,
    posted: Iterable[Booked],
    codes: Mapping[str, set[str]],
) -> Award:
    groups, agrees, expected = Groups(), True, 0
    total = 0
    for one in posted:
        line = one.event
        assert isinstance(line, ContestPosted)
        total += line.amount
        groups.add("posted", "posted", Ground(line.client_id, line.amount, one.position, currency))
    for _, client in hand.clients:
        given = codes.get(client.client_id, set())
        if contest.code in given:
            continue
        excluded = list(_without_contest(hand, contest, client))
        found = decide_contests(hand.ledger, hand.run, hand.partner, client, given)
        due = [line for line in found if line.contest == contest.code]
        agrees &= bool(due) != bool(excluded)
        expected += sum(line.amount for line in due)
        ground = Ground(client.client_id, client.claimed_on, client.claim or client.activation)
        for why in excluded or waiting(hand.known, client.counted_on, None, due=True):
            groups.add(why.name, f"clients: {why.text}", ground)
    reasons = tuple(groups.reasons())
    if not reasons:
        told = f"no client counted in {hand.month}"
        reasons = (because("no_clients", told, Ground("contest", contest.end, None)),)
    return Award("contest", contest.code, None, reasons, total, expected, currency, agrees=agrees)


def _without_contest(
    hand: PartnerAtHand, contest: Contest, client: CountedClient
) -> Iterator[Reason]:
    day = client.counted_on
    yield from barred(hand, day)
    version = hand.version(day)
    if contest.code not in {each.code for each in version.programme.contests}:
        yield because("no_contest", f"{version.version} has no contest {contest.code}")
    elif client.claimed_on is None:
        yield because("assigned", "finance assigned them, no claim won them")
    elif not contest.start <= client.claimed_on <= contest.end:
        told = f"their claims lie outside {contest.start} to {contest.end}"
        yield because("claim_outside", told)


def _contests_of(
    hand: PartnerAtHand, clients: Iterable[CountedClient]
) -> dict[str, tuple[Contest, str]]:
    """The contests that run in the month, or that a client counted in it was claimed in."""
    found: dict[str, tuple[Contest, str]] = {}
    days = {hand.first: None, hand.last: None} | {each.counted_on: each for each in clients}
    for day, client in sorted(days.items(), key=lambda each: each[0]):
        programme = hand.version(day).programme
        for contest in programme.contests:
            runs = contest.start <= hand.last and contest.end >= hand.first
            claimed = client.claimed_on if client is not None else None
            if runs or (claimed is not None and contest.start <= claimed <= contest.end):
                found.setdefault(contest.code, (contest, programme.currency))
    return found


def _contest_of(hand: PartnerAtHand, one: Booked) -> tuple[Contest, str]:
    """The contest of an amount that is posted, by the version that decided it."""
    line = one.event
    assert isinstance(line, ContestPosted)
    programme = hand.ledger.programmes.named(line.programme_version or "").programme
    contest = next(each for each in programme.contests if each.code == line.contest)
    return contest, programme.currency


def _event(one: Booked) -> BonusPosted | BonusDeclined:
    assert isinstance(one.event, BonusPosted | BonusDeclined)
    return one.event
