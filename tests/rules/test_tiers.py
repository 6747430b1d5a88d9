"""D6: requirements, promotions, reviews, demotions and regaining, on small thresholds.

Certified: 2 counted clients in 12 months, a certification, NPS > 40; keeps with 2 a year.
Strategic (30 % / 18 %): 3 counted ever, portfolio > 200, €1,000 of co-marketing in 12 months; keeps
with 3 clients and €1,000 a year.
"""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import JsonValue

from ledger.policy.programme import Programme
from tests.model.commands import Adopt, AssignProgramme
from tests.model.journal import Message
from tests.rules.dsl import Given, commission
from tests.rules.facts import (
    accrue,
    activated,
    certified,
    changed,
    churned,
    enrolled,
    invested,
    nps,
    portfolio,
)
from tests.rules.programmes import plain, programme, small, tier_terms

READY = (enrolled("2024-01-01"), certified("2024-01-02"), nps("2024-01-03", 41))
"""All that certified requires, but for two clients."""


def clients(*days: str, price: int = 10_000) -> list[Message]:
    """A client activated with p1's own claim on each day; they are named by their day."""
    return [activated(day, f"c-{day.replace(':', '.')}", price, partner="p1") for day in days]


def test_a_partner_is_referent_from_its_enrolment(given: Given) -> None:
    """D6: decided when it is recorded."""
    given(enrolled("2024-01-01")).then_tiers(("referent", "2024-01-01"))


def test_a_promotion_takes_effect_the_day_after(given: Given) -> None:
    """D6.3: the second client counts on 10 March; the tier never re-rates what is accrued."""
    story = given(*READY, *clients("2024-02-10", "2024-03-10"), programme=small())
    story.when(accrue("2024-04-10")).then(
        commission("2024-02-10", 2_000, client_id="c-2024-02-10", tier="referent"),
        commission("2024-03-10", 2_000, client_id="c-2024-02-10", tier="referent"),
        commission("2024-03-10", 2_000, client_id="c-2024-03-10", tier="referent"),
        commission("2024-04-10", 2_500, client_id="c-2024-02-10", tier="certified"),
        commission("2024-04-10", 2_500, client_id="c-2024-03-10", tier="certified"),
    )
    story.then_tiers(("referent", "2024-01-01"), ("certified", "2024-03-11"))


@pytest.mark.parametrize("lacking", [0, 1, 2])
def test_certified_requires_all_three(given: Given, lacking: int) -> None:
    """D6.2: clients, certification and NPS, none of them alone."""
    facts = [clients("2024-02-10"), [READY[1]], [READY[2]]]
    kept = [fact for number, some in enumerate(facts) if number != lacking for fact in some]
    story = given(enrolled("2024-01-01"), *clients("2024-02-01"), *kept, programme=small())
    story.when(accrue("2024-12-31")).then_tiers(("referent", "2024-01-01"))


def test_nps_must_exceed_and_the_last_report_counts(given: Given) -> None:
    """D6.2: 40 is not enough; of one day the last by effective_at (D2)."""
    facts = (
        enrolled("2024-01-01"),
        certified("2024-01-02"),
        *clients("2024-02-10", "2024-02-11"),
        nps("2024-03-01", 40),
        nps("2024-04-01T10:00:00Z", 30),
        nps("2024-04-01T09:00:00Z", 90),
        nps("2024-05-01", 41),
    )
    given(*facts, programme=small()).when(accrue("2024-06-01")).then_tiers(
        ("referent", "2024-01-01"), ("certified", "2024-05-02")
    )


def test_trailing_twelve_months_leave_their_first_day_out(given: Given) -> None:
    """D6.2: of 10 February 2025 the days after 10 February 2024; so one of two clients is out."""
    facts = (*READY, *clients("2024-02-10", "2025-02-10"))
    story = given(*facts, programme=small()).when(accrue("2025-03-01"))
    story.then_tiers(("referent", "2024-01-01"))


def test_trailing_twelve_months_hold_the_day_after(given: Given) -> None:
    """D6.2: of 10 February 2025 the day 11 February 2024 is in."""
    facts = (*READY, *clients("2024-02-11", "2025-02-10"))
    given(*facts, programme=small()).when(accrue("2025-03-01")).then_tiers(
        ("referent", "2024-01-01"), ("certified", "2025-02-11")
    )


def test_clients_that_do_not_count(given: Given) -> None:
    """D6.1: a price of 0, a churn on the first day, a reactivation, another partner's."""
    facts = (
        *READY,
        enrolled("2024-01-01", "p2"),
        *clients("2024-02-10"),
        *clients("2024-02-11", price=0),
        activated("2024-02-12", "gone", partner="p1"),
        churned("2024-02-12T13:00:00Z", "gone"),
        churned("2024-03-12", "c-2024-02-10"),
        activated("2024-04-12", "c-2024-02-10"),
        activated("2024-02-13", "theirs", partner="p2"),
    )
    given(*facts, programme=small()).when(accrue("2024-12-31")).then_tiers(
        ("referent", "2024-01-01")
    )


def test_a_price_of_the_first_day_counts(given: Given) -> None:
    """D6.1: some subscription activated on that day has a price > 0 on it."""
    facts = (*READY, *clients("2024-02-10"), *clients("2024-02-11", price=0))
    change = changed("2024-02-11T18:00:00Z", 100, "c-2024-02-11")
    given(*facts, change, programme=small()).when(accrue("2024-03-01")).then_tiers(
        ("referent", "2024-01-01"), ("certified", "2024-02-12")
    )


def test_two_steps_at_once(given: Given) -> None:
    """D6.3: all that strategic requires and certified's requirements on one day."""
    facts = (
        *READY,
        portfolio("2024-01-04", 201),
        invested("2024-01-05", 100_000),
        *clients("2024-03-10", "2024-03-10T15:00:00Z", "2024-03-10T16:00:00Z"),
    )
    story = given(*facts, programme=small()).when(accrue("2024-04-10"))
    story.then_tiers(("referent", "2024-01-01"), ("strategic", "2024-03-11"))


def test_strategic_after_certified(given: Given) -> None:
    """D6.2: certified held, though its own requirements (NPS) are no longer met."""
    facts = (
        *READY,
        *clients("2024-02-10", "2024-02-11", "2024-03-10"),
        nps("2024-03-01", 0),
        portfolio("2024-04-01", 201),
        invested("2024-05-01", 60_000),
        invested("2024-05-02", 40_000),
    )
    given(*facts, programme=small()).when(accrue("2024-06-01")).then_tiers(
        ("referent", "2024-01-01"), ("certified", "2024-02-12"), ("strategic", "2024-05-03")
    )


def test_strategic_needs_certified(given: Given) -> None:
    """D6.2: without it the requirements of strategic alone do nothing."""
    facts = (
        enrolled("2024-01-01", portfolio=201),
        *clients("2024-02-10", "2024-02-11", "2024-03-10"),
        invested("2024-05-01", 100_000),
    )
    given(*facts, programme=small()).when(accrue("2024-06-01")).then_tiers(
        ("referent", "2024-01-01")
    )


def test_co_marketing_in_the_programmes_currency_only(given: Given) -> None:
    """D6.2: francs are no euros (D1)."""
    facts = (
        *READY,
        *clients("2024-02-10", "2024-02-11", "2024-02-12"),
        portfolio("2024-01-04", 201),
        invested("2024-03-01", 99_999),
        invested("2024-03-01", 500_000, "CHF"),
    )
    given(*facts, programme=small()).when(accrue("2024-04-01")).then_tiers(
        ("referent", "2024-01-01"), ("certified", "2024-02-12")
    )


def test_the_enrolments_portfolio_and_facts_before_it_count(given: Given) -> None:
    """D6.2: the enrolment's counts as reported that day; certifications of earlier days count."""
    facts = (
        certified("2023-06-01"),
        nps("2023-06-01", 80),
        invested("2023-12-01", 100_000),
        enrolled("2024-01-01", portfolio=300),
        *clients("2024-02-10", "2024-02-11", "2024-02-12"),
    )
    given(*facts, programme=small()).when(accrue("2024-03-01")).then_tiers(
        ("referent", "2024-01-01"), ("certified", "2024-02-12"), ("strategic", "2024-02-13")
    )


def test_late_facts_promote_on_the_day_after_l(given: Given) -> None:
    """D6.3: day L is evaluated again; what came late has no effect on days before."""
    story = given(*READY, *clients("2024-02-10"), accrue("2024-03-31"), programme=small())
    story.when(*clients("2024-02-20"), accrue("2024-03-31")).then_tiers(
        ("referent", "2024-01-01"), ("certified", "2024-04-01")
    )
    story.when(accrue("2024-04-20")).then(
        commission("2024-04-10", 2_500, client_id="c-2024-02-10"),
        commission("2024-04-20", 2_500, client_id="c-2024-02-20"),
    )


def test_late_periods_have_the_rate_of_their_day(given: Given) -> None:
    """D7.1: the tier in force on S, though certified when posted."""
    story = given(*READY, *clients("2024-02-10", "2024-02-11"), programme=small())
    story.when(accrue("2024-03-31")).then_tiers(
        ("referent", "2024-01-01"), ("certified", "2024-02-12")
    )
    story.when(*clients("2024-02-12", "2024-02-05"), accrue("2024-03-31")).then(
        commission("2024-02-05", 2_000, client_id="c-2024-02-05", tier="referent"),
        commission("2024-03-05", 2_500, client_id="c-2024-02-05", tier="certified"),
        commission("2024-02-12", 2_500, client_id="c-2024-02-12", tier="certified"),
        commission("2024-03-12", 2_500, client_id="c-2024-02-12", tier="certified"),
    )


def test_a_review_demotes_by_one_step(given: Given) -> None:
    """D6.4: certified from 12 February 2024; no client in the year from it: referent again."""
    story = given(*READY, *clients("2024-02-10", "2024-02-11"), programme=small())
    story.when(accrue("2025-02-11")).then_tiers(
        ("referent", "2024-01-01"), ("certified", "2024-02-12")
    )
    story.when(accrue("2025-03-15")).then(
        commission("2025-03-10", 1_000, client_id="c-2024-02-10", tier="referent"),
        commission("2025-03-11", 1_000, client_id="c-2024-02-11", tier="referent"),
    )
    story.then_tiers(
        ("referent", "2024-01-01"), ("certified", "2024-02-12"), ("referent", "2025-02-12")
    )


def test_a_review_measures_from_anniversary_to_eve(given: Given) -> None:
    """D6.4: the first day counts, the anniversary does not; the next year is reviewed too."""
    story = given(
        *READY,
        *clients("2024-02-10", "2024-02-11", "2024-02-12", "2025-02-11"),
        programme=small(),
    )
    story.when(accrue("2025-12-31")).then_tiers(
        ("referent", "2024-01-01"), ("certified", "2024-02-12")
    )
    story.when(*clients("2026-02-12"), accrue("2026-02-12")).then_tiers(
        ("referent", "2024-01-01"), ("certified", "2024-02-12"), ("referent", "2026-02-12")
    )


def test_the_second_review_measures_the_second_year_alone(given: Given) -> None:
    """D6.4: from the first anniversary on, that day included; what came before is spent."""
    before = (("referent", "2024-01-01"), ("certified", "2024-02-12"))
    story = given(
        *READY,
        *clients("2024-02-10", "2024-02-11", "2024-03-01", "2025-02-11"),
        *clients("2025-02-12", "2025-02-13"),
        programme=small(),
    )
    story.when(accrue("2026-02-12")).then_tiers(*before)
    story.when(accrue("2027-02-12")).then_tiers(*before, ("referent", "2027-02-12"))


def test_strategic_falls_to_certified_and_then_to_referent(given: Given) -> None:
    """D6.4: one level a review; the lower tier's first day is that review's day."""
    facts = (
        *READY,
        portfolio("2024-01-04", 201),
        invested("2024-01-05", 100_000),
        *clients("2024-02-10", "2024-02-10T15:00:00Z", "2024-02-10T16:00:00Z"),
    )
    given(*facts, programme=small()).when(accrue("2026-03-01")).then_tiers(
        ("referent", "2024-01-01"),
        ("strategic", "2024-02-11"),
        ("certified", "2025-02-11"),
        ("referent", "2026-02-11"),
    )


def test_a_level_lost_is_regained_with_its_commitment_only(given: Given) -> None:
    """D6.4: strategic's requirements are met again on 1 March, its 3 clients a year on 3 June."""
    facts = (
        *READY,
        portfolio("2024-01-04", 201),
        invested("2024-01-05", 100_000),
        *clients("2024-02-10", "2024-02-10T15:00:00Z", "2024-02-10T16:00:00Z"),
        invested("2025-03-01", 100_000),
        *clients("2025-06-01", "2025-06-02", "2025-06-03"),
    )
    given(*facts, programme=small()).when(accrue("2025-12-31")).then_tiers(
        ("referent", "2024-01-01"),
        ("strategic", "2024-02-11"),
        ("certified", "2025-02-11"),
        ("strategic", "2025-06-04"),
    )


def test_who_lost_certified_regains_it_to_become_strategic(given: Given) -> None:
    """D6.2, D6.4: certified's requirements alone are not enough once its commitment was missed."""
    terms = programme(
        tier=[
            tier_terms("referent"),
            tier_terms(
                "certified",
                requires={"certification": True},
                commitment={"counted_clients_per_year": 1},
            ),
            tier_terms("strategic", requires={"portfolio_above": 200}),
        ]
    )
    before = (("referent", "2024-01-01"), ("certified", "2024-01-03"), ("referent", "2025-01-03"))
    story = given(*READY[:2], accrue("2025-01-31"), programme=terms)
    story.when(portfolio("2025-02-01", 201), accrue("2025-02-28")).then_tiers(*before)
    story.when(*clients("2025-03-10"), accrue("2025-03-31")).then_tiers(
        *before, ("strategic", "2025-03-11")
    )


def test_later_facts_never_undo_a_demotion(given: Given) -> None:
    """D6.4: two late clients of the year that was reviewed change nothing but what comes after."""
    story = given(
        *READY, *clients("2024-02-10", "2024-02-11"), accrue("2025-02-12"), programme=small()
    )
    story.when(*clients("2024-03-01", "2024-03-02"), accrue("2025-02-20")).then_tiers(
        ("referent", "2024-01-01"),
        ("certified", "2024-02-12"),
        ("referent", "2025-02-12"),
        ("certified", "2025-02-13"),
    )


def test_no_review_of_a_tier_that_begins_on_the_day(given: Given) -> None:
    """D6.4: a promotion takes effect on the anniversary of certified: none is reviewed on it."""
    facts = (
        *READY,
        portfolio("2024-01-04", 201),
        *clients("2024-02-10", "2024-02-11", "2024-02-12"),
        invested("2025-02-11", 100_000),
    )
    given(*facts, programme=small()).when(accrue("2025-12-31")).then_tiers(
        ("referent", "2024-01-01"), ("certified", "2024-02-12"), ("strategic", "2025-02-12")
    )


def test_an_anniversary_of_a_leap_day(given: Given) -> None:
    """D2 with D6.4: certified from 29 February 2024 is reviewed on 28 February 2025."""
    facts = (*READY, *clients("2024-02-27", "2024-02-28"))
    given(*facts, programme=small()).when(accrue("2025-03-31")).then_tiers(
        ("referent", "2024-01-01"), ("certified", "2024-02-29"), ("referent", "2025-02-28")
    )


def test_a_partner_enrolled_after_l_is_evaluated_from_its_enrolment(given: Given) -> None:
    """D6.3: no tier before its first day."""
    story = given(accrue("2024-01-31"), programme=small())
    story.when(enrolled("2024-02-15"), *READY[1:], *clients("2024-02-15", "2024-02-16"))
    story.when(accrue("2024-03-01")).then_tiers(
        ("referent", "2024-02-15"), ("certified", "2024-02-17")
    )


def test_a_partner_enrolled_on_the_runs_day_is_evaluated_as_of_it(given: Given) -> None:
    """D6.3: by that run, with effect from the day after; on its eve there is nothing to decide."""
    story = given(enrolled("2024-02-15"), *READY[1:], programme=small())
    story.when(*clients("2024-02-15", "2024-02-15T15:00:00Z"), accrue("2024-02-14"))
    story.then_tiers(("referent", "2024-02-15"))
    story.when(accrue("2024-02-15")).then_tiers(
        ("referent", "2024-02-15"), ("certified", "2024-02-16")
    )


def test_the_reference_programme_certifies_with_ten(given: Given) -> None:
    """D6.2: the tenth client counts on 10 March 2024; nine do not do."""
    days = [f"2024-03-{number:02}" for number in range(1, 11)]
    story = given(*READY, *clients(*days[:9]), programme=plain()).when(accrue("2024-03-09"))
    story.then_tiers(("referent", "2024-01-01"))
    story.when(*clients(days[9]), accrue("2024-03-10")).then_tiers(
        ("referent", "2024-01-01"), ("certified", "2024-03-11")
    )


def easier(**parts: JsonValue) -> Programme:
    """One client makes certified; what certified gives is kept with nothing."""
    requires: dict[str, JsonValue] = {"counted_clients_12_months": 1}
    tiers = [
        tier_terms("referent"),
        tier_terms("certified", requires=requires),
        tier_terms("strategic", requires={"portfolio_above": 200}),
    ]
    return programme(tier=tiers, **parts)


CERTIFIED = (("certified", "2024-03-02"),)


@pytest.mark.parametrize("through", ["2024-02-28", "2024-02-29", "2024-03-01"])
def test_a_version_is_asked_from_its_first_day_on(given: Given, through: str) -> None:
    """D6.3, D7.2: of 1 March with effect from the 2nd, though no fact came with it."""
    story = given(*READY, *clients("2024-02-10"), programme=small())
    story.when(Adopt(easier(), date(2024, 3, 1)), accrue(through))
    story.then_tiers(("referent", "2024-01-01"), *CERTIFIED[: through == "2024-03-01"])
    story.when(accrue("2024-03-31")).then_tiers(("referent", "2024-01-01"), *CERTIFIED)


@pytest.mark.parametrize("through", ["2024-02-28", "2024-02-29", "2024-03-01"])
def test_another_programme_is_asked_from_its_first_day_on(given: Given, through: str) -> None:
    """D7.3: the one that the partner is put under; p2's stays."""
    story = given(
        *READY,
        enrolled("2024-01-01", "p2"),
        *clients("2024-02-10"),
        activated("2024-02-10", "theirs", partner="p2"),
        Adopt(easier(name="easier")),
        AssignProgramme("p1", "easier", date(2024, 3, 1)),
        programme=small(),
    )
    story.when(accrue(through), accrue("2024-03-31"))
    story.then_tiers(("referent", "2024-01-01"), *CERTIFIED)
    story.then_tiers(("referent", "2024-01-01"), partner="p2")


@pytest.mark.parametrize(
    ("invested_on", "is_in"),
    [("2024-03-10", False), ("2024-03-11", True), ("2025-03-10", True), ("2025-03-11", False)],
)
def test_co_marketing_of_the_trailing_twelve_months(
    given: Given, invested_on: str, *, is_in: bool
) -> None:
    """D6.2: as of 10 March 2025, on which all else is met: after 10 March 2024, up to the day."""
    terms = programme(
        tier=[
            tier_terms("referent"),
            tier_terms("certified", requires={"counted_clients_ever": 1}),
            tier_terms(
                "strategic", requires={"portfolio_above": 200, "comarketing_12_months": 500}
            ),
        ]
    )
    facts = (enrolled("2024-01-01"), *clients("2024-02-01"), invested(invested_on, 500))
    story = given(*facts, portfolio("2025-03-10", 201), programme=terms)
    story.when(accrue("2025-03-10")).then_tiers(
        ("referent", "2024-01-01"),
        ("certified", "2024-02-02"),
        *((("strategic", "2025-03-11"),) if is_in else ()),
    )


DOWN, UP = ("certified", "2025-02-11"), ("strategic", "2025-02-12")


@pytest.mark.parametrize(
    ("invested_on", "then"),
    [("2024-02-10", (DOWN,)), ("2024-02-11", ()), ("2025-02-10", ()), ("2025-02-11", (DOWN, UP))],
)
def test_a_commitment_of_co_marketing(
    given: Given, invested_on: str, then: tuple[tuple[str, str], ...]
) -> None:
    """D6.4: strategic from 11 February 2024: of that day up to the eve of the anniversary.

    On the anniversary it is too late, and in time for the evaluation that follows the review.
    """
    facts = (
        *READY,
        portfolio("2024-01-04", 201),
        invested("2024-01-05", 100_000),
        *clients("2024-02-10", "2024-02-10T15:00:00Z", "2024-02-10T16:00:00Z"),
        *clients("2024-03-10", "2024-03-11", "2024-03-12"),
        invested(invested_on, 100_000),
    )
    story = given(*facts, programme=small()).when(accrue("2025-02-11"))
    story.then_tiers(("referent", "2024-01-01"), ("strategic", "2024-02-11"), *then)
