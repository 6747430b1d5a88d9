"""The lines of periods: what a run posts, corrects, waives and takes back (D4–D9, D13).

Readings:

- A posted period whose S stays due with another currency or interval is left alone (D9.3). If only
  the world without retractions has it so, U is not known: what falls is waived, nothing taken back.
- A difference shows the rate of the first line; a waiver its base and rate too.
- The tier of ``rate_basis = "activation_date"`` is that of the client's first activation day; the
  version of ``version_basis = "activation_date"`` the one in force on it.
- An adjustment of any commission, margin or waiver of a period makes that period finance's (D9.4).
- ``agreement.tail``: D7 lines are those of periods, margins included; *attributed before the end*
  is held by a claim or assignment of a day before it. N months end on the day N months after the
  stop.
- A take-back shows the base taken back: of a margin, the bases posted less the new one; of a
  commission the lower of that and what retractions alone changed.
- *All was taken back*: there is a take-back, and the lines and take-backs of the period sum to 0,
  of a margin their bases: while some base stands, the partner owes it.
  Such a period of a partner gets no difference while another partner's first line is in force
  (D18.3); nor does a payment while another first line of it is, of whatever client and S.
- What is taken back from one partner and due to another is posted by the same run (D18.11).
- ``mode = "instead_of_first_year"``: a counted client with its claim in the contest gives no
  commission in client year 1 from its first period on, whatever the run's day; margins stay.
  Without an agreement on the counting day the contest's amount is not due, and commissions are.
- Where the tier is that of the first activation day, a payment waits for a run that reaches it.
- A line by invoice has as its last day the one before the next period start, by the interval of the
  schedule that runs on S (a change of it waits for the next period start, D4.1); a month where none
  does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from ledger.policy.programme import Programme
from tests.model.days import ONE, plus_months
from tests.model.invoices import payments
from tests.model.periods import all_spells, periods
from tests.model.programmes import Version
from tests.model.run import Run
from tests.model.seen import in_force, stopped_on
from tests.model.views import OF_PERIOD, LineView, PeriodKey
from tests.model.world import World


def rounded(base: int, rate: Decimal) -> int:
    """Base × rate, rounded half up to the minor unit (D1)."""
    return int(Fraction(base) * Fraction(rate) + Fraction(1, 2))


@dataclass(frozen=True)
class Due:
    """A period, or a payment, that is due to a partner; ``base`` in minor units."""

    base: int
    currency: str
    interval: str
    last_day: date
    facts: tuple[int, ...]
    is_replaced: bool
    """A contest stands in the place of its commission (D10.2)."""


def deciding(run: Run, world: World, partner_id: str, client_id: str, day: date) -> Version:
    """The version that decides a period of S ``day`` (D7.2)."""
    version = run.programmes.version(partner_id, day)
    first = world.first_day(client_id)
    if version.programme.version_basis == "activation_date" and first is not None:
        return run.programmes.version(partner_id, first)
    return version


def all_due(run: Run, world: World) -> dict[PeriodKey, Due]:
    """Everything with S up to the run's day that is due to somebody (D4.3, D8.2)."""
    found: dict[PeriodKey, Due] = {}
    for client_id in world.client_ids():
        for spell in all_spells(world.facts, client_id):
            for period in periods(world.facts, client_id, spell, run.through):
                key = _key(run, world, client_id, period.subscription_id, period.start, ())
                if key is not None:
                    replaced = _is_replaced(run, world, key)
                    found[key] = Due(
                        period.price,
                        period.currency,
                        period.interval,
                        period.last_day,
                        period.facts,
                        replaced,
                    )
    for payment in payments(world.facts):
        if payment.start > run.through or not world.is_activated(payment.client_id):
            continue
        key = _key(
            run, world, payment.client_id, payment.subscription_id, payment.start, payment.key
        )
        if key is not None:
            interval = _interval(world, payment.client_id, payment.subscription_id, payment.start)
            after = plus_months(payment.start, 12 if interval == "year" else 1)
            replaced = _is_replaced(run, world, key)
            found[key] = Due(
                payment.amount, payment.currency, "", after - ONE, payment.facts, replaced
            )
    return found


def _key(
    run: Run,
    world: World,
    client_id: str,
    subscription_id: str,
    day: date,
    payment: tuple[str, ...],
) -> PeriodKey | None:
    """The period's key, if it is due to somebody."""
    partner_id = world.attribution.holder(client_id, day)
    if partner_id is None or not run.is_kept(day):
        return None
    programme = deciding(run, world, partner_id, client_id, day).programme
    if (programme.accrual == "invoice") != bool(payment):
        return None
    if not _earns(world, partner_id, client_id, day, programme):
        return None
    return PeriodKey(partner_id, client_id, subscription_id, day, payment)


def _earns(world: World, partner_id: str, client_id: str, day: date, programme: Programme) -> bool:
    """Whether the agreement is in force on S, or its tail goes so far (D4.4)."""
    if in_force(world.facts, partner_id, day):
        return True
    stopped = stopped_on(world.facts, partner_id, day)
    since = world.attribution.held_since(client_id, day)
    tail = programme.agreement.tail
    if stopped is None or since is None or since >= stopped or tail == "none":
        return False
    return tail == "client_lifetime" or day < plus_months(stopped, tail)


def _is_replaced(run: Run, world: World, key: PeriodKey) -> bool:
    """Whether a contest stands in the place of a commission (D10.2)."""
    contests = [one for version in run.programmes.versions for one in version.programme.contests]
    if all(contest.mode == "in_addition" for contest in contests):
        return False
    counted = world.counted(key.client_id)
    if counted is None or counted.partner_id != key.partner_id:
        return False
    if not in_force(world.facts, key.partner_id, counted.day):
        return False
    modes = {contest.mode for contest in world.contests_of(counted)}
    return "instead_of_first_year" in modes and _year(run, world, key) == 1


def _year(run: Run, world: World, key: PeriodKey) -> int:
    programme = deciding(run, world, key.partner_id, key.client_id, key.service_date).programme
    restarts = programme.client_year.restart == "reactivation"
    return world.year(key.client_id, key.service_date, restarts=restarts)


def _interval(world: World, client_id: str, subscription_id: str, day: date) -> str:
    for spell in all_spells(world.facts, client_id):
        ends_after = spell.end is None or day < spell.end
        if spell.subscription_id == subscription_id and spell.start <= day and ends_after:
            return periods(world.facts, client_id, spell, day)[-1].interval
    return "month"


# --- what a run posts ----------------------------------------------------------------------------


def post_periods(run: Run) -> None:
    """Correct what was posted, then post what is due and was not (D8.1, D9)."""
    now = all_due(run, run.world)
    was_retracted = len(run.unretracted.facts) > len(run.world.facts)
    then = all_due(run, run.unretracted) if was_retracted else now
    before = posted_by_period(run.books.posted)
    # What is not due falls, if it changes; then what is due may rise in its place.
    for key in sorted(before, key=lambda key: (key in now, key)):
        if _is_due_otherwise(before[key], key, now):
            continue
        if key not in run.books.adjusted:
            posted = posted_by_period(run.books.posted)
            others_hold = any(map(is_in_force, _of_others(posted, key)))
            _correct(run, before[key], now.get(key), then.get(key), others_hold=others_hold)
    after = posted_by_period(run.books.posted)
    for key in sorted(now):
        if key not in before and not any(map(is_in_force, _of_others(after, key))):
            _post_first(run, key, now[key])


def posted_by_period(posted: list[LineView]) -> dict[PeriodKey, list[LineView]]:
    """The lines of each period, with its take-backs, in their order."""
    found: dict[PeriodKey, list[LineView]] = {}
    for line in posted:
        if line.has_period:
            found.setdefault(line.period, []).append(line)
    return found


def _of_others(posted: dict[PeriodKey, list[LineView]], key: PeriodKey) -> Iterator[list[LineView]]:
    """The other lines for the same payment, or for the same period (D18.3).

    A period by schedule is the same as what was paid for it.
    """
    own = replace(key, partner_id="", payment=())
    for other, lines in posted.items():
        same = replace(other, partner_id="", payment=()) == own
        if key.payment and other.payment:
            same = other.payment == key.payment
        if other != key and same:
            yield lines


def _is_due_otherwise(lines: list[LineView], key: PeriodKey, now: dict[PeriodKey, Due]) -> bool:
    """Whether a posted period in force is due by the other way of accrual (D9.3)."""
    own = replace(key, payment=())
    return (
        key not in now
        and is_in_force(lines)
        and any(
            _as_kind(lines[0], due) is not None
            for other, due in now.items()
            if replace(other, payment=()) == own and bool(other.payment) != bool(key.payment)
        )
    )


def is_in_force(lines: list[LineView]) -> bool:
    """Whether a posted period is not wholly taken back."""
    if not lines or not any(line.is_take_back for line in lines):
        return bool(lines)
    return (bases_sum(lines) if lines[0].kind == "margin" else posted_sum(lines)) != 0


def posted_sum(lines: list[LineView]) -> int:
    """P of a period: its lines and its take-backs."""
    return sum(line.amount for line in lines if line.kind != "waiver")


def bases_sum(lines: list[LineView]) -> int:
    """The bases posted for a period, less those taken back."""
    bases = [
        -(line.base or 0) if line.is_take_back else line.base or 0
        for line in lines
        if line.kind != "waiver"
    ]
    return sum(bases)


def _post_first(run: Run, key: PeriodKey, due: Due) -> None:
    """D7, D13: the first line of a period."""
    partner_id, day = key.partner_id, key.service_date
    version = deciding(run, run.world, partner_id, key.client_id, day)
    programme = version.programme
    first = run.world.first_day(key.client_id)
    assert first is not None
    tier = run.tier(partner_id, first if programme.rate_basis == "activation_date" else day)
    year = _year(run, run.world, key)
    is_margin = _is_branded(run, programme, partner_id, day)
    if key.payment and programme.rate_basis == "activation_date" and first > run.through:
        return
    if is_margin:
        assert programme.white_label is not None
        kind, rule, rate = "margin", "D13", programme.white_label.share
    elif due.is_replaced:
        return
    else:
        kind, rule = "commission", "D7"
        rate = programme.rate(tier, year, run.founding(partner_id))
    run.post(
        kind,
        rule,
        partner_id,
        day,
        rounded(due.base, rate),
        due.currency,
        client_id=key.client_id,
        subscription_id=key.subscription_id,
        payment=key.payment,
        service_end=due.last_day,
        base=due.base,
        rate=rate,
        tier=tier,
        client_year=year,
        programme_version=version.name,
        facts=due.facts,
    )


def _is_branded(run: Run, programme: Programme, partner_id: str, day: date) -> bool:
    """Whether a period of S ``day`` is sold under the partner's own brand (D13)."""
    if programme.white_label is None or not run.brands.holds(partner_id, day):
        return False
    return programme.white_label.basis == "kept" or run.tier(partner_id, day) == "strategic"


def _correct(
    run: Run, lines: list[LineView], now: Due | None, then: Due | None, *, others_hold: bool
) -> None:
    """D9.1 to D9.3, D9.5: the difference, waiver or take-back of a period that was posted."""
    first = lines[0]
    assert first.rate is not None
    now, then = _as_kind(first, now), _as_kind(first, then)
    if now is not None and _is_changed(first, now):
        return
    if then is not None and _is_changed(first, then):
        then = None
    worth = 0 if now is None else rounded(now.base, first.rate)
    worth_then = 0 if then is None else rounded(then.base, first.rate)
    posted, bases, is_margin = posted_sum(lines), bases_sum(lines), first.kind == "margin"
    base, base_then = (0 if due is None else due.base for due in (now, then))
    if worth > posted or (is_margin and base > bases):
        if is_in_force(lines) or not others_hold:
            _beside(run, first, first.kind, "D9.1", worth - posted, max(0, base - bases))
        return
    stays = max(worth, worth_then)
    if is_margin:
        kept_base = max(base, base_then)
        if bases > kept_base:
            _beside(run, first, "adjustment", "D13", stays - posted, bases - kept_base)
            posted, bases = stays, kept_base
        if bases > base:
            _beside(run, first, "adjustment", "D9.5", worth - posted, bases - base)
        return
    kept_base = base if worth >= worth_then else base_then
    waived = sum(line.amount for line in lines if line.kind == "waiver")
    if (waiver := posted - stays - waived) > 0:
        _beside(run, first, "waiver", "D9.2", waiver, first.base)
        waived += waiver
    if (taken := posted - worth - waived) > 0:
        of_retractions = max(0, min(bases, kept_base) - base)
        _beside(run, first, "adjustment", "D9.5", -taken, of_retractions)


def _as_kind(first: LineView, due: Due | None) -> Due | None:
    """What is due to a period of the first line's kind: a contest replaces commissions only."""
    return None if due is not None and due.is_replaced and first.kind == "commission" else due


def _is_changed(first: LineView, due: Due) -> bool:
    """Whether a period has another currency or interval than when it was posted (D9.3)."""
    assert first.service_end is not None
    was_year = (first.service_end - first.service_date).days > 31
    is_other = bool(due.interval) and (due.interval == "year") != was_year
    return due.currency != first.currency or is_other


def _beside(run: Run, first: LineView, kind: str, rule: str, amount: int, base: int | None) -> None:
    run.post(
        kind,
        rule,
        first.partner_id,
        first.service_date,
        amount,
        first.currency,
        client_id=first.client_id,
        subscription_id=first.subscription_id,
        payment=first.payment,
        base=base,
        rate=first.rate if kind in OF_PERIOD else None,
        client_year=first.client_year,
        programme_version=first.programme_version,
        facts=first.facts,
        of_margin=kind == "adjustment" and first.kind == "margin",
    )
