"""D2 and D4: days, service periods, churn, reactivation, several subscriptions."""

from __future__ import annotations

import pytest

from tests.model.journal import Message
from tests.rules.dsl import Given, commission
from tests.rules.facts import (
    accrue,
    activated,
    changed,
    churned,
    ended,
    enrolled,
    referred,
    signed,
)
from tests.rules.programmes import programme

START = (enrolled("2020-01-01"), referred("2024-01-01"))
"""Partner p1 holds client c1 if it is activated by 29 June 2024."""


def test_months_keep_the_anchor_clamped_to_the_end(given: Given) -> None:
    """D2: 31 January, 28 (29) February, 31 March; each period ends on the eve of the next."""
    given(*START, activated("2024-01-31")).when(accrue("2024-04-30")).then(
        commission("2024-01-31", 2_000, service_end="2024-02-28", rate="0.20", base=10_000),
        commission("2024-02-29", 2_000, service_end="2024-03-30"),
        commission("2024-03-31", 2_000, service_end="2024-04-29"),
        commission("2024-04-30", 2_000, service_end="2024-05-30"),
    )


def test_february_of_a_common_year(given: Given) -> None:
    """D2: 31 January 2025 + 1 month is 28 February, + 2 months 31 March."""
    given(enrolled("2020-01-01"), referred("2025-01-01"), activated("2025-01-31")).when(
        accrue("2025-03-31")
    ).then(
        commission("2025-01-31", 2_000, service_end="2025-02-27"),
        commission("2025-02-28", 2_000, service_end="2025-03-30"),
        commission("2025-03-31", 2_000, service_end="2025-04-29"),
    )


def test_leap_day_by_year(given: Given) -> None:
    """D4.1: a yearly subscription of 29 February is due on 28 February until the next leap year."""
    facts = (*START, activated("2024-02-29", price=120_000, interval="year"))
    given(*facts).when(accrue("2028-03-01")).then(
        commission("2024-02-29", 24_000, service_end="2025-02-27", client_year=1, rate="0.20"),
        commission("2025-02-28", 12_000, service_end="2026-02-27", client_year=2, rate="0.10"),
        commission("2026-02-28", 12_000, service_end="2027-02-27", client_year=3),
        commission("2027-02-28", 12_000, service_end="2028-02-28", client_year=4),
        commission("2028-02-29", 12_000, service_end="2029-02-27", client_year=5),
    )


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2024-01-31T23:30:00Z", "2024-02-01"),  # winter: Paris is an hour ahead
        ("2024-01-31T22:59:59.999999Z", "2024-01-31"),
        ("2024-03-31T22:30:00Z", "2024-04-01"),  # the day on which summer time began
        ("2024-03-30T22:30:00Z", "2024-03-30"),
        ("2024-05-31T22:00:00Z", "2024-06-01"),
        ("2024-05-31T21:59:59Z", "2024-05-31"),
    ],
)
def test_a_day_is_a_day_in_paris(given: Given, instant: str, day: str) -> None:
    """D2: the calendar day of an instant is the one in the ledger's time zone."""
    given(*START, activated(instant)).when(accrue("2024-06-02")).then_client(
        holder="p1", first=day, counted=day
    )


def test_plan_change_on_the_due_day_holds_for_that_period(given: Given) -> None:
    """D4.3: a plan change of day C applies to S >= C; there is no proration."""
    given(*START, activated("2024-01-10"), changed("2024-02-10", 20_000)).when(
        accrue("2024-03-09")
    ).then(commission("2024-01-10", 2_000), commission("2024-02-10", 4_000, base=20_000))


def test_plan_change_a_day_late_waits_for_the_next_period(given: Given) -> None:
    """D4.3: the period that has begun keeps its price."""
    given(*START, activated("2024-01-10"), changed("2024-02-11", 20_000)).when(
        accrue("2024-03-10")
    ).then(
        commission("2024-01-10", 2_000),
        commission("2024-02-10", 2_000),
        commission("2024-03-10", 4_000),
    )


def test_plan_change_on_the_activation_day_holds_at_once(given: Given) -> None:
    """D4.3: that of the activation's own day included, though its instant is the earlier one."""
    facts = (changed("2024-01-10T08:00:00Z", 30_000), activated("2024-01-10T09:00:00Z"))
    given(*START, *facts).when(accrue("2024-01-10")).then(commission("2024-01-10", 6_000))


def test_of_two_plan_changes_on_one_day_the_last_stands(given: Given) -> None:
    """D2: by effective_at, whatever the order in which they arrive."""
    facts = (
        activated("2024-01-10"),
        changed("2024-02-01T15:00:00Z", 30_000),
        changed("2024-02-01T09:00:00Z", 50_000),
    )
    given(*START, *facts, accrue("2024-01-31")).when(accrue("2024-02-10")).then(
        commission("2024-02-10", 6_000)
    )


def test_churn_on_the_due_day_ends_before_it(given: Given) -> None:
    """D4.3: active on S means that the churn day is after S."""
    given(*START, activated("2024-01-10"), churned("2024-02-10")).when(accrue("2024-04-30")).then(
        commission("2024-01-10", 2_000)
    )


def test_churn_the_day_after_the_due_day_keeps_the_whole_period(given: Given) -> None:
    """D4.3: there is no proration."""
    given(*START, activated("2024-01-10"), churned("2024-02-11")).when(accrue("2024-04-30")).then(
        commission("2024-01-10", 2_000),
        commission("2024-02-10", 2_000, service_end="2024-03-09"),
    )


def test_churn_then_reactivation_on_one_day(given: Given) -> None:
    """D2: it was active when the day began: a churn, and then a reactivation on a new anchor."""
    facts = (
        activated("2024-01-10"),
        activated("2024-02-20T08:00:00Z", price=20_000),
        churned("2024-02-20T09:00:00Z"),
    )
    given(*START, *facts).when(accrue("2024-03-31")).then(
        commission("2024-01-10", 2_000),
        commission("2024-02-10", 2_000),
        commission("2024-02-20", 4_000, client_year=1),
        commission("2024-03-20", 4_000),
    )


def test_activation_then_churn_on_one_day(given: Given) -> None:
    """D2: it was not active when the day began: no period is due, and the client does not count."""
    facts = (churned("2024-01-10T08:00:00Z"), activated("2024-01-10T09:00:00Z"))
    given(*START, *facts).when(accrue("2024-03-31")).then_nothing().then_client(
        holder="p1", first="2024-01-10", counted=None
    )


def test_reactivation_starts_new_periods_in_the_same_client_year(given: Given) -> None:
    """D4.2 and D5: a reactivation is anchored on its day; the client year runs on."""
    facts = (
        activated("2024-01-10"),
        churned("2024-02-10"),
        changed("2024-02-15", 90_000),
        activated("2024-12-25", price=20_000),
    )
    given(*START, *facts).when(accrue("2025-02-24")).then(
        commission("2024-01-10", 2_000, client_year=1),
        commission("2024-12-25", 4_000, client_year=1, rate="0.20"),
        commission("2025-01-25", 2_000, client_year=2, rate="0.10"),
    ).then_client(holder="p1", first="2024-01-10", counted="2024-01-10")


def test_of_two_activations_without_a_churn_the_first_recorded_counts(given: Given) -> None:
    """D4.2: the other has no effect and is unresolved, though its day is the earlier one."""
    facts = (
        activated("2024-02-10", price=20_000),
        activated("2024-01-10", id="idle"),
    )
    given(*START, *facts).when(accrue("2024-02-29")).then(
        commission("2024-02-10", 4_000)
    ).then_unresolved("idle").then_client(holder="p1", first="2024-02-10", counted="2024-02-10")


def test_a_late_churn_between_makes_the_second_activation_count(given: Given) -> None:
    """D4.2: of the second activation, idle so far, what is due is posted by the next run."""
    facts = (activated("2024-01-10"), activated("2024-03-20", price=20_000, id="second"))
    story = given(*START, *facts).when(accrue("2024-04-10"))
    story.then(*(commission(f"2024-0{month}-10", 2_000) for month in (1, 2, 3, 4)))
    story.then_unresolved("second")
    story.when(churned("2024-03-15"), accrue("2024-04-30")).then(
        commission("2024-03-20", 4_000),
        commission("2024-04-20", 4_000),
        {**commission("2024-04-10", 2_000), "kind": "waiver", "rule": "D9.2"},
    ).then_resolved("second")


def test_a_late_churn_between_makes_the_earlier_activation_the_first(given: Given) -> None:
    """D4.2: the first activation is the earliest by day of those that count."""
    facts = (activated("2024-02-10"), activated("2024-01-10"))
    story = given(*START, *facts, accrue("2024-02-10"))
    story.when(churned("2024-01-20"), accrue("2024-02-10")).then(commission("2024-01-10", 2_000))
    story.then_client(holder="p1", first="2024-01-10", counted="2024-01-10")


def test_yearly_interval(given: Given) -> None:
    """D4.1: one period a year, at the price of the year."""
    given(*START, activated("2024-01-15", price=100_000, interval="year")).when(
        accrue("2025-01-15")
    ).then(
        commission("2024-01-15", 20_000, service_end="2025-01-14"),
        commission("2025-01-15", 10_000, service_end="2026-01-14", client_year=2),
    )


def test_interval_from_month_to_year_and_back(given: Given) -> None:
    """D4.1: the first period start >= C is the anchor of a new schedule."""
    facts = (
        activated("2024-01-31"),
        changed("2024-02-10", 100_000, interval="year"),
        changed("2025-02-28", 12_000, interval="month"),
    )
    given(*START, *facts).when(accrue("2026-04-29")).then(
        commission("2024-01-31", 2_000, service_end="2024-02-28"),
        commission("2024-02-29", 20_000, service_end="2025-02-27"),
        commission("2025-02-28", 1_200, service_end="2025-03-27", client_year=2),
        *(
            commission(day, 1_200)
            for day in [
                "2025-03-28",
                "2025-04-28",
                "2025-05-28",
                "2025-06-28",
                "2025-07-28",
                "2025-08-28",
                "2025-09-28",
                "2025-10-28",
                "2025-11-28",
                "2025-12-28",
                "2026-01-28",
                "2026-02-28",
                "2026-03-28",
                "2026-04-28",
            ]
        ),
    )


def test_interval_named_and_taken_back_before_the_next_period(given: Given) -> None:
    """D4.1: at the period start the interval is the old one; the schedule and its anchor go on."""
    facts = (
        activated("2024-01-31"),
        changed("2024-02-10", 100_000, interval="year"),
        changed("2024-02-20", 20_000, interval="month"),
    )
    given(*START, *facts).when(accrue("2024-03-31")).then(
        commission("2024-01-31", 2_000),
        commission("2024-02-29", 4_000),
        commission("2024-03-31", 4_000),
    )


def test_another_currency_keeps_the_days(given: Given) -> None:
    """D4.1: it holds from the first period start >= C; two currencies are two balances (D1)."""
    facts = (activated("2024-01-31"), changed("2024-02-10", 30_000, currency="CHF"))
    story = given(*START, *facts).when(accrue("2024-03-31"))
    story.then(
        commission("2024-01-31", 2_000, currency="EUR"),
        commission("2024-02-29", 6_000, currency="CHF"),
        commission("2024-03-31", 6_000, currency="CHF"),
    )
    story.then_balance(earned=2_000).then_balance(currency="CHF", earned=12_000)


def test_a_plan_change_without_currency_keeps_the_one_in_force(given: Given) -> None:
    """D4.1: the currency last named holds."""
    facts = (
        activated("2024-01-10"),
        changed("2024-01-20", 30_000, currency="USD"),
        changed("2024-02-20", 40_000),
    )
    given(*START, *facts).when(accrue("2024-03-10")).then(
        commission("2024-01-10", 2_000, currency="EUR"),
        commission("2024-02-10", 6_000, currency="USD"),
        commission("2024-03-10", 8_000, currency="USD"),
    )


def test_several_subscriptions_each_have_their_periods(given: Given) -> None:
    """Words, D4: prices, periods and churn are a subscription's; the client year the client's."""
    facts = (
        activated("2024-01-10"),
        activated("2024-01-25", price=5_000, sub="s2"),
        churned("2024-02-25", sub="s2"),
        changed("2024-02-05", 30_000, sub="s2"),
    )
    given(*START, *facts).when(accrue("2024-03-10")).then(
        commission("2024-01-10", 2_000, subscription_id="c1"),
        commission("2024-01-25", 1_000, subscription_id="s2", client_year=1),
        commission("2024-02-10", 2_000, subscription_id="c1"),
        commission("2024-03-10", 2_000, subscription_id="c1"),
    )


def test_a_second_subscription_is_in_the_clients_year(given: Given) -> None:
    """D5: the client's first activation day is what counts."""
    facts = (activated("2024-01-10"), churned("2024-02-01"), activated("2025-01-10", sub="s2"))
    given(*START, *facts).when(accrue("2025-01-10")).then(
        commission("2024-01-10", 2_000, client_year=1),
        commission("2025-01-10", 1_000, subscription_id="s2", client_year=2),
    )


def test_a_churn_that_names_none_ends_all(given: Given) -> None:
    """D4.1: the client has no active subscription of its own id: every one of its others ends."""
    facts = (
        activated("2024-01-10", sub="s1"),
        activated("2024-01-20", sub="s2"),
        churned("2024-02-15"),
    )
    given(*START, *facts).when(accrue("2024-03-31")).then(
        commission("2024-01-10", 2_000, subscription_id="s1"),
        commission("2024-02-10", 2_000, subscription_id="s1"),
        commission("2024-01-20", 2_000, subscription_id="s2"),
    )


def test_a_churn_that_names_none_ends_the_clients_own_if_it_is_active(given: Given) -> None:
    """D4.1: the subscription of the client's own id ends, the others go on."""
    facts = (activated("2024-01-10"), activated("2024-01-20", sub="s2"), churned("2024-02-15"))
    given(*START, *facts).when(accrue("2024-03-31")).then(
        commission("2024-01-10", 2_000, subscription_id="c1"),
        commission("2024-02-10", 2_000, subscription_id="c1"),
        commission("2024-01-20", 2_000, subscription_id="s2"),
        commission("2024-02-20", 2_000, subscription_id="s2"),
        commission("2024-03-20", 2_000, subscription_id="s2"),
    )


def test_a_price_of_nothing_gives_a_line_of_nothing(given: Given) -> None:
    """D4.3: a line of 0; and the client does not count (D6.1)."""
    given(*START, activated("2024-01-10", price=0)).when(accrue("2024-01-31")).then(
        commission("2024-01-10", 0, base=0)
    ).then_client(holder="p1", first="2024-01-10", counted=None)


def test_nothing_is_due_while_the_agreement_is_not_in_force(given: Given) -> None:
    """D4.4: no line from the day of its end on, until the day of a new signature."""
    facts = (activated("2024-01-10"), ended("2024-02-10"), signed("2024-04-10"))
    given(*START, *facts).when(accrue("2024-05-09")).then(
        commission("2024-01-10", 2_000), commission("2024-04-10", 2_000)
    )


def test_an_agreement_ended_before_the_enrolment_counts_for_nothing(given: Given) -> None:
    """D4.4: of a day before the enrolment neither an end nor a signature counts."""
    facts = (ended("2023-12-31"), enrolled("2024-01-01"), activated("2024-01-10", partner="p1"))
    given(*facts).when(accrue("2024-01-10")).then(commission("2024-01-10", 2_000))


def test_a_client_counts_after_its_qualifying_days(given: Given) -> None:
    """D6.1: a churn up to the counting day, that day included, takes the count away."""
    terms = programme(activation={"qualifying_days": 30})
    facts = (
        enrolled("2024-01-01"),
        activated("2024-01-10", "stays", partner="p1"),
        churned("2024-02-10", "stays"),
        activated("2024-01-10", "goes", partner="p1"),
        churned("2024-02-09", "goes"),
    )
    story = given(*facts, programme=terms)
    story.then_client("stays", holder="p1", first="2024-01-10", counted="2024-02-09")
    story.then_client("goes", holder="p1", first="2024-01-10", counted=None)


def test_a_plan_change_before_any_activation_waits(given: Given) -> None:
    """Wire: well-formed but about something unknown: recorded, unresolved, superseded (D4.3)."""
    change = changed("2024-01-05", 50_000)
    story = given(*START, change).then_unresolved(change.id)
    story.when(activated("2024-01-10"), accrue("2024-01-10")).then(commission("2024-01-10", 2_000))


@pytest.mark.parametrize(
    ("own", "runs_on"),
    [
        ((), False),
        ((activated("2024-01-10", partner="p1"),), True),
        ((activated("2024-02-01", partner="p1"),), True),
        ((activated("2024-02-02", partner="p1"),), False),
        ((activated("2024-01-10", partner="p1"), churned("2024-01-31")), False),
        ((activated("2024-01-10", partner="p1"), churned("2024-02-01")), True),
    ],
)
def test_a_churn_that_names_no_subscription(
    given: Given, own: tuple[Message, ...], *, runs_on: bool
) -> None:
    """D4.1: ends all unless one of the client's own id was active on its day, which it ends."""
    story = given(
        enrolled("2024-01-01"),
        activated("2024-01-05", sub="s2", partner="p1"),
        *own,
        churned("2024-02-01"),
    )
    story.when(accrue("2024-02-05"))
    days = [
        one.service_date.isoformat() for one in story.ledger.lines() if one.subscription_id == "s2"
    ]
    assert days == ["2024-01-05", "2024-02-05"][: 1 + runs_on]


def test_another_interval_that_is_taken_back_on_the_period_start_itself(given: Given) -> None:
    """D4.1: of 29 February the last word is a month: the schedule of the 31st goes on."""
    story = given(*START, activated("2024-01-31"), changed("2024-02-10", 120_000, interval="year"))
    story.when(changed("2024-02-29", 11_000, interval="month"), accrue("2024-03-31")).then(
        commission("2024-01-31", 2_000),
        commission("2024-02-29", 2_200),
        commission("2024-03-31", 2_200),
    )


def test_of_two_changes_of_one_day_the_first_is_gone_whole(given: Given) -> None:
    """D2: neither its currency nor its interval is left."""
    first = changed("2024-02-01T08:00:00Z", 99_000, currency="CHF", interval="year")
    story = given(*START, activated("2024-01-31"), first, changed("2024-02-01T09:00:00Z", 12_000))
    story.when(accrue("2024-03-31")).then(
        commission("2024-01-31", 2_000),
        commission("2024-02-29", 2_400),
        commission("2024-03-31", 2_400),
    )


def test_a_change_of_price_alone_keeps_the_interval_that_is_pending(given: Given) -> None:
    """D4.1: a year from 10 February on, at the price that was named last."""
    story = given(*START, activated("2024-01-10"), changed("2024-02-01", 99_000, interval="year"))
    story.when(changed("2024-02-05", 60_000), accrue("2024-03-31")).then(
        commission("2024-01-10", 2_000),
        commission("2024-02-10", 12_000, service_end="2025-02-09"),
    )
