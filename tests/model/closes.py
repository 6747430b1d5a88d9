"""Rankings, and the prizes that a close decides after it (D10.3, D12, D16).

Readings:

- A ranking is recorded at the close for every programme, whether or not it has prizes.
- The period of a contest ends on its end: that day is S, and whose version and programme count.
  Its clients are those with a winning claim inside, whatever programme they counted under.
- The first places are those of the ranking; one whose agreement is not in force on the last day
  gets nothing, and nobody moves up.
- *The last counted* (ties) is the last of the clients ranked, by counting day, first activation,
  id.
- A prize of 0 is none.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from ledger.policy.parts import Contest
from tests.model.days import days, first_of, is_quarter_end, last_of
from tests.model.programmes import Version
from tests.model.run import Places, Run
from tests.model.views import PlaceView
from tests.model.world import Counted


def ranking(run: Run, programme: str, last: date, takes: Callable[[Counted], bool]) -> Places:
    """The partners of a programme on the last day, by clients taken; then the earlier last one."""
    clients: dict[str, list[Counted]] = {}
    for counted in run.world.all_counted():
        partner_id = counted.partner_id
        if takes(counted) and run.programmes.name_of(partner_id, last) == programme:
            clients.setdefault(partner_id, []).append(counted)
    order = sorted(
        clients,
        key=lambda partner: (-len(clients[partner]), clients[partner][-1].first_at, partner),
    )
    return [(partner, len(clients[partner])) for partner in order]


def quarter_of(day: date) -> str:
    """The quarter of a day, ``2026Q1``."""
    return f"{day.year}Q{(day.month + 2) // 3}"


def quarter_days(quarter: str) -> tuple[date, date]:
    """The first and the last day of a quarter."""
    year, number = quarter.split("Q")
    last_month = int(number) * 3
    return first_of(f"{year}-{last_month - 2:02}"), last_of(f"{year}-{last_month:02}")


def leaderboard(run: Run, quarter: str, until: date = date.max) -> list[PlaceView]:
    """The recorded ranking of a quarter, or what it is by everything recorded (D12.1).

    Up to a day within the quarter it is open, and only those counted by then are in it.
    """
    found: list[PlaceView] = []
    _, last = quarter_days(quarter)
    for programme in run.programmes.names():
        places = run.books.rankings.get((quarter, programme)) if last <= until else None
        if places is None:
            places = _of_quarter(run, programme, quarter, until)
        found += [PlaceView(n, who, clients) for n, (who, clients) in enumerate(places, start=1)]
    return sorted(found)


def _of_quarter(run: Run, programme: str, quarter: str, until: date = date.max) -> Places:
    first, last = quarter_days(quarter)
    last = min(last, until)
    return ranking(run, programme, last, lambda counted: first <= counted.day <= last)


def decide_close(run: Run, month: str) -> None:
    """What the close of a month decides: contests, the quarter, ambassadors."""
    for programme in run.programmes.names():
        for day in days(first_of(month), last_of(month)):
            _close_contests(run, run.programmes.in_force(programme, day), day)
        last = last_of(month)
        version = run.programmes.in_force(programme, last)
        if is_quarter_end(last):
            _close_quarter(run, version, last)
        if last.month == 12:
            _close_year(run, version, last)


def _close_contests(run: Run, version: Version, day: date) -> None:
    """D10.3: the first place of each contest that ends on a day."""
    for contest in version.programme.contests:
        if contest.end != day:
            continue

        def takes(counted: Counted, contest: Contest = contest) -> bool:
            claimed_on = counted.claimed_on
            if claimed_on is None or counted.day > day:
                return False
            return contest.start <= claimed_on <= contest.end

        places = ranking(run, version.programme.name, day, takes)
        run.books.rankings[contest.code, version.programme.name] = places
        if contest.first_place is not None and places:
            _post_prize(run, version, "D10.3", places[0][0], day, contest.first_place.value)


def _close_quarter(run: Run, version: Version, last: date) -> None:
    """D12.1: the ranking of a quarter, and the prizes of its first places."""
    quarter, name = quarter_of(last), version.programme.name
    places = _of_quarter(run, name, quarter)
    run.books.rankings[quarter, name] = places
    if version.programme.leaderboard is not None:
        prizes = version.programme.leaderboard.prizes
        for (partner_id, _), amount in zip(places, prizes, strict=False):
            _post_prize(run, version, "D12.1", partner_id, last, amount)


def _close_year(run: Run, version: Version, last: date) -> None:
    """D12.3: the ambassadors."""
    ambassadors = version.programme.ambassadors
    if ambassadors is None:
        return
    places = ranking(run, version.programme.name, last, lambda counted: counted.day <= last)
    enough = [place for place in places if place[1] > ambassadors.above][: ambassadors.places]
    run.books.rankings[f"ambassadors-{last.year}", version.programme.name] = enough
    for partner_id, _ in enough:
        _post_prize(run, version, "D12.3", partner_id, last, ambassadors.amount)


def _post_prize(
    run: Run, version: Version, rule: str, partner_id: str, last: date, amount: int
) -> None:
    if amount and run.may_earn(partner_id, last):
        run.post(
            "prize",
            rule,
            partner_id,
            last,
            amount,
            version.programme.currency,
            programme_version=version.name,
        )
