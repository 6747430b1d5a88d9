"""What clients earn beside commissions: bonuses, contests, shares of sponsors, badges (D10–D12.2).

Readings:

- A multiple of the per-ten bonus is known by its ordinal (10, 20 …). *Judged once for its day*
  holds of itself: when a run's day is after the counting day, the tier on it and on the day after
  can change no more. The agreement (D4.4) is asked again by each run.
- A contest pays once per contest, client and partner. What a partner keeps of a client that a
  retraction took from it does not stop the one that wins the client then.
- The contests of a client are those of the version in force on its counting day.
- *Active* is the counting day of the n-th counted client, n by the version of that day. With
  ``trigger = "enrolment"`` a partner is active from its enrolment day, for the shares (D11.2) too.
- A sponsor's share of a line is by the version that decides the line; a first line of 0 gives a
  share of 0.
- A difference that follows a take-back gives a share on what the bases posted, less those taken
  back, exceed the bases that had one, at most its own; if that is nothing, none.
- A badge is reached when there are at least as many clients as the version of that counting day
  says.
"""

from __future__ import annotations

from datetime import date

from events.values import TIERS
from tests.model.accrual import bases_sum, rounded
from tests.model.days import ONE, plus_months
from tests.model.run import Run
from tests.model.seen import enrolment
from tests.model.views import BadgeView, LineView
from tests.model.world import Counted


def post_bonuses(run: Run, partner_id: str) -> None:
    """D10.1: an amount for each so many-th client, if the partner is of a tier."""
    for ordinal, counted in enumerate(run.world.counted_of(partner_id), start=1):
        version = run.programmes.version(partner_id, counted.day)
        per_ten = version.programme.per_ten
        if per_ten is None or ordinal % per_ten.each or counted.day >= run.through:
            continue
        judged = counted.day + ONE if per_ten.judged == "day_after" else counted.day
        tier = run.tier(partner_id, judged)
        has_tier = TIERS.index(tier) >= TIERS.index(per_ten.from_tier)
        is_paid = any(
            (line.kind, line.partner_id, line.ordinal) == ("bonus", partner_id, ordinal)
            for line in run.books.posted
        )
        if has_tier and not is_paid and run.may_earn(partner_id, counted.day):
            run.post(
                "bonus",
                "D10.1",
                partner_id,
                counted.day,
                per_ten.amount,
                version.programme.currency,
                client_id=counted.client_id,
                ordinal=ordinal,
                programme_version=version.name,
            )


def post_contests(run: Run, partner_id: str) -> None:
    """D10.2: an amount for each counted client whose winning claim is inside a contest."""
    for counted in run.world.counted_of(partner_id):
        version = run.programmes.version(partner_id, counted.day)
        for contest in run.world.contests_of(counted):
            is_paid = any(
                line.kind == "contest"
                and (line.partner_id, line.client_id) == (partner_id, counted.client_id)
                and line.award == contest.code
                for line in run.books.posted
            )
            reached = counted.day <= run.through
            if reached and not is_paid and run.may_earn(partner_id, counted.day):
                run.post(
                    "contest",
                    "D10.2",
                    partner_id,
                    counted.day,
                    contest.amount,
                    version.programme.currency,
                    client_id=counted.client_id,
                    award=contest.code,
                    programme_version=version.name,
                )


# --- sponsorship (D11) ---------------------------------------------------------------------------


def active_day(run: Run, partner_id: str) -> date | None:
    """The day on which a partner is active, by what is recorded now (D11.1)."""
    enrolled = enrolment(run.world.facts, partner_id)
    assert enrolled is not None
    terms = run.programme(partner_id, enrolled[0].day).sponsorship
    if terms is not None and terms.trigger == "enrolment":
        return enrolled[0].day
    for number, counted in enumerate(run.world.counted_of(partner_id), start=1):
        terms = run.programme(partner_id, counted.day).sponsorship
        if terms is not None and number >= terms.active_clients:
            return counted.day
    return None


def post_sponsorship(run: Run, partner_id: str) -> None:
    """What a sponsored partner earns its sponsor: the reward, and shares of its commissions."""
    tie, active = run.ties.sponsor(partner_id), active_day(run, partner_id)
    if tie is None or active is None:
        return
    _post_reward(run, partner_id, tie.sponsor_id, active)
    for place, line in enumerate(list(run.books.posted)):
        if line.kind != "commission" or line.partner_id != partner_id:
            continue
        is_late_enough = place >= tie.lines_before and line.service_date > active
        if is_late_enough and place not in run.books.overrides:
            _post_override(run, place, line, tie.sponsor_id)


def _post_reward(run: Run, partner_id: str, sponsor_id: str, active: date) -> None:
    """D11.1: once for a sponsored partner, whoever its sponsor was."""
    version = run.programmes.version(partner_id, active)
    terms = version.programme.sponsorship
    is_paid = any(
        (line.kind, line.sponsored_id) == ("reward", partner_id) for line in run.books.posted
    )
    if terms is None or is_paid or active > run.through or not run.may_earn(sponsor_id, active):
        return
    run.post(
        "reward",
        "D11.1",
        sponsor_id,
        active,
        terms.reward,
        version.programme.currency,
        sponsored_id=partner_id,
        programme_version=version.name,
    )


def _post_override(run: Run, place: int, line: LineView, sponsor_id: str) -> None:
    """D11.2: a share of a commission line, by its place among all lines."""
    day = line.service_date
    version = run.programmes.named(line.programme_version)
    terms = version.programme.sponsorship
    if terms is None or line.client_year is None or line.client_year > terms.client_year:
        return
    base = _shared_base(run, place, line)
    if base is None or not run.may_earn(sponsor_id, day):
        return
    run.books.overrides[place] = base
    run.post(
        "override",
        "D11.2",
        sponsor_id,
        day,
        rounded(base, terms.override),
        line.currency,
        client_id=line.client_id,
        subscription_id=line.subscription_id,
        payment=line.payment,
        base=base,
        rate=terms.override,
        sponsored_id=line.partner_id,
        programme_version=version.name,
    )


def _shared_base(run: Run, place: int, line: LineView) -> int | None:
    """The base of a share of a line; None if nothing of it may have one."""
    base = line.base or 0
    before = [
        (at, one)
        for at, one in enumerate(run.books.posted[: place + 1])
        if one.has_period and one.period == line.period
    ]
    if not any(one.is_take_back for _, one in before):
        return base
    had = sum(run.books.overrides.get(at, 0) for at, _ in before)
    excess = bases_sum([one for _, one in before]) - had
    return min(base, excess) if excess > 0 else None


# --- badges (D12.2) ------------------------------------------------------------------------------


def award_badges(run: Run, partner_id: str) -> None:
    """Each badge once, of the counting day that reaches it."""
    clients = run.world.counted_of(partner_id)
    for number, counted in enumerate(clients, start=1):
        if counted.day > run.through:
            continue
        for badge in _reached(run, partner_id, clients[:number]):
            given = {(one.partner_id, one.badge) for one in run.books.badges}
            if (partner_id, badge) not in given:
                run.books.badges.append(BadgeView(partner_id, badge, counted.day))


def _reached(run: Run, partner_id: str, clients: list[Counted]) -> list[str]:
    """The badges that so many clients reach with the last of them."""
    badges = run.programme(partner_id, clients[-1].day).badges
    if badges is None:
        return []
    reached = [
        name
        for name in ("pioneer", "diamond", "centurion")
        if len(clients) >= getattr(badges, name)
    ]
    row = clients[-badges.rocket.clients :]
    in_time = row[-1].day < plus_months(row[0].day, badges.rocket.months)
    if len(row) == badges.rocket.clients and in_time:
        reached.append("rocket")
    return reached
