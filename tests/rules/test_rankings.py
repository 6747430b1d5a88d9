"""D12, D10.3: leaderboards, badges, ambassadors, and the prizes that closes decide."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import JsonValue

from tests.model.commands import Adopt, AssignProgramme
from tests.model.journal import Entry, Message
from tests.rules.commands import assign
from tests.rules.dsl import Given, Scenario, prize
from tests.rules.facts import accrue, activated, churned, close, ended, enrolled, referred
from tests.rules.programmes import programme

PRIZES: dict[str, JsonValue] = {"prizes": [200_000, 100_000, 50_000]}
TERMS = programme(leaderboard=PRIZES)
FOUR = tuple(enrolled("2024-01-01", f"p{n}") for n in (1, 2, 3, 4))


def client(instant: str, name: str, partner: str = "p1") -> list[Message]:
    """A client that counts on the day of an instant, and churns on its own second period."""
    day = date.fromisoformat(instant[:10])
    after = date.fromordinal(day.toordinal() + 1)
    return [activated(instant, name, 10, partner=partner), churned(after.isoformat(), name)]


def many(day: str, count: int, partner: str = "p1", start: int = 1) -> list[Message]:
    """So many clients of a partner that count on one day."""
    names = [f"{partner}-{number:03}" for number in range(start, start + count)]
    return [fact for name in names for fact in client(f"{day}T12:00:00Z", name, partner)]


def prizes(story: Scenario) -> list[tuple[str, str, int]]:
    """The prizes posted: rule, partner, amount."""
    return [
        (one.rule, one.partner_id, one.amount)
        for one in story.ledger.lines()
        if one.kind == "prize"
    ]


# --- D12.1 ---------------------------------------------------------------------------------------


def test_d12_1_counted_clients_with_their_counting_day_in_the_quarter(given: Given) -> None:
    """First and last day included, the days beside them not; partners with none are not listed."""
    story = given(
        *FOUR,
        *client("2023-12-31T12:00:00Z", "a", "p1"),
        *client("2024-01-01T12:00:00Z", "b", "p2"),
        *client("2024-03-31T12:00:00Z", "c", "p2"),
        *client("2024-04-01T12:00:00Z", "d", "p3"),
    )
    story.then_leaderboard("2024Q1", ("p2", 2)).then_leaderboard("2024Q2", ("p3", 1))


def test_d12_1_ties_the_earlier_first_activation_of_the_last_counted(given: Given) -> None:
    """By the instant, then by partner id."""
    story = given(
        *FOUR,
        *client("2024-01-05T12:00:00Z", "a1", "p1"),
        *client("2024-02-10T12:00:00Z", "a2", "p1"),
        *client("2024-02-01T12:00:00Z", "b1", "p2"),
        *client("2024-02-10T11:59:59Z", "b2", "p2"),
        *client("2024-02-10T12:00:00Z", "d1", "p4"),
        *client("2024-02-10T12:00:00Z", "c1", "p3"),
    )
    story.then_leaderboard("2024Q1", ("p2", 2), ("p1", 2), ("p3", 1), ("p4", 1))


def test_d12_1_an_open_quarter_is_computed_from_all_facts_recorded(given: Given) -> None:
    """Without any run, future days included."""
    story = given(*FOUR, *client("2024-02-10T12:00:00Z", "a", "p1"))
    story.then_leaderboard("2024Q1", ("p1", 1))
    story.when(*many("2024-03-30", 2, "p2")).then_leaderboard("2024Q1", ("p2", 2), ("p1", 1))


def quarter(given: Given, *more: Entry) -> Scenario:
    """Four partners with 4, 3, 2 and 1 clients in the first quarter, all of it accrued."""
    facts = [
        fact
        for number, partner in enumerate(("p4", "p3", "p2", "p1"), start=1)
        for fact in many("2024-02-10", number, partner)
    ]
    story = given(*FOUR, *facts, *more, programme=TERMS)
    return story.when(accrue("2024-04-05"), close("2024-02"))


def test_d12_1_prizes_of_the_first_three_at_the_close(given: Given) -> None:
    """S is the last day of the quarter, the posting day the day after it (D12.4)."""
    story = quarter(given)
    assert prizes(story) == []
    story.when(close("2024-03")).then(
        prize("2024-03-31", 200_000, partner_id="p1", posting_date="2024-04-01"),
        prize("2024-03-31", 100_000, partner_id="p2", posting_date="2024-04-01"),
        prize("2024-03-31", 50_000, partner_id="p3", posting_date="2024-04-01"),
    )
    story.then_balance("p4", earned=2)


def test_d12_1_only_those_with_at_least_one(given: Given) -> None:
    """One partner ranked: one prize."""
    story = given(*FOUR, *many("2024-02-10", 1), programme=TERMS).when(accrue("2024-03-31"))
    story.when(close("2024-03")).then(prize("2024-03-31", 200_000))


def test_d12_1_the_recorded_ranking_is_the_quarters_from_then_on(given: Given) -> None:
    """What is told later changes it no more."""
    story = quarter(given).when(close("2024-03"), *many("2024-03-10", 9, "p4", 10))
    story.then_leaderboard("2024Q1", ("p1", 4), ("p2", 3), ("p3", 2), ("p4", 1))


def test_d12_1_the_close_counts_what_is_recorded_by_then(given: Given) -> None:
    """The close accrues through L again: a late client counts, of a day up to L or not."""
    story = quarter(given).when(*many("2024-03-31", 4, "p4", 10), close("2024-03"))
    story.then_leaderboard("2024Q1", ("p4", 5), ("p1", 4), ("p2", 3), ("p3", 2))
    assert [one[1:] for one in prizes(story)] == [
        ("p4", 200_000), ("p1", 100_000), ("p2", 50_000),
    ]  # fmt: skip


def test_d12_1_ranks_go_on_without_an_agreement(given: Given) -> None:
    """D4.4: the first place keeps its place and has no prize; nobody moves up."""
    story = quarter(given, ended("2024-03-31", "p1")).when(close("2024-03"))
    assert [one[1:] for one in prizes(story)] == [("p2", 100_000), ("p3", 50_000)]
    story.then_leaderboard("2024Q1", ("p1", 4), ("p2", 3), ("p3", 2), ("p4", 1))


def test_d16_the_first_close_gives_no_prizes_of_the_months_before(given: Given) -> None:
    """Closing May first closes March too, whose quarter stays open for the leaderboard."""
    story = given(*FOUR, *many("2024-02-10", 1), programme=TERMS)
    story.when(accrue("2024-06-30"), close("2024-05"))
    assert prizes(story) == []
    story.when(*many("2024-02-10", 2, "p2")).then_leaderboard("2024Q1", ("p2", 2), ("p1", 1))
    story.when(*many("2024-06-10", 1, "p3"), close("2024-06"))
    assert prizes(story) == [("D12.1", "p3", 200_000)]


def test_d16_the_first_close_gives_its_own_prizes(given: Given) -> None:
    """Closing March first: the quarter's."""
    story = given(*FOUR, *many("2024-02-10", 1), programme=TERMS)
    story.when(accrue("2024-03-31"), close("2024-03"))
    assert prizes(story) == [("D12.1", "p1", 200_000)]


def test_d7_3_rankings_and_prizes_are_per_programme(given: Given) -> None:
    """The partner's on the last day: p2 is alone in its own, with its prizes."""
    other = programme(name="resellers", leaderboard={"prizes": [7_000]})
    story = given(
        *FOUR,
        *many("2024-02-10", 3, "p1"),
        *many("2024-02-10", 1, "p2"),
        *many("2024-02-10", 2, "p3"),
        Adopt(other),
        AssignProgramme("p2", "resellers", date(2024, 3, 31)),
        AssignProgramme("p3", "resellers", date(2024, 4, 1)),
        programme=TERMS,
    )
    story.when(accrue("2024-03-31"), close("2024-03"))
    assert sorted(prizes(story)) == [
        ("D12.1", "p1", 200_000), ("D12.1", "p2", 7_000), ("D12.1", "p3", 100_000),
    ]  # fmt: skip


# --- D12.2 ---------------------------------------------------------------------------------------

BADGES = programme(
    badges={
        "pioneer": 1,
        "rocket": {"clients": 10, "months": 6},
        "diamond": 50,
        "centurion": 100,
    }
)


def test_d12_2_pioneer_by_the_run_that_reaches_its_day(given: Given) -> None:
    """Of the first counting day; the eve gives none."""
    story = given(*FOUR, *client("2024-02-10T12:00:00Z", "a"), programme=BADGES)
    story.when(accrue("2024-02-09")).then_badges()
    story.when(accrue("2024-02-10")).then_badges(("pioneer", "2024-02-10"))


def test_d12_2_once_each(given: Given) -> None:
    """A late client of an earlier day changes no badge."""
    story = given(*FOUR, *client("2024-02-10T12:00:00Z", "a"), programme=BADGES)
    story.when(accrue("2024-02-29"), *client("2024-01-10T12:00:00Z", "b"), accrue("2024-02-29"))
    story.then_badges(("pioneer", "2024-02-10"))


def test_d12_2_rocket_ten_in_a_row_within_six_months(given: Given) -> None:
    """The tenth on the eve of the first + 6 months; on that day it is too late for the first."""
    story = given(*FOUR, *many("2024-01-10", 9), programme=BADGES)
    story.when(*many("2024-07-09", 1, start=20), accrue("2024-07-31"))
    story.then_badges(("pioneer", "2024-01-10"), ("rocket", "2024-07-09"))


def test_d12_2_rocket_not_on_the_day_itself_but_any_ten(given: Given) -> None:
    """First + 6 months is no rocket; an eleventh makes ten in a row without the first."""
    story = given(
        *FOUR,
        *many("2024-01-10", 1),
        *many("2024-01-11", 8, start=10),
        *many("2024-07-10", 1, start=20),
        programme=BADGES,
    )
    story.when(accrue("2024-07-10")).then_badges(("pioneer", "2024-01-10"))
    story.when(*many("2024-07-10", 1, start=30), accrue("2024-07-31"))
    story.then_badges(("pioneer", "2024-01-10"), ("rocket", "2024-07-10"))


def test_d12_2_diamond_and_centurion(given: Given) -> None:
    """The fiftieth and the hundredth."""
    terms = programme(
        badges={"pioneer": 1, "rocket": {"clients": 9, "months": 1}, "diamond": 3, "centurion": 5}
    )
    days = ("2024-01-10", "2024-02-10", "2024-03-10", "2024-04-10", "2024-05-10")
    facts = [fact for n, day in enumerate(days) for fact in many(day, 1, start=n)]
    story = given(*FOUR, *facts, programme=terms).when(accrue("2024-05-31"))
    story.then_badges(
        ("pioneer", "2024-01-10"), ("diamond", "2024-03-10"), ("centurion", "2024-05-10")
    )


# --- D12.3 ---------------------------------------------------------------------------------------


def test_d12_3_ambassadors_at_the_close_of_december(given: Given) -> None:
    """Of those with more than two, the two first; counted up to 31 December over their life."""
    terms = programme(ambassadors={"places": 2, "above": 2, "amount": 1_000_000})
    story = given(
        *FOUR,
        *many("2024-06-10", 2, "p1"),
        *many("2024-12-31", 3, "p1", 50),
        *many("2024-06-10", 2, "p2"),
        *many("2025-01-01", 3, "p2", 50),
        *many("2024-07-10", 3, "p3"),
        *many("2024-07-09", 3, "p4"),
        programme=terms,
    )
    story.when(accrue("2025-01-31"), close("2024-11"), close("2024-12"))
    assert prizes(story) == [("D12.3", "p1", 1_000_000), ("D12.3", "p4", 1_000_000)]
    [first, _] = [one for one in story.ledger.lines() if one.kind == "prize"]
    assert first.service_date == date(2024, 12, 31)
    assert first.posting_date == date(2025, 1, 1)


def test_d12_3_not_in_another_month(given: Given) -> None:
    """November closes without ambassadors."""
    terms = programme(ambassadors={"places": 2, "above": 2, "amount": 1_000_000})
    story = given(*FOUR, *many("2024-06-10", 3), accrue("2024-11-30"), programme=terms)
    story.when(close("2024-11")).then_nothing()


# --- D10.3 ---------------------------------------------------------------------------------------


def test_d10_3_the_first_place_of_a_contest_is_not_cash(given: Given) -> None:
    """Most contest clients counted up to its end, at the close of its last month; in no balance."""
    sprint: dict[str, JsonValue] = {
        "code": "sprint", "start": "2024-01-10", "end": "2024-02-20", "amount": 0,
        "first_place": {"prize": "trip", "value": 300_000},
    }  # fmt: skip
    story = given(
        *FOUR,
        *many("2024-01-09", 5, "p1"),
        *many("2024-02-20", 2, "p2"),
        *many("2024-01-10", 1, "p3"),
        *many("2024-02-21", 3, "p4"),
        accrue("2024-02-29"),
        programme=programme(contest=[sprint]),
    )
    story.when(close("2024-01")).then_nothing().when(close("2024-02")).then(
        prize("2024-02-20", 300_000, "D10.3", partner_id="p2", posting_date="2024-03-01")
    )
    story.then_balance("p2", earned=4).then_account("partner_payable", -22)


def test_d10_3_a_claim_inside_that_counts_after_the_end_is_not_such_a_client(given: Given) -> None:
    """Counted on the day after the contest's end: the amount, but no place."""
    sprint: dict[str, JsonValue] = {
        "code": "sprint", "start": "2024-01-10", "end": "2024-01-31", "amount": 500,
        "first_place": {"prize": "trip", "value": 300_000},
    }  # fmt: skip
    story = given(*FOUR, referred("2024-01-20"), programme=programme(contest=[sprint]))
    story.when(activated("2024-02-01"), accrue("2024-02-29"), close("2024-01"))
    assert prizes(story) == []
    assert [one.amount for one in story.ledger.lines() if one.kind == "contest"] == [500]


def test_d10_3_a_client_that_was_assigned_is_won_by_no_claim(given: Given) -> None:
    """Counted by whom finance gave it, it makes nobody the first of a contest (D3.6)."""
    sprint: dict[str, JsonValue] = {
        "code": "sprint", "start": "2024-01-10", "end": "2024-01-31", "amount": 0,
        "first_place": {"prize": "trip", "value": 300_000},
    }  # fmt: skip
    story = given(
        *FOUR,
        referred("2024-01-12"),
        assign("2024-01-15", "p2"),
        activated("2024-01-20"),
        accrue("2024-01-31"),
        programme=programme(contest=[sprint]),
    )
    story.then_client(holder="p1", first="2024-01-20", counted="2024-01-20", counted_by="p2")
    story.when(close("2024-01"))
    assert prizes(story) == []


def test_d12_1_a_client_that_finance_assigned_counts_for_whom_it_was_given(given: Given) -> None:
    """Before it was activated; the prize names the assignment of its first day (D18.5)."""
    story = given(
        *FOUR,
        referred("2024-01-12"),
        assign("2024-01-15", "p2"),
        activated("2024-01-20"),
        assign("2024-01-20", "p3"),
        assign("2024-01-21", "p4"),
        accrue("2024-03-31"),
        close("2024-02"),
        programme=TERMS,
    )
    story.when(close("2024-03"))
    assert [partner for _, partner, _ in prizes(story)] == ["p3"]


def test_d10_3_ties_as_in_d12(given: Given) -> None:
    """The earlier first activation of the last counted."""
    sprint: dict[str, JsonValue] = {
        "code": "sprint", "start": "2024-01-10", "end": "2024-01-31", "amount": 0,
        "first_place": {"prize": "trip", "value": 300_000},
    }  # fmt: skip
    story = given(
        *FOUR,
        *client("2024-01-15T10:00:01Z", "a", "p1"),
        *client("2024-01-15T10:00:00Z", "b", "p2"),
        programme=programme(contest=[sprint]),
    )
    story.when(accrue("2024-01-31"), close("2024-01"))
    assert prizes(story) == [("D10.3", "p2", 300_000)]


# --- versions ------------------------------------------------------------------------------------


def sprinting(value: int, end: str = "2024-01-31") -> JsonValue:
    """A contest of January whose first place wins a trip."""
    return {
        "code": "sprint", "start": "2024-01-10", "end": end, "amount": 0,
        "first_place": {"prize": "trip", "value": value},
    }  # fmt: skip


@pytest.mark.parametrize(("from_day", "amount"), [("2024-03-31", 900), ("2024-04-01", 200_000)])
def test_d7_2_prizes_are_those_of_the_last_days_version(
    given: Given, from_day: str, amount: int
) -> None:
    """A version from 31 March on has its say, one from 1 April on none."""
    later = programme(leaderboard={"prizes": [900]})
    story = given(*FOUR, *many("2024-02-10", 1), programme=TERMS)
    story.when(Adopt(later, date.fromisoformat(from_day)), accrue("2024-04-30"), close("2024-03"))
    assert prizes(story) == [("D12.1", "p1", amount)]


@pytest.mark.parametrize(("from_day", "value"), [("2024-01-31", 900), ("2024-02-01", 300)])
def test_d7_2_a_contests_first_place_is_that_of_its_last_days_version(
    given: Given, from_day: str, value: int
) -> None:
    """The same contest in two versions is one contest, and is won once."""
    first, later = programme(contest=[sprinting(300)]), programme(contest=[sprinting(900)])
    story = given(*FOUR, *many("2024-01-15", 1), programme=first)
    story.when(Adopt(later, date.fromisoformat(from_day)), accrue("2024-02-29"), close("2024-01"))
    assert prizes(story) == [("D10.3", "p1", value)]


def test_d10_3_each_programme_has_its_own_first_place(given: Given) -> None:
    """p2 is alone under terms that have the contest of the same code, of another value."""
    other = programme(name="resellers", contest=[sprinting(7)])
    story = given(
        *FOUR,
        *many("2024-01-15", 3, "p1"),
        *many("2024-01-15", 1, "p2"),
        Adopt(other),
        AssignProgramme("p2", "resellers", date(2024, 1, 1)),
        programme=programme(contest=[sprinting(300)]),
    )
    story.when(accrue("2024-01-31"), close("2024-01"))
    assert sorted(prizes(story)) == [("D10.3", "p1", 300), ("D10.3", "p2", 7)]


def test_d12_1_a_prize_of_nothing_is_none(given: Given) -> None:
    """The second place has one of 0, the third one again."""
    terms = programme(leaderboard={"prizes": [300, 0, 100]})
    story = given(
        *FOUR,
        *many("2024-02-10", 3, "p1"), *many("2024-02-10", 2, "p2"), *many("2024-02-10", 1, "p3"),
        programme=terms,
    )  # fmt: skip
    story.when(accrue("2024-03-31"), close("2024-03"))
    assert prizes(story) == [("D12.1", "p1", 300), ("D12.1", "p3", 100)]
