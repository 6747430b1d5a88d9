"""Tiers: requirements, promotions, commitments reviewed on anniversaries (D6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from events.partner_decisions import Measure, TierChanged
from events.values import TIERS, TierName
from ledger.engine.calendar import ONE_DAY, add_months, whole_months
from ledger.engine.counted import Counts
from ledger.engine.draft import programme_on
from ledger.engine.evolve import evolve
from ledger.engine.state import Ledger, Partner, Report, Run
from ledger.policy.programme import Programme


@dataclass(frozen=True, slots=True)
class _Window:
    """What is measured of a partner in a stretch of days; co-marketing in minor units."""

    counted: int
    comarketing: int


def _window(partner: Partner, counts: Counts, currency: str, after: date, through: date) -> _Window:
    """Measure the days after ``after`` up to ``through``, in the programme's currency."""
    spent = sum(
        report.value
        for report in partner.comarketing
        if report.currency == currency and after < report.day <= through
    )
    return _Window(counts.within(after, through), spent)


class Outlook(NamedTuple):
    """How a partner stands on a day between the level that it holds and the others (D6).

    ``reach`` are the requirements of the levels above, the next first; ``keep`` the commitment of
    the running year, as far as it is met by the day; ``review`` the anniversary that ends it, None
    for the lowest level.
    """

    tier: TierName
    since: date
    version: str
    reach: tuple[Measure, ...]
    review: date | None
    keep: tuple[Measure, ...]


def outlook(ledger: Ledger, partner: Partner, counts: Counts, day: date) -> Outlook:
    """What an enrolled partner lacks on a day for the levels above, and to keep its own.

    The measures are those of the evaluation and of the next review; ``partner`` has the tiers that
    are to be looked from.
    """
    adopted = programme_on(ledger, partner, day)
    programme, step = adopted.programme, partner.tiers[-1]
    year = _window(partner, counts, programme.currency, add_months(day, -12), day)
    reach: tuple[Measure, ...] = ()
    for name in TIERS[TIERS.index(step.tier) + 1 :]:
        reach += _asked(programme, name, partner, counts, day, year)
    review = _next_review(partner, day, date.max)
    keep: tuple[Measure, ...] = ()
    if review is not None:
        years = whole_months(step.day, review) // 12
        eve = add_months(step.day, 12 * (years - 1)) - ONE_DAY
        window = _window(partner, counts, programme.currency, eve, day)
        keep = _commitments(programme, step.tier, window)
    return Outlook(step.tier, step.day, adopted.version, reach, review, keep)


def every_tier_is_open(ledger: Ledger, run: Run) -> bool:
    """Whether a run may change the tier of a partner of whom nothing is new.

    It may on the first days that are evaluated at all (a first run after an opening may end on its
    eve and evaluate none, D8.3), and where another programme version comes into force.
    """
    previous, programmes = run.previous, ledger.programmes
    if previous is None or (ledger.opened_on is not None and previous < ledger.opened_on):
        return True
    return any(programmes.version_days(name, previous, run.through) for name in programmes.versions)


def decide_tiers(ledger: Ledger, run: Run, partner: Partner, counts: Counts) -> list[TierChanged]:
    """The tier changes of one partner in a run: days L, L+1 … D in order (D6.3).

    Each day: first, if it is after L, the review due on it; then the evaluation as of that day,
    from everything recorded. Only days on which something can change are visited. The first run
    after an opening evaluates no day before it, though L is its eve (D8.3).
    """
    if partner.enrolment is None or partner.enrolment.day > run.through:
        return []
    first = partner.enrolment.day
    if run.previous is not None:
        first = max(first, run.previous)
    reviewed = first
    if ledger.opened_on is not None:
        first = max(first, ledger.opened_on)
    changes: list[TierChanged] = []
    days = iter(_days_that_matter(ledger, run, partner, counts, first))
    waiting = next(days, None)
    after = reviewed
    while True:
        review = _next_review(partner, after, run.through)
        day = min((d for d in (waiting, review) if d is not None), default=None)
        if day is None:
            return changes
        programme = programme_on(ledger, partner, day)
        for decide in (_review,) * (day == review) + (_evaluate,):
            change = decide(partner, counts, day, programme.programme)
            if change is not None:
                change = change.model_copy(
                    update={"programme_version": programme.version, "run": run.position}
                )
                changes.append(change)
                partner = _folded(partner, change)
        after = max(after, day)
        while waiting is not None and waiting <= day:
            waiting = next(days, None)


def _folded(partner: Partner, change: TierChanged) -> Partner:
    entity = evolve(change.stream, partner, change)
    assert isinstance(entity, Partner)
    return entity


def _days_that_matter(
    ledger: Ledger, run: Run, partner: Partner, counts: Counts, first: date
) -> list[date]:
    """The days from ``first`` to D on which an evaluation can come out otherwise than before."""
    facts: Iterable[tuple[Report, ...]] = (
        partner.certified,
        partner.nps,
        partner.portfolio,
        partner.comarketing,
    )
    days = {report.day for reports in facts for report in reports} | set(counts.days) | {first}
    days |= {day for day, _ in partner.programmes}
    for name in ledger.programmes.versions:
        days |= set(ledger.programmes.version_days(name, first, run.through))
    return sorted(day for day in days if first <= day <= run.through)


def _next_review(partner: Partner, after: date, through: date) -> date | None:
    """The first anniversary of the present tier's first day in (``after``, ``through``]."""
    if _held(partner) == "referent":
        return None
    step = partner.tiers[-1]
    years = max(1, whole_months(step.day, after) // 12 + 1)
    day = add_months(step.day, 12 * years)
    return day if after < day <= through else None


def _review(
    partner: Partner, counts: Counts, day: date, programme: Programme
) -> TierChanged | None:
    """The commitment of the year that ended on the eve: one level down if it was missed (D6.4)."""
    step = partner.tiers[-1]
    years = whole_months(step.day, day) // 12
    since = add_months(step.day, 12 * (years - 1))
    window = _window(partner, counts, programme.currency, since - ONE_DAY, day - ONE_DAY)
    measures = _commitments(programme, step.tier, window)
    if all(measure.met for measure in measures):
        return None
    return _change(
        partner, day, TIERS[TIERS.index(step.tier) - 1], "review", day - ONE_DAY, measures
    )


def _evaluate(
    partner: Partner, counts: Counts, day: date, programme: Programme
) -> TierChanged | None:
    """A promotion, from the day after, to the highest level whose requirements are met (D6.2)."""
    held = TIERS.index(_held(partner))
    year = _window(partner, counts, programme.currency, add_months(day, -12), day)
    measures: list[Measure] = []
    reached = 0
    for level, name in enumerate(TIERS[1:], start=1):
        if level > held:
            needed = _asked(programme, name, partner, counts, day, year)
            measures += needed
            if not all(measure.met for measure in needed):
                break
        reached = level
    if reached <= held:
        return None
    kept = tuple(m for m in measures if TIERS.index(m.level) <= reached)
    return _change(partner, day + ONE_DAY, TIERS[reached], "promotion", day, kept)


def _change(
    partner: Partner,
    day: date,
    tier: TierName,
    cause: str,
    evaluated_on: date,
    measures: tuple[Measure, ...],
) -> TierChanged:
    return TierChanged.model_validate(
        {
            "rule": "D6.4" if cause == "review" else "D6.3",
            "day": day,
            "partner_id": partner.partner_id,
            "from_tier": _held(partner),
            "to_tier": tier,
            "cause": cause,
            "evaluated_on": evaluated_on,
            "measures": measures,
            "facts": _facts(partner, evaluated_on),
        }
    )


def _held(partner: Partner) -> TierName:
    """The tier held last; ``referent`` in a log that lacks what the enrolment decided."""
    return partner.tiers[-1].tier if partner.tiers else "referent"


def _facts(partner: Partner, day: date) -> tuple[int, ...]:
    """The partner's own facts that an evaluation as of a day rests on."""
    last = (_last(partner.nps, day), _last(partner.portfolio, day))
    found = [report.position for report in last if report is not None]
    found += [r.position for r in (*partner.certified, *partner.comarketing) if r.day <= day]
    return tuple(sorted(set(found)))


def _last(reports: tuple[Report, ...], day: date) -> Report | None:
    """The report that stands on a day: the last one up to it (D2)."""
    return max((report for report in reports if report.day <= day), default=None)


def _asked(
    programme: Programme,
    name: TierName,
    partner: Partner,
    counts: Counts,
    day: date,
    year: _Window,
) -> tuple[Measure, ...]:
    """What a level asks of a partner: its requirements, and of one that lost it more (D6.4)."""
    needed = _requirements(programme, name, partner, counts, day, year)
    return needed + _commitments(programme, name, year) if name in partner.lost else needed


def _requirements(
    programme: Programme,
    name: TierName,
    partner: Partner,
    counts: Counts,
    day: date,
    year: _Window,
) -> tuple[Measure, ...]:
    """What a level requires, with what is measured as of a day."""
    wanted = programme.tier(name).requires
    nps, portfolio = _last(partner.nps, day), _last(partner.portfolio, day)
    certified = int(any(report.day <= day for report in partner.certified))
    at_least: Callable[[int, int], bool] = int.__ge__
    above: Callable[[int, int], bool] = int.__gt__
    table = (
        ("counted_clients_12_months", wanted.counted_clients_12_months, year.counted, at_least),
        ("counted_clients_ever", wanted.counted_clients_ever, counts.through(day), at_least),
        ("certification", 1 if wanted.certification else None, certified, at_least),
        ("nps_above", wanted.nps_above, nps.value if nps else None, above),
        ("portfolio_above", wanted.portfolio_above, portfolio.value if portfolio else None, above),
        ("comarketing_12_months", wanted.comarketing_12_months, year.comarketing, at_least),
    )
    return tuple(
        Measure(
            name=key,
            level=name,
            required=required,
            measured=measured,
            met=measured is not None and met(measured, required),
        )
        for key, required, measured, met in table
        if required is not None
    )


def _commitments(programme: Programme, name: TierName, window: _Window) -> tuple[Measure, ...]:
    """What a level must reach in a year to be kept, with what is measured in the window."""
    wanted = programme.tier(name).commitment
    table = (
        ("counted_clients_per_year", wanted.counted_clients_per_year, window.counted),
        ("comarketing_per_year", wanted.comarketing_per_year, window.comarketing),
    )
    return tuple(
        Measure(
            name=key, level=name, required=required, measured=measured, met=measured >= required
        )
        for key, required, measured in table
        if required is not None
    )
