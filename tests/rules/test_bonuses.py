"""D10.1, D10.2: a bonus for each ten counted clients, and contests."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import JsonValue

from ledger.policy.parts import Activation
from ledger.policy.programme import Programme
from tests.model.commands import Adopt
from tests.model.journal import Message
from tests.rules.commands import assign
from tests.rules.dsl import Given, Scenario, bonus, commission, contest_line, waiver
from tests.rules.facts import (
    accrue,
    activated,
    certified,
    changed,
    churned,
    close,
    ended,
    enrolled,
    nps,
    referred,
    signed,
)
from tests.rules.programmes import programme, quick

TEN: dict[str, JsonValue] = {
    "each": 10, "amount": 50_000, "from": "certified", "judged": "day_after",
}  # fmt: skip
TERMS = programme(per_ten=TEN)
"""The plain tiers: certified from ten clients in a year, a certification, an NPS over 40."""

READY = (enrolled("2024-01-01"), certified("2024-01-01"), nps("2024-01-01", 50))


def free(day: str, number: int, partner: str = "p1") -> list[Message]:
    """A client that counts on a day and is gone on the next, before a second period."""
    after = date.fromordinal(date.fromisoformat(day).toordinal() + 1).isoformat()
    name = f"k{number:02}"
    return [activated(day, name, 10, partner=partner), churned(after, name)]


def nine(day: str = "2024-01-10") -> list[Message]:
    """Nine clients that count on one day."""
    return [fact for number in range(1, 10) for fact in free(day, number)]


def bonuses(story: Scenario) -> list[tuple[str, str, int, str]]:
    """The bonuses posted: partner, client, amount and S."""
    return [
        (one.partner_id, str(one.client_id), one.amount, one.service_date.isoformat())
        for one in story.ledger.lines()
        if one.kind == "bonus"
    ]


# --- D10.1 ---------------------------------------------------------------------------------------


def test_d10_1_the_tenth_which_certifies_counts(given: Given) -> None:
    """Certified on the day after the tenth's counting day: €500 of that counting day."""
    story = given(*READY, *nine(), *free("2024-01-15", 10), programme=TERMS)
    story.when(accrue("2024-01-16")).then_tiers(
        ("referent", "2024-01-01"), ("certified", "2024-01-16")
    )
    assert bonuses(story) == [("p1", "k10", 50_000, "2024-01-15")]


def test_d10_1_by_the_first_run_whose_day_is_after_the_counting_day(given: Given) -> None:
    """A run through the counting day itself posts none, nor does a close of its month."""
    story = given(*READY, *nine(), *free("2024-01-31", 10), programme=TERMS)
    story.when(accrue("2024-01-31"), close("2024-01"))
    assert bonuses(story) == []
    story.when(accrue("2024-02-01")).then(
        bonus("2024-01-31", "k10", posting_date="2024-02-01", currency="EUR")
    )


def test_d10_1_not_below_the_tier(given: Given) -> None:
    """Not certified on the day after: none, nor later once the tier is reached."""
    story = given(READY[0], *nine(), *free("2024-01-15", 10), programme=TERMS)
    story.when(accrue("2024-01-31"), *READY[1:], accrue("2024-02-29"))
    story.then_tiers(("referent", "2024-01-01"), ("certified", "2024-02-01"))
    assert bonuses(story) == []


def test_d10_1_judged_on_the_counting_day(given: Given) -> None:
    """The alternative: the tenth certifies too late for its own bonus, the twentieth does not."""
    terms = programme(per_ten=TEN)
    assert terms.per_ten is not None
    per_ten = terms.per_ten.model_copy(update={"judged": "counting_day"})
    story = given(
        *READY,
        *nine(),
        *free("2024-01-15", 10),
        *(fact for n in range(11, 21) for fact in free("2024-02-01", n)),
        programme=terms.model_copy(update={"per_ten": per_ten}),
    )
    story.when(accrue("2024-02-29"))
    assert bonuses(story) == [("p1", "k20", 50_000, "2024-02-01")]


def test_d10_1_by_counting_day_then_first_activation_then_id(given: Given) -> None:
    """Three activated on one day, told in another order: the instant decides, then the id."""
    terms = programme(per_ten={**TEN, "each": 2, "from": "referent"})
    story = given(
        READY[0],
        activated("2024-01-10T12:00:00Z", "b", partner="p1"),
        activated("2024-01-10T12:00:00Z", "a", partner="p1"),
        activated("2024-01-10T09:00:00Z", "z", partner="p1"),
        activated("2024-01-11T09:00:00Z", "y", partner="p1"),
        programme=terms,
    )
    story.when(accrue("2024-01-31"))
    assert bonuses(story) == [
        ("p1", "a", 50_000, "2024-01-10"),
        ("p1", "y", 50_000, "2024-01-11"),
    ]


def test_d10_1_each_multiple_is_paid_at_most_once(given: Given) -> None:
    """A late client moves the tenth to an earlier day: the bonus was paid already."""
    story = given(*READY, *nine(), *free("2024-01-15", 10), programme=TERMS)
    story.when(accrue("2024-01-31"), *free("2024-01-09", 11), accrue("2024-02-29"))
    assert bonuses(story) == [("p1", "k10", 50_000, "2024-01-15")]


def test_d10_1_again_only_if_a_late_fact_gives_it_another_day(given: Given) -> None:
    """The tenth of a day before the certification is judged no; moved to a later day, yes."""
    terms = quick(per_ten=TEN)
    story = given(
        enrolled("2024-01-01"), *nine(), *free("2024-01-15", 10), certified("2024-01-16"),
        programme=terms,
    )  # fmt: skip
    story.when(accrue("2024-01-31"))
    assert bonuses(story) == []
    story.when(churned("2024-01-10", "k01"), *free("2024-01-20", 11), accrue("2024-01-31"))
    assert bonuses(story) == [("p1", "k11", 50_000, "2024-01-20")]


def test_d10_1_over_the_partners_life(given: Given) -> None:
    """The twentieth comes years later."""
    late = [fact for n in range(11, 21) for fact in free("2026-03-10", n)]
    story = given(
        enrolled("2024-01-01"), certified("2024-01-01"), *nine(), *free("2024-01-15", 10), *late,
        programme=quick(per_ten=TEN),
    )  # fmt: skip
    story.when(accrue("2026-03-11"))
    assert [one[1:] for one in bonuses(story)] == [
        ("k10", 50_000, "2024-01-15"),
        ("k20", 50_000, "2026-03-10"),
    ]


def test_d10_1_no_agreement_on_s(given: Given) -> None:
    """D4.4: ended on the counting day, no bonus of it, though the client counts."""
    story = given(
        enrolled("2024-01-01"), certified("2024-01-01"), *nine(), *free("2024-01-15", 10),
        ended("2024-01-15"), programme=quick(per_ten=TEN),
    )  # fmt: skip
    story.when(accrue("2024-01-31"))
    assert bonuses(story) == []


def test_d10_1_the_version_of_the_counting_day(given: Given) -> None:
    """D7.2: €600 from 20 January."""
    story = given(
        enrolled("2024-01-01"), certified("2024-01-01"), *nine(), *free("2024-01-20", 10),
        Adopt(quick(per_ten={**TEN, "amount": 60_000}), date(2024, 1, 20)),
        programme=quick(per_ten=TEN),
    )  # fmt: skip
    story.when(accrue("2024-01-31"))
    assert bonuses(story) == [("p1", "k10", 60_000, "2024-01-20")]


def test_d10_1_clients_given_to_another_from_their_first_day(given: Given) -> None:
    """D3.6: who counts the client is its holder on that day."""
    story = given(
        enrolled("2024-01-01"), enrolled("2024-01-01", "p2"), certified("2024-01-01"),
        *nine(), *free("2024-01-15", 10), assign("2024-01-10", "p2", "k01"),
        programme=quick(per_ten=TEN),
    )  # fmt: skip
    story.when(accrue("2024-01-31"))
    assert bonuses(story) == []


# --- D10.2 ---------------------------------------------------------------------------------------

SPRINT: dict[str, JsonValue] = {
    "code": "sprint", "start": "2024-01-10", "end": "2024-01-20", "amount": 50_000,
    "mode": "in_addition",
}  # fmt: skip
CONTEST = programme(contest=[SPRINT])


def instead() -> Programme:
    """The contest in the place of the first year's commissions."""
    [sprint] = CONTEST.contests
    changed = sprint.model_copy(update={"mode": "instead_of_first_year"})
    return CONTEST.model_copy(update={"contests": (changed,)})


@pytest.mark.parametrize(
    ("day", "is_in"),
    [("2024-01-09", False), ("2024-01-10", True), ("2024-01-20", True), ("2024-01-21", False)],
)
def test_d10_2_a_winning_claim_with_its_day_inside(given: Given, day: str, is_in: bool) -> None:  # noqa: FBT001
    """First and last day included; S is the counting day, in addition to the commission."""
    story = given(enrolled("2024-01-01"), referred(day), programme=CONTEST)
    lines = [commission("2024-02-05", 2_000)]
    lines += [contest_line("2024-02-05", client_id="c1")] if is_in else []
    story.when(activated("2024-02-05"), accrue("2024-02-05")).then(*lines)
    story.then_balance(earned=52_000 if is_in else 2_000)


def test_d10_2_by_the_first_run_whose_day_reaches_the_counting_day(given: Given) -> None:
    """With qualifying days the counting day is later; the eve posts none; no run posts it twice."""
    terms = programme(contest=[SPRINT], activation={"qualifying_days": 5})
    story = given(enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), programme=terms)
    story.when(accrue("2024-01-14")).then(commission("2024-01-10", 2_000))
    story.when(accrue("2024-01-15")).then(contest_line("2024-01-15"))
    story.when(accrue("2024-01-31")).then_nothing()


def test_d10_2_posted_too_when_a_late_fact_makes_it_due(given: Given) -> None:
    """The activation is told in March; its month is closed."""
    story = given(
        enrolled("2024-01-01"), referred("2024-01-10"), accrue("2024-02-29"), programme=CONTEST
    )
    story.when(close("2024-01"), activated("2024-01-25"), accrue("2024-02-29")).then(
        contest_line("2024-01-25", posting_date="2024-02-01"),
        commission("2024-01-25", 2_000, posting_date="2024-02-01"),
        commission("2024-02-25", 2_000),
    )


def test_d10_2_only_for_a_counted_client(given: Given) -> None:
    """A price of 0 does not count."""
    story = given(
        enrolled("2024-01-01"), activated("2024-01-10", price=0, partner="p1"), programme=CONTEST
    )
    story.when(accrue("2024-01-31")).then(commission("2024-01-10", 0))


def test_d10_2_an_assigned_client_has_no_winning_claim_of_its_holder(given: Given) -> None:
    """p2 counts the client, the claim was p1's: nobody has the amount."""
    story = given(
        enrolled("2024-01-01"), enrolled("2024-01-01", "p2"), referred("2024-01-10"),
        assign("2024-01-15", "p2"), activated("2024-01-15"), programme=CONTEST,
    )  # fmt: skip
    story.when(accrue("2024-01-31")).then(commission("2024-01-15", 2_000, partner_id="p2"))


def test_d10_2_no_agreement_on_s(given: Given) -> None:
    """D4.4."""
    story = given(
        enrolled("2024-01-01"), referred("2024-01-10"), ended("2024-01-15"),
        activated("2024-01-15"), programme=CONTEST,
    )  # fmt: skip
    story.when(accrue("2024-01-31")).then_nothing()


def test_d10_2_once_whatever_is_told_later(given: Given) -> None:
    """The client churns on its first day: it counts no more, the amount stays."""
    story = given(enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), programme=CONTEST)
    story.when(accrue("2024-01-31")).then(
        commission("2024-01-10", 2_000), contest_line("2024-01-10")
    )
    story.when(churned("2024-01-10"), accrue("2024-01-31")).then(waiver("2024-01-10", 2_000))
    story.then_balance(earned=52_000)


def test_d10_2_instead_of_first_year(given: Given) -> None:
    """The alternative: no commission in client year 1, 10 % in the second."""
    terms = instead()
    story = given(enrolled("2024-01-01"), programme=terms)
    story.when(
        activated("2024-01-10", partner="p1"),
        activated("2024-01-25", "c2", partner="p1"),
        accrue("2024-01-31"),
    ).then(contest_line("2024-01-10"), commission("2024-01-25", 2_000, client_id="c2"))
    story.when(accrue("2025-01-09"))
    assert {one.client_id for one in story.ledger.lines() if one.kind == "commission"} == {"c2"}
    story.when(accrue("2025-01-10")).then(commission("2025-01-10", 1_000))


def test_d10_2_each_contest_of_a_version_is_asked(given: Given) -> None:
    """A claim outside the first is inside the second; one inside both has both amounts."""
    second: dict[str, JsonValue] = {**SPRINT, "code": "other", "end": "2024-01-31", "amount": 700}
    story = given(
        enrolled("2024-01-01"),
        activated("2024-01-20", "c1", 0, partner="p1"),
        activated("2024-01-20", "c2", partner="p1"),
        activated("2024-01-25", "c3", partner="p1"),
        programme=programme(contest=[SPRINT, second]),
    )
    story.when(accrue("2024-01-31")).then(
        commission("2024-01-20", 0),
        commission("2024-01-20", 2_000, client_id="c2"),
        contest_line("2024-01-20", 700, client_id="c2"),
        contest_line("2024-01-20", 50_000, client_id="c2"),
        commission("2024-01-25", 2_000, client_id="c3"),
        contest_line("2024-01-25", 700, client_id="c3"),
    )


def test_d10_2_in_place_of_the_first_year_of_counted_clients_only(given: Given) -> None:
    """Free on its first day, it is no counted client: what it pays later is commissioned."""
    story = given(
        enrolled("2024-01-01"),
        activated("2024-01-10", price=0, partner="p1"),
        changed("2024-02-01", 10_000),
        programme=instead(),
    )
    story.when(accrue("2024-02-29")).then(
        commission("2024-01-10", 0), commission("2024-02-10", 2_000)
    )


def test_d10_2_in_place_of_nothing_where_its_amount_is_not_due(given: Given) -> None:
    """D4.4: no agreement on the counting day. Told late, it is posted; signed again, waived."""
    terms = instead().model_copy(update={"activation": Activation(qualifying_days=30)})
    story = given(enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), programme=terms)
    story.when(accrue("2024-01-31")).then_nothing()
    story.when(ended("2024-02-01"), accrue("2024-02-29")).then(commission("2024-01-10", 2_000))
    story.when(signed("2024-02-05"), accrue("2024-02-29")).then(
        contest_line("2024-02-09"), waiver("2024-01-10", 2_000)
    )


def test_d10_2_who_counts_after_all_is_waived_what_the_contest_stands_for(given: Given) -> None:
    """D9.2: told late, its first day had a price: February is not due any more."""
    story = given(
        enrolled("2024-01-01"),
        activated("2024-01-10", price=0, partner="p1"),
        changed("2024-02-01", 10_000),
        accrue("2024-02-29"),
        programme=instead(),
    )
    story.when(changed("2024-01-10T20:00:00Z", 10_000), accrue("2024-02-29")).then(
        contest_line("2024-01-10"), waiver("2024-02-10", 2_000)
    )
