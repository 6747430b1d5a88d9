"""Contests: an amount for each counted client whose winning claim lies in them (D10.2)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

from events.lines import ContestPosted
from ledger.engine.calendar import add_days
from ledger.engine.counted import CountedClient
from ledger.engine.draft import programme_on
from ledger.engine.state import Ledger, Partner, Run
from ledger.policy.versions import Programmes


class Claims:
    """The days on which a contest of any version adopted has claims.

    Clients first activated after ``activated_through`` have no winning claim of such a day: it
    would have lapsed.
    """

    def __init__(self, programmes: Programmes) -> None:
        adopted = programmes.adopted
        contests = [contest for programme in adopted for contest in programme.contests]
        self.any = bool(contests)
        self.first = min((contest.start for contest in contests), default=date.max)
        self.last = max((contest.end for contest in contests), default=date.min)
        window = max((each.attribution.window_days for each in adopted), default=0)
        self.activated_through = add_days(self.last, window)


def any_replaces(programmes: Programmes) -> bool:
    """Whether a contest of any version adopted stands in place of commissions."""
    return any(
        contest.mode == "instead_of_first_year"
        for programme in programmes.adopted
        for contest in programme.contests
    )


def replaces_otherwise_from(ledger: Ledger) -> date | None:
    """The counting day from which commissions may be due otherwise than the run before believed.

    Terms told since, of a day after L, may stand on the counting day of a client of which periods
    are posted, and say whether a contest stands in their place. None if no contest does.
    """
    return ledger.terms_from if any_replaces(ledger.programmes) else None


def decide_contests(
    ledger: Ledger, run: Run, partner: Partner, client: CountedClient, posted: Collection[str]
) -> Iterator[ContestPosted]:
    """The amounts of one counted client, by the version in force on its counting day.

    ``posted`` are the codes of the contests in which the partner has its amount already.
    """
    day = client.counted_on
    if day > run.through or not partner.in_force_on(day) or not ledger.posts_on(day):
        return
    version = programme_on(ledger, partner, day)
    for contest in version.programme.contests:
        if contest.code in posted or not _holds(contest.start, client.claimed_on, contest.end):
            continue
        yield ContestPosted.trusted(
            rule="D10.2",
            programme_version=version.version,
            day=day,
            partner_id=partner.partner_id,
            posting_date=ledger.posting_day(day),
            amount=contest.amount,
            currency=version.programme.currency,
            facts=client.facts,
            run=run.position,
            client_id=client.client_id,
            contest=contest.code,
        )


def replaces_first_year(
    ledger: Ledger, partner: Partner, counted_on: date | None, claimed_on: date | None
) -> bool:
    """Whether a contest stands in place of the commissions of a client's first year.

    None does whose amount is not due, since there is no agreement on the counting day (D4.4).
    """
    if counted_on is None or not partner.in_force_on(counted_on):
        return False
    return any(
        contest.mode == "instead_of_first_year" and _holds(contest.start, claimed_on, contest.end)
        for contest in programme_on(ledger, partner, counted_on).programme.contests
    )


def _holds(start: date, day: date | None, end: date) -> bool:
    return day is not None and start <= day <= end
