"""What a partner's places in rankings won it in a month, or why not (D10.3, D12)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from psycopg import sql
from psycopg.rows import tuple_row

from events.lines import PrizePosted, RankingRecorded
from ledger.engine import closes
from ledger.engine.calendar import add_months, end_of_month, month_of, quarter_of
from ledger.engine.closes import Award as Prize
from ledger.engine.closes import Board, Ranked
from ledger.engine.draft import programme_on
from ledger.engine.sponsorship import Booked
from ledger.engine.state import Partner
from projections.clients import CLIENTS
from projections.definition import scope_of
from projections.rankings import tallies
from replay.as_of import AsOf
from replay.entities import ledger_at, partners_at
from replay.explaining.awards import Award, because
from replay.explaining.partner import PartnerAtHand
from replay.explaining.reasons import Ground, Reason, without_agreement

DECEMBER = 12
_KINDS = {"quarter": "leaderboard", "year": "ambassador", "contest": "first_place"}
"""What the prize of a ranking is called, by what the ranking counts."""


class _Decided(NamedTuple):
    """A ranking as its close decides it: of the partner the rank, from 1, and the prize, if any."""

    ranked: Ranked
    rank: int | None
    prize: PrizePosted | None
    partner: Partner


def places(hand: PartnerAtHand) -> Iterator[Award]:
    """The rankings that the month's close fixes, and those that go on after it."""
    yield from _going_on(hand)
    recorded = _recorded(hand)
    for board in closes.boards(hand.known, hand.month):
        name = board.adopted.programme.name
        if programme_on(hand.known, hand.partner, hand.last).programme.name == name:
            yield _place(hand, board, recorded)


def _place(hand: PartnerAtHand, board: Board, recorded: Sequence[Booked]) -> Award:
    ranking = next((one for one in recorded if _is_of(one, board)), None)
    prize = next((one for one in recorded if ranking and _is_prize(one, ranking)), None)
    closed = hand.known.closed_through
    skipped = ranking is None and closed is not None and hand.last <= closed
    close = _event(ranking).run if ranking else hand.at.position + 1
    decided = _decided(hand, board, close)
    excluded = list(_without_prize(decided))
    due = decided.prize
    reasons: list[Reason] = list(excluded)
    if prize is not None:
        line = prize.event
        assert isinstance(line, PrizePosted)
        ground = Ground(line.prize, line.amount, prize.position, line.currency)
        reasons.append(
            because("posted", f"place {line.rank}, at position {prize.position}", ground)
        )
    elif skipped:
        told = f"{hand.month} was closed without rankings: they begin after the first close"
        reasons.append(because("closed_without", told))
    elif ranking is None:
        told = f"{hand.month} is not closed: its close decides, by what is recorded then"
        reasons.append(because("not_closed", told, *_standing(decided)))
    open_ = ranking is None and not skipped
    return Award(
        _KINDS[board.of],
        board.ranking,
        board.span.last,
        tuple(reasons),
        prize.event.__dict__["amount"] if prize else 0,
        due.amount if due and open_ else 0,
        board.adopted.programme.currency,
        agrees=(due is None) == bool(excluded)
        and (open_ or skipped or (due is None) == (prize is None)),
    )


def _without_prize(decided: _Decided) -> Iterator[Reason]:
    """Why a place wins nothing, with the numbers that decide it."""
    ranked, rank, _, partner = decided
    board, ranked_places = ranked.board, ranked.places
    if rank is None:
        told = f"no client of the partner is in the ranking of {len(ranked_places)} partners"
        yield because("no_clients", told, *_standing(decided))
        return
    clients = ranked_places[rank - 1].clients
    award = board.award(rank, clients)
    ambassadors = board.adopted.programme.ambassadors
    if award is None and board.of == "year" and ambassadors and rank <= ambassadors.places:
        told = f"place {rank} with {clients} clients; a place has a prize above {ambassadors.above}"
        yield because("too_few_for_place", told, *_standing(decided))
    elif award is None or not award.amount:
        told = f"place {rank} with {clients} clients has no prize"
        yield because("no_prize_for_place", told, *_standing(decided))
    if not partner.in_force_on(board.span.last):
        yield without_agreement(partner, board.span.last)


def _standing(decided: _Decided) -> Iterator[Ground]:
    """The partner's own count, and the last that wins something."""
    ranked, rank, _, _ = decided
    if rank is not None:
        yield Ground("clients", ranked.places[rank - 1].clients, ranked.places[rank - 1].fact)
    winning = list(ranked.winners())
    if winning:
        last, tally, _ = winning[-1]
        yield Ground(f"place {last}", tally.clients, tally.fact)
    first = ranked.board.award(1, ranked.places[0].clients) if ranked.places else None
    if isinstance(first, Prize) and len(winning) != 1:
        yield Ground("place 1", ranked.places[0].clients, ranked.places[0].fact)


def _decided(hand: PartnerAtHand, board: Board, close: int) -> _Decided:
    """A ranking decided on what was recorded before a close."""
    at = AsOf(close - 1, None, None, final=True)
    open_ = at.position == hand.at.position
    ledger = hand.known if open_ else ledger_at(hand.replay, at)
    partners = dict(hand.partners if open_ else partners_at(hand.replay, at))
    events = hand.replay.names.events
    clients = sql.SQL("({})").format(CLIENTS.rows(events, scope_of(through=at.position)))
    with hand.replay.connection.cursor(row_factory=tuple_row) as cursor:
        counted = tallies(cursor, board.span, clients, events, at.position)
    ranked = closes.rank(ledger, board, counted, partners)
    month = month_of(board.span.last)
    decisions = closes.decide_close(ledger, close, month, [ranked], partners)
    names = [tally.partner_id for tally in ranked.places]
    own = hand.partner_id
    prizes = [one for one in decisions if isinstance(one, PrizePosted) and one.partner_id == own]
    return _Decided(
        ranked,
        names.index(own) + 1 if own in names else None,
        prizes[0] if prizes else None,
        partners.get(own) or Partner(own),
    )


def _going_on(hand: PartnerAtHand) -> Iterator[Award]:
    """The quarter, year and contests that do not end with the month."""
    programme = hand.version(hand.last).programme
    currency = programme.currency
    ends: list[tuple[str, str, date]] = []
    quarter_end = end_of_month(add_months(hand.first, -hand.first.month % 3))
    if programme.leaderboard is not None:
        ends.append(("leaderboard", quarter_of(hand.last), quarter_end))
    if programme.ambassadors is not None:
        ends.append(("ambassador", f"{hand.last.year:04d}", date(hand.last.year, DECEMBER, 31)))
    ends += [
        ("first_place", contest.code, contest.end)
        for contest in programme.contests
        if contest.first_place is not None and contest.start <= hand.last
    ]
    for kind, about, end in ends:
        if end_of_month(end) > hand.last:
            told = f"it ends on {end}: ask for {month_of(end)}"
            yield Award(kind, about, end, (because("not_over", told),), currency=currency)


def _recorded(hand: PartnerAtHand) -> list[Booked]:
    """The rankings of the month's last day, and the partner's prizes of it, by position."""
    return hand.read(
        "(topic = ANY(%(rankings)s) AND originator_id >= 'ranking:' AND originator_id < 'ranking;'"
        " OR topic = ANY(%(prizes)s) AND partner_id = %(partner)s)"
        " AND day BETWEEN %(first)s AND %(last)s",
        rankings=[RankingRecorded.topic()],
        prizes=[PrizePosted.topic()],
        partner=hand.partner_id,
        first=hand.first,
        last=hand.last,
    )


def _event(one: Booked) -> RankingRecorded:
    assert isinstance(one.event, RankingRecorded)
    return one.event


def _is_of(one: Booked, board: Board) -> bool:
    told = one.event
    return isinstance(told, RankingRecorded) and (
        told.of or "quarter",
        told.ranking,
        told.programme,
    ) == (board.of, board.ranking, board.adopted.programme.name)


def _is_prize(one: Booked, ranking: Booked) -> bool:
    return isinstance(one.event, PrizePosted) and one.event.ranking == ranking.position
