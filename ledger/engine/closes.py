"""What a close decides: rankings, and the prizes of their first places (D10.3, D12.1, D12.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from events.base import Decision
from events.lines import PrizePosted, RankingKind, RankingRecorded
from ledger.engine.calendar import add_months, end_of_month, first_of_month, month_of, quarter_of
from ledger.engine.draft import programme_on
from ledger.engine.state import Ledger, Partner
from ledger.policy.parts import Contest
from ledger.policy.versions import Adopted

DECEMBER = 12
_RULES: Mapping[RankingKind, str] = {"quarter": "D12.1", "year": "D12.3", "contest": "D10.3"}


class Span(NamedTuple):
    """Which counted clients a ranking counts.

    Those with a counting day from ``first`` (None: ever) to ``last``, and, if ``claimed`` says from
    when to when, with a winning claim of a day in it.
    """

    first: date | None
    last: date
    claimed: tuple[date, date] | None = None


class Tally(NamedTuple):
    """How many clients of a span count for a partner, and the last counted of them.

    The last by counting day, first activation, client id; ``last_activation`` is its first
    activation, ``fact`` the position of what gave it to the partner: its winning claim, or
    finance's assignment.
    """

    partner_id: str
    clients: int
    last_activation: datetime
    fact: int


class Award(NamedTuple):
    """What a place earns: a code, minor units of the programme's currency, and whether in cash."""

    prize: str
    amount: int
    cash: bool = True


class Board(NamedTuple):
    """A ranking that a close fixes, by the programme version of its last day."""

    of: RankingKind
    ranking: str
    adopted: Adopted
    span: Span
    contest: Contest | None = None

    def award(self, rank: int, clients: int) -> Award | None:
        """The prize of a place, from 1, with so many clients; None if it has none."""
        programme = self.adopted.programme
        if self.contest is not None:
            first = self.contest.first_place
            return Award(first.prize, first.value, cash=False) if first and rank == 1 else None
        if self.of == "quarter":
            prizes = programme.leaderboard.prizes if programme.leaderboard else ()
            found = rank <= len(prizes)
            return Award(f"leaderboard-{self.ranking}", prizes[rank - 1]) if found else None
        terms = programme.ambassadors
        if terms is None or rank > terms.places or clients <= terms.above:
            return None
        return Award(f"ambassador-{self.ranking}", terms.amount)


class Ranked(NamedTuple):
    """A board with its places, the first first; only partners with at least one client."""

    board: Board
    places: tuple[Tally, ...]

    def winners(self) -> Iterator[tuple[int, Tally, Award]]:
        """Each place that has a prize: rank, tally, prize."""
        for rank, tally in enumerate(self.places, start=1):
            award = self.board.award(rank, tally.clients)
            if award is None:
                return
            yield rank, tally, award


def boards(ledger: Ledger, month: str) -> list[Board]:
    """The rankings that the close of a month fixes, by programme: quarter, year, contests.

    A quarter's with its last month, whether the programme has prizes for it or not; the year's with
    December, if there are ambassadors; a contest's with the month in which it ends, if its first
    place wins something.
    """
    last = end_of_month(first_of_month(month))
    found: list[Board] = []
    for name in sorted(ledger.programmes.versions):
        adopted = ledger.programmes.in_force(name, last)
        if last.month % 3 == 0:
            span = Span(add_months(last.replace(day=1), -2), last)
            found.append(Board("quarter", quarter_of(last), adopted, span))
        if last.month == DECEMBER and adopted.programme.ambassadors is not None:
            found.append(Board("year", f"{last.year:04d}", adopted, Span(None, last)))
        found += _contests(ledger, name, month)
    return found


def _contests(ledger: Ledger, name: str, month: str) -> Iterator[Board]:
    """The contests that end in a month, each by the version in force on its end."""
    for adopted in ledger.programmes.versions[name]:
        for contest in adopted.programme.contests:
            ends_here = month_of(contest.end) == month
            if not ends_here or contest.first_place is None:
                continue
            if ledger.programmes.in_force(name, contest.end) is adopted:
                span = Span(None, contest.end, (contest.start, contest.end))
                yield Board("contest", contest.code, adopted, span, contest)


def rank(
    ledger: Ledger, board: Board, tallies: Iterable[Tally], partners: Mapping[str, Partner]
) -> Ranked:
    """The places of a board: the partners that are under its programme on its last day (D7.3).

    ``partners`` holds at least those that were ever put under another programme. Of equal counts
    the earlier first activation of the last counted comes first, then the partner's id.
    """
    name, last = board.adopted.programme.name, board.span.last
    under = (
        tally
        for tally in tallies
        if programme_on(ledger, partners.get(tally.partner_id), last).programme.name == name
    )
    order = sorted(under, key=lambda t: (-t.clients, t.last_activation, t.partner_id))
    return Ranked(board, tuple(order))


def decide_close(
    ledger: Ledger,
    close: int,
    month: str,
    rankings: Sequence[Ranked],
    partners: Mapping[str, Partner],
) -> list[Decision]:
    """The rankings of a close at position ``close``, each followed by its prizes.

    ``ledger`` is as it was before the close, ``partners`` holds at least the winners. A partner
    without an agreement on the last day keeps its place; its prize falls to nobody (D4.4).
    """
    closed = ledger._replace(closed_through=end_of_month(first_of_month(month)))
    decisions: list[Decision] = []
    for ranked in rankings:
        board = ranked.board
        ranking = close + len(decisions) + 1
        decisions.append(
            RankingRecorded(
                rule=_RULES[board.of],
                programme_version=board.adopted.version,
                day=board.span.last,
                of=board.of,
                ranking=board.ranking,
                programme=board.adopted.programme.name,
                places=tuple((tally.partner_id, tally.clients) for tally in ranked.places),
                run=close,
            )
        )
        decisions += _prizes(closed, close, ranking, ranked, partners)
    return decisions


def _prizes(
    closed: Ledger, close: int, ranking: int, ranked: Ranked, partners: Mapping[str, Partner]
) -> Iterator[PrizePosted]:
    board = ranked.board
    for place, tally, award in ranked.winners():
        # A prize of 0 is none.
        if not award.amount or not partners[tally.partner_id].in_force_on(board.span.last):
            continue
        yield PrizePosted(
            rule=_RULES[board.of],
            programme_version=board.adopted.version,
            day=board.span.last,
            partner_id=tally.partner_id,
            posting_date=closed.posting_day(board.span.last),
            amount=award.amount,
            currency=board.adopted.programme.currency,
            facts=(tally.fact,),
            run=close,
            prize=award.prize,
            rank=place,
            cash=award.cash,
            ranking=ranking,
        )
