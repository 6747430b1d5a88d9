"""Badges: pioneer, rocket, diamond, centurion, once each (D12.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from events.partner_decisions import BadgeAwarded
from ledger.engine.calendar import add_months
from ledger.engine.counted import CountedClient, Counts
from ledger.engine.draft import programme_on
from ledger.engine.state import Ledger, Partner, Run
from ledger.policy.parts import Badges, Rocket

Badge = Literal["pioneer", "rocket", "diamond", "centurion"]
_BADGES: tuple[Badge, ...] = ("pioneer", "rocket", "diamond", "centurion")


class Reached(NamedTuple):
    """A badge, and the counted clients that reach it: of the rocket the first and the last."""

    badge: Badge
    ordinals: tuple[int, ...]


def badges_reached(
    ledger: Ledger, run: Run, partner: Partner, counts: Counts, held: frozenset[str]
) -> list[Reached]:
    """The badges that are reached and not held, by the version in force on the counting day."""
    missing = [badge for badge in _BADGES if badge not in held]
    found: list[Reached] = []
    if not missing:
        return found
    for day, before, through in counts.spans(run.through):
        terms = programme_on(ledger, partner, day).programme.badges
        if terms is None:
            continue
        for badge in tuple(missing):
            ordinals = _ordinals(terms, badge, counts, before, through)
            if ordinals:
                found.append(Reached(badge, ordinals))
                missing.remove(badge)
        if not missing:
            break
    return found


def award(
    ledger: Ledger, run: Run, partner: Partner, badge: Badge, clients: Sequence[CountedClient]
) -> BadgeAwarded:
    """The badge, of the counting day of the last of the clients that reach it."""
    day = clients[-1].counted_on
    return BadgeAwarded(
        rule="D12.2",
        programme_version=programme_on(ledger, partner, day).version,
        day=day,
        partner_id=partner.partner_id,
        badge=badge,
        facts=tuple(sorted({fact for client in clients for fact in client.facts})),
        run=run.position,
    )


def _ordinals(
    terms: Badges, badge: Badge, counts: Counts, before: int, through: int
) -> tuple[int, ...]:
    """The clients by which a day's clients, ``before`` + 1 to ``through``, reach a badge."""
    if badge == "rocket":
        return next(_rockets(terms.rocket, counts, before, through), ())
    wanted = {"pioneer": terms.pioneer, "diamond": terms.diamond, "centurion": terms.centurion}
    ordinal = max(wanted[badge], before + 1)
    return (ordinal,) if ordinal <= through else ()


def _rockets(terms: Rocket, counts: Counts, before: int, through: int) -> Iterator[tuple[int, ...]]:
    """So many in a row whose last counts before the first's counting day + months."""
    for last in range(max(before + 1, terms.clients), through + 1):
        first = last - terms.clients + 1
        if counts.day_of(last) < add_months(counts.day_of(first), terms.months):
            yield (first, last)
