"""Counted clients by day, and what hangs on how many there are (D6.1, D10, D12.2), by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import JsonValue

from events.lines import BonusDeclined
from events.partner_decisions import BadgeAwarded
from ledger.engine.badges import Reached, award, badges_reached
from ledger.engine.bonuses import decide_bonus, ordinals_to_judge
from ledger.engine.contests import Claims, any_replaces
from ledger.engine.counted import CountedClient, Counts, Rewarded
from ledger.engine.state import Enrolment, Ledger, Partner, Report, Run, TierStep, ledger_of
from ledger.policy.programme import Programme
from ledger.policy.versions import Programmes
from tests.engine.journal import Journal
from tests.rules.programmes import plain, programme


def counts(*by_day: tuple[int, int]) -> Counts:
    """Clients by day of January 2024."""
    return Counts({date(2024, 1, day): number for day, number in by_day})


def day(of_january: int) -> date:
    """A day of January 2024."""
    return date(2024, 1, of_january)


def run(through: int, previous: int | None = None) -> Run:
    """A run at position 9 through a day of January."""
    return Run(9, day(through), None if previous is None else day(previous), 0)


THREE = counts((20, 1), (10, 2), (15, 3))


def test_how_many_count_by_a_day_and_who_stands_where() -> None:
    """Days may come in any order."""
    assert THREE.days == [day(10), day(15), day(20)]
    assert [THREE.through(day(n)) for n in (9, 10, 14, 15, 19, 20, 31)] == [0, 2, 2, 5, 5, 6, 6]
    assert THREE.within(day(10), day(15)) == 3
    assert THREE.within(day(9), day(20)) == 6
    assert [THREE.place_of(n) for n in range(1, 7)] == [
        (day(10), 1), (day(10), 2), (day(15), 1), (day(15), 2), (day(15), 3), (day(20), 1),
    ]  # fmt: skip
    assert [THREE.day_of(n).day for n in range(1, 7)] == [10, 10, 15, 15, 15, 20]
    assert list(THREE.spans(day(15))) == [(day(10), 0, 2), (day(15), 2, 5)]
    assert len(list(THREE.spans(date.max))) == 3
    assert list(THREE.spans(day(9))) == []


PARTNER = Partner(
    "p1", Enrolment(day(1), 1, founding=False), tiers=(TierStep(day(16), "certified"),)
)


def of(terms: Programme, *, later: Programme | None = None, from_day: int = 15) -> Ledger:
    """A ledger with a programme, and a later version of it from a day on."""
    ledger = ledger_of(Journal(terms).state)
    if later is None:
        return ledger
    return ledger._replace(programmes=ledger.programmes.adopt(later, day(from_day)))


# --- bonuses -------------------------------------------------------------------------------------


def per_ten(each: int, judged: str = "day_after") -> Programme:
    """A bonus of 5.00 for each so many."""
    terms: dict[str, JsonValue] = {
        "each": each, "amount": 500, "from": "certified", "judged": judged,
    }  # fmt: skip
    return programme(per_ten=terms)


def judged(ledger: Ledger, through: int, partner: Partner = PARTNER, **given: Any) -> list[int]:
    """The ordinals judged by a run."""
    rewarded = Rewarded()._replace(**given)
    return list(ordinals_to_judge(ledger, run(through), partner, THREE, rewarded))


def test_d10_1_every_multiple_whose_day_is_before_the_runs() -> None:
    """Two, five and six clients by the 10th, the 15th, the 20th."""
    assert judged(of(per_ten(2)), 10) == []
    assert judged(of(per_ten(2)), 11) == [2]
    assert judged(of(per_ten(2)), 20) == [2, 4]
    assert judged(of(per_ten(2)), 21) == [2, 4, 6]
    assert judged(of(per_ten(1)), 15) == [1, 2]
    assert judged(of(per_ten(5)), 31) == [5]
    assert judged(of(per_ten(7)), 31) == []
    assert judged(of(plain()), 31) == []


def test_d10_1_once_paid_never_again_once_refused_for_another_day() -> None:
    """Refused for the 15th: not asked again; for the 14th: again."""
    assert judged(of(per_ten(2)), 31, paid=frozenset({2, 6})) == [4]
    assert judged(of(per_ten(2)), 31, declined={2: day(10), 4: day(14)}) == [4, 6]


def test_d10_1_not_without_an_agreement_nor_before_the_opening() -> None:
    """D4.4, D8.3: the days on which it is in force are judged."""
    instant = datetime(2024, 1, 15, tzinfo=UTC)
    ended = Report(day(15), instant, 2, 0)
    signed = Report(day(16), instant, 3, 1)
    partner = PARTNER._replace(agreement=(ended, signed))
    assert judged(of(per_ten(2)), 31, partner) == [2, 6]
    opened = of(per_ten(2))._replace(opened_on=day(15))
    assert judged(opened, 31) == [4, 6]


def test_d10_1_the_version_of_the_counting_day_says_for_how_many() -> None:
    """From the 15th on for each three; with none before."""
    assert judged(of(per_ten(2), later=per_ten(3)), 31) == [2, 3, 6]
    assert judged(of(plain(), later=per_ten(2)), 31) == [4, 6]
    assert judged(of(per_ten(2), later=plain()), 31) == [2]


@pytest.mark.parametrize(
    ("on", "how", "paid"),
    [
        (14, "day_after", False),
        (15, "day_after", True),
        (15, "counting_day", False),
        (16, "counting_day", True),
    ],
)
def test_d10_1_judged_by_the_tier_of_a_day(on: int, how: str, *, paid: bool) -> None:
    """Certified from the 16th; what is refused names the tier that was held."""
    client = CountedClient("c1", day(on), datetime(2024, 1, on, tzinfo=UTC), 7, day(2), 8)
    decided = decide_bonus(of(per_ten(2, how)), run(31), PARTNER, 4, client)
    said = (decided.ordinal, decided.client_id, decided.day, decided.facts, decided.run)
    assert said == (4, "c1", day(on), (7, 8), 9)
    if paid:
        assert (decided.type, getattr(decided, "amount", None)) == ("BonusPosted", 500)
    else:
        assert isinstance(decided, BonusDeclined)
        assert decided.tier == "referent"


def test_a_client_counts_by_its_claim_and_its_activation() -> None:
    """Each fact once; of one that was assigned the activation alone."""
    client = CountedClient("c1", day(2), datetime(2024, 1, 2, tzinfo=UTC), 9, day(2), 8)
    assert client.facts == (8, 9)
    assert client._replace(claim=8).facts == (8,)
    assert client._replace(claim=None).facts == (8,)


# --- badges --------------------------------------------------------------------------------------


def badges(pioneer: int, rocket: int, diamond: int, centurion: int, months: int = 1) -> Programme:
    """Badges for so many clients."""
    terms: dict[str, JsonValue] = {
        "pioneer": pioneer,
        "rocket": {"clients": rocket, "months": months},
        "diamond": diamond,
        "centurion": centurion,
    }
    return programme(badges=terms)


def reached(ledger: Ledger, through: int, *held: str, by: Counts = THREE) -> list[Reached]:
    """The badges that a run finds."""
    return badges_reached(ledger, run(through), PARTNER, by, frozenset(held))


def test_d12_2_each_badge_by_the_client_that_reaches_it() -> None:
    """Of a day that holds several it is the one of that number; the rocket names first and last."""
    ledger = of(badges(1, 4, 5, 6))
    assert reached(ledger, 9) == []
    assert reached(ledger, 10) == [("pioneer", (1,))]
    two = [("rocket", (1, 4)), ("diamond", (5,))]
    assert reached(ledger, 19, "pioneer") == two
    assert reached(ledger, 31) == [("pioneer", (1,)), *two, ("centurion", (6,))]
    assert reached(ledger, 31, "rocket", "diamond") == [("pioneer", (1,)), ("centurion", (6,))]
    assert reached(ledger, 31, "pioneer", "rocket", "diamond", "centurion") == []
    assert reached(of(plain()), 31) == []


def test_d12_2_any_so_many_in_a_row_within_the_months() -> None:
    """The last before the first's day + a month: the second to the third, not the first."""
    wide = Counts({day(1): 1, day(2): 1, date(2024, 2, 1): 1})
    ledger = of(badges(9, 2, 9, 9))
    assert badges_reached(ledger, run(31), PARTNER, wide, frozenset()) == [("rocket", (1, 2))]
    ledger = of(badges(9, 3, 9, 9))
    through = run(31)._replace(through=date(2024, 2, 29))
    assert badges_reached(ledger, through, PARTNER, wide, frozenset()) == []
    wider = Counts({day(1): 1, day(2): 1, date(2024, 2, 1): 2})
    assert badges_reached(ledger, through, PARTNER, wider, frozenset()) == [("rocket", (2, 4))]


def test_d12_2_the_version_of_the_counting_day() -> None:
    """Reached by an easier version before its day, or by a client of a day that has it."""
    assert reached(of(plain(), later=badges(1, 9, 9, 9)), 31) == [("pioneer", (3,))]
    assert reached(of(badges(9, 9, 9, 9), later=badges(1, 9, 9, 9)), 31) == [("pioneer", (3,))]
    assert reached(of(badges(9, 9, 5, 9), later=plain()), 31) == []
    assert reached(of(plain(), later=badges(9, 2, 9, 9)), 31) == [("rocket", (2, 3))]


def test_d12_2_a_badge_is_that_of_the_partners_programme() -> None:
    """D7.3: of the day of the last of the clients that reach it, by whose facts it is named."""
    ledger = of(plain())
    programmes = ledger.programmes.adopt(
        badges(1, 9, 9, 9).model_copy(update={"name": "other"}), None
    )
    ledger = ledger._replace(programmes=programmes)
    under = PARTNER._replace(programmes=((day(1), "other"),))
    assert badges_reached(ledger, run(31), PARTNER, THREE, frozenset()) == []
    assert badges_reached(ledger, run(31), under, THREE, frozenset()) == [("pioneer", (1,))]
    clients = [
        CountedClient("c1", day(2), datetime(2024, 1, 2, tzinfo=UTC), 9, day(2), 8),
        CountedClient("c2", day(3), datetime(2024, 1, 3, tzinfo=UTC), None, None, 7),
    ]
    assert award(ledger, run(31), under, "rocket", clients) == BadgeAwarded(
        rule="D12.2",
        programme_version="other/1",
        day=day(3),
        partner_id="p1",
        badge="rocket",
        facts=(7, 8, 9),
        run=9,
    )


# --- contests ------------------------------------------------------------------------------------


def contest(start: str, end: str, mode: str = "in_addition") -> JsonValue:
    """A contest of 5.00."""
    return {"code": start, "start": start, "end": end, "amount": 500, "mode": mode}


def test_d10_2_the_days_of_all_contests_of_all_versions() -> None:
    """A client activated after the widest window of all is won by none of their claims."""
    first = programme(
        contest=[contest("2024-02-01", "2024-02-29"), contest("2024-05-01", "2024-05-31")]
    )
    later = programme(
        contest=[contest("2024-03-01", "2024-06-30", "instead_of_first_year")],
        attribution={"window_days": 200},
    )
    claims = Claims(of(first).programmes)
    assert (claims.any, claims.first, claims.last) == (True, date(2024, 2, 1), date(2024, 5, 31))
    assert claims.activated_through == date(2024, 11, 27)
    claims = Claims(of(first, later=later).programmes)
    assert (claims.any, claims.first, claims.last) == (True, date(2024, 2, 1), date(2024, 6, 30))
    assert claims.activated_through == date(2025, 1, 16)
    assert not any_replaces(of(first).programmes)
    assert any_replaces(of(first, later=later).programmes)


def test_d10_2_without_contests_no_day_is_of_one() -> None:
    """Of no programme either; one at the calendar's end has no day after it."""
    for programmes in (Programmes(), of(plain()).programmes):
        claims = Claims(programmes)
        assert (claims.any, claims.first, claims.last) == (False, date.max, date.min)
        assert not any_replaces(programmes)
    assert Claims(Programmes()).activated_through == date.min
    last = programme(contest=[contest("2024-02-01", "9999-12-31")])
    assert Claims(of(last).programmes).activated_through == date.max
