"""D10.3, D12: which rankings a close fixes, of which days, and what their places earn."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import JsonValue

from events.finance import PeriodClosed
from events.lines import PrizePosted, RankingRecorded
from ledger.engine.closes import Award, Board, Ranked, Span, Tally, boards, decide_close, rank
from ledger.engine.state import Enrolment, Ledger, Partner, ledger_of
from ledger.policy.programme import Programme
from ledger.policy.versions import Programmes
from tests.engine.journal import Journal
from tests.rules.programmes import plain, programme


def contest(code: str, end: str, **more: JsonValue) -> JsonValue:
    """A contest from January on whose first place wins a trip."""
    first: dict[str, JsonValue] = {"prize": "trip", "value": 300}
    return {
        "code": code, "start": "2024-01-10", "end": end, "amount": 0, "first_place": first, **more,
    }  # fmt: skip


PRIZES: dict[str, JsonValue] = {"prizes": [300, 200]}
AMBASSADORS: dict[str, JsonValue] = {"places": 2, "above": 30, "amount": 10_000}
TERMS = programme(
    leaderboard=PRIZES,
    ambassadors=AMBASSADORS,
    contest=[contest("march", "2024-03-31"), contest("december", "2024-12-01")],
)
MARCH = Span(date(2024, 1, 1), date(2024, 3, 31))


def under(*terms: Programme) -> Ledger:
    """A ledger whose first version is the first programme, others beside or after it."""
    ledger = ledger_of(Journal(terms[0]).state)
    programmes = ledger.programmes
    for number, later in enumerate(terms[1:], start=1):
        programmes = programmes.adopt(later, date(2024, 3 + number, 1))
    return ledger._replace(programmes=programmes)


def fixed(month: str, *terms: Programme) -> list[tuple[str, str, str, Span]]:
    """What the close of a month fixes: kind, name, version, span."""
    found = boards(under(*(terms or (TERMS,))), month)
    return [(one.of, one.ranking, one.adopted.version, one.span) for one in found]


def test_a_month_within_a_quarter_fixes_nothing() -> None:
    """But for contests that end in it."""
    assert fixed("2024-01") == []
    assert fixed("2024-11") == []


def test_a_quarter_with_its_last_month_whatever_the_prizes() -> None:
    """From its first day to its last; the contest's from its start to its end, by claims."""
    inside = (date(2024, 1, 10), date(2024, 3, 31))
    assert fixed("2024-03") == [
        ("quarter", "2024Q1", "izyinbox/1", MARCH),
        ("contest", "march", "izyinbox/1", Span(None, date(2024, 3, 31), inside)),
    ]
    assert fixed("2024-06", plain()) == [
        ("quarter", "2024Q2", "izyinbox/1", Span(date(2024, 4, 1), date(2024, 6, 30)))
    ]


def test_december_fixes_the_year_too_if_there_are_ambassadors() -> None:
    """Of all clients ever."""
    quarter = ("quarter", "2024Q4", "izyinbox/1", Span(date(2024, 10, 1), date(2024, 12, 31)))
    inside = (date(2024, 1, 10), date(2024, 12, 1))
    assert fixed("2024-12") == [
        quarter,
        ("year", "2024", "izyinbox/1", Span(None, date(2024, 12, 31))),
        ("contest", "december", "izyinbox/1", Span(None, date(2024, 12, 1), inside)),
    ]
    assert fixed("2024-12", plain()) == [quarter]


def test_a_contest_without_a_first_place_has_no_ranking() -> None:
    """Its amounts are runs' to post."""
    other = programme(contest=[contest("x", "2024-02-15", first_place=None)])
    assert fixed("2024-02", other) == []


def test_every_programme_has_its_boards_by_the_version_of_the_last_day() -> None:
    """D7.2, D7.3: by the programmes' names; a version of 1 May is that of June."""
    other = programme(name="a-first", contest=[contest("june", "2024-06-30")])
    later = programme(contest=[contest("june", "2024-06-29")])
    found = fixed("2024-06", TERMS, other, later)
    assert [one[:3] for one in found] == [
        ("quarter", "2024Q2", "a-first/1"),
        ("contest", "june", "a-first/1"),
        ("quarter", "2024Q2", "izyinbox/2"),
        ("contest", "june", "izyinbox/2"),
    ]
    assert [one[:3] for one in fixed("2024-03", TERMS, other, later)] == [
        ("quarter", "2024Q1", "a-first/1"),
        ("quarter", "2024Q1", "izyinbox/1"),
        ("contest", "march", "izyinbox/1"),
    ]


def board(of: str, month: str) -> Board:
    """The board of a kind that a close fixes."""
    [found] = [one for one in boards(under(TERMS), month) if one.of == of]
    return found


@pytest.mark.parametrize(
    ("of", "month", "place", "clients", "expected"),
    [
        ("quarter", "2024-03", 1, 1, Award("leaderboard-2024Q1", 300)),
        ("quarter", "2024-03", 2, 1, Award("leaderboard-2024Q1", 200)),
        ("quarter", "2024-03", 3, 99, None),
        ("year", "2024-12", 2, 31, Award("ambassador-2024", 10_000)),
        ("year", "2024-12", 1, 30, None),
        ("year", "2024-12", 3, 99, None),
        ("contest", "2024-03", 1, 1, Award("trip", 300, cash=False)),
        ("contest", "2024-03", 2, 1, None),
    ],
)
def test_what_a_place_earns(
    of: str, month: str, place: int, clients: int, expected: Award | None
) -> None:
    """So many prizes as there are; above the least count; the contest's first alone."""
    assert board(of, month).award(place, clients) == expected


def test_no_place_earns_anything_without_terms() -> None:
    """The quarter's ranking is fixed all the same."""
    [quarter] = boards(under(plain()), "2024-03")
    assert quarter.award(1, 99) is None
    without = board("year", "2024-12")
    adopted = under(plain()).programmes.in_force("izyinbox", date(2024, 12, 31))
    assert without._replace(adopted=adopted).award(1, 99) is None


def tally(name: str, clients: int, hour: int = 12) -> Tally:
    """A partner's clients, the last of them first activated at an hour; by fact 7."""
    return Tally(name, clients, datetime(2024, 3, 1, hour, tzinfo=UTC), 7)


def test_the_order_of_places() -> None:
    """Most clients, the earlier last activation, the partner's id; of the programme alone."""
    ledger = under(TERMS, programme(name="other"))
    quarter = board("quarter", "2024-03")
    partners: dict[str, Partner] = {
        "gone": Partner("gone", programmes=((date(2024, 3, 31), "other"),)),
        "later": Partner("later", programmes=((date(2024, 4, 1), "other"),)),
    }
    told = [
        tally("b", 1), tally("a", 1), tally("early", 1, 11), tally("most", 2, 13),
        tally("gone", 9), tally("later", 1, 14),
    ]  # fmt: skip
    ranked = rank(ledger, quarter, told, partners)
    assert ranked.board is quarter
    assert [one.partner_id for one in ranked.places] == ["most", "early", "a", "b", "later"]


def enrolled(name: str) -> Partner:
    """A partner of 2023."""
    return Partner(name, Enrolment(date(2023, 1, 1), 1, founding=False))


def test_a_close_decides_rankings_each_with_its_prizes() -> None:
    """D12.4: S is the last day, posted on the day after; positions follow the close's own."""
    ranked = [
        Ranked(board("quarter", "2024-03"), (tally("a", 3), tally("b", 2), tally("c", 1))),
        Ranked(board("contest", "2024-03"), (tally("b", 2), tally("a", 1))),
    ]
    partners = {"a": enrolled("a"), "b": enrolled("b")}
    ledger = under(TERMS)._replace(closed_through=date(2024, 2, 29))
    decided = decide_close(ledger, 40, "2024-03", ranked, partners)
    said: dict[str, Any] = {"programme_version": "izyinbox/1", "day": date(2024, 3, 31), "run": 40}
    ranking: dict[str, Any] = {**said, "programme": "izyinbox"}
    won = {
        **said, "posting_date": date(2024, 4, 1), "currency": "EUR", "facts": (7,),
    }  # fmt: skip
    quarterly = {**won, "rule": "D12.1", "prize": "leaderboard-2024Q1", "ranking": 41}
    assert decided == [
        RankingRecorded(
            rule="D12.1", of="quarter", ranking="2024Q1",
            places=(("a", 3), ("b", 2), ("c", 1)), **ranking,
        ),
        PrizePosted(partner_id="a", amount=300, rank=1, cash=True, **quarterly),
        PrizePosted(partner_id="b", amount=200, rank=2, cash=True, **quarterly),
        RankingRecorded(
            rule="D10.3", of="contest", ranking="march", places=(("b", 2), ("a", 1)), **ranking
        ),
        PrizePosted(
            rule="D10.3", partner_id="b", amount=300, rank=1, cash=False, prize="trip", ranking=44,
            **won,
        ),
    ]  # fmt: skip


def test_who_has_no_agreement_on_the_last_day_wins_nothing() -> None:
    """D4.4: the place stays its own, and the next has its own prize."""
    late = Partner("a", Enrolment(date(2024, 4, 1), 1, founding=False))
    ranked = [Ranked(board("quarter", "2024-03"), (tally("a", 3), tally("b", 2)))]
    decided = decide_close(under(TERMS), 40, "2024-03", ranked, {"a": late, "b": enrolled("b")})
    assert [(one.partner_id, one.rank) for one in decided if isinstance(one, PrizePosted)] == [
        ("b", 2)
    ]


def test_nothing_is_ranked_without_programmes() -> None:
    """No programme, no board."""
    assert boards(Ledger(programmes=Programmes()), "2024-03") == []


def test_a_close_is_unsealed_until_its_statements_are_sealed() -> None:
    """D16: the seal is asked for by whatever command comes next."""
    journal = Journal(plain())
    closed = journal.append(PeriodClosed(month="2024-02", operator="tester"), date(2024, 2, 29))
    ledger = ledger_of(journal.state)
    assert (ledger.closed_through, ledger.unsealed) == (
        date(2024, 2, 29), ("2024-02", closed.position),
    )  # fmt: skip
