"""D9.1 to D9.4: what late facts change: differences, waivers, and what finance has taken over."""

from __future__ import annotations

from tests.rules.dsl import Given, by_hand, commission, difference, waiver
from tests.rules.facts import (
    accrue,
    activated,
    adjust,
    changed,
    churned,
    close,
    ended,
    enrolled,
    referred,
    signed,
)

DONE = (enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), accrue("2024-02-20"))
"""€20 were posted for 10 January and for 10 February each."""


def test_a_late_rise_posts_the_difference(given: Given) -> None:
    """D9.1: V - P at the rate of the first line; the base shown is what is new."""
    given(*DONE).when(changed("2024-02-05", 15_000), accrue("2024-02-20")).then(
        difference("2024-02-10", 1_000, base=5_000, rate="0.20")
    ).then_balance(earned=5_000)


def test_a_late_fall_is_waived(given: Given) -> None:
    """D9.2: no effect on balances; the waiver shows base and rate of the first line."""
    given(*DONE).when(changed("2024-02-05", 4_000), accrue("2024-02-20")).then(
        waiver("2024-02-10", 1_200, base=10_000, rate="0.20")
    ).then_balance(earned=4_000)


def test_a_fall_a_rise_and_a_fall_again(given: Given) -> None:
    """D9.1, D9.2: what was waived is waived once; a rise beyond P is a difference."""
    story = given(*DONE)
    story.when(changed("2024-02-02", 4_000), accrue("2024-02-20")).then(waiver("2024-02-10", 1_200))
    story.when(accrue("2024-02-21")).then_nothing()
    story.when(changed("2024-02-03", 8_000), accrue("2024-02-21")).then_nothing()
    story.when(changed("2024-02-04", 25_000), accrue("2024-02-21")).then(
        difference("2024-02-10", 3_000, base=15_000)
    )
    story.when(changed("2024-02-05", 5_000), accrue("2024-02-21")).then(
        waiver("2024-02-10", 2_800)  # P 5,000 - V 1,000 - waived 1,200
    )
    story.when(changed("2024-02-06", 2_500), accrue("2024-02-21")).then(waiver("2024-02-10", 500))
    story.then_balance(earned=7_000)


def test_a_rise_and_back_to_what_it_was_first(given: Given) -> None:
    """D9.2: worth its first line again, the difference is waived; once."""
    story = given(*DONE[:2]).when(accrue("2024-01-31"))
    story.when(changed("2024-01-10T18:00:00Z", 12_000), accrue("2024-01-31")).then(
        difference("2024-01-10", 400)
    )
    story.when(changed("2024-01-10T19:00:00Z", 10_000), accrue("2024-01-31")).then(
        waiver("2024-01-10", 400)
    )
    story.when(changed("2024-01-10T20:00:00Z", 10_000), accrue("2024-01-31")).then_nothing()


def test_differences_show_bases_that_add_up(given: Given) -> None:
    """D9.1: the new base - the sum of the bases posted."""
    story = given(*DONE)
    story.when(changed("2024-02-02", 15_000), accrue("2024-02-20")).then(
        difference("2024-02-10", 1_000, base=5_000)
    )
    story.when(changed("2024-02-03", 18_000), accrue("2024-02-20")).then(
        difference("2024-02-10", 600, base=3_000)
    )


def test_a_late_churn_waives_the_periods_after_it(given: Given) -> None:
    """D9.2: V is 0 for a period that is no longer due."""
    given(*DONE).when(churned("2024-02-10"), accrue("2024-03-31")).then(
        waiver("2024-02-10", 2_000)
    ).then_balance(earned=4_000)


def test_a_period_that_moves_is_waived_and_posted(given: Given) -> None:
    """D9.2: waived under its old S, posted under its new S."""
    given(*DONE).when(churned("2024-01-20"), activated("2024-01-25"), accrue("2024-02-25")).then(
        waiver("2024-02-10", 2_000),
        commission("2024-01-25", 2_000),
        commission("2024-02-25", 2_000),
    )


def test_a_period_waived_and_due_again(given: Given) -> None:
    """D9: a period stands alone: due again, its V is P, so nothing is owed."""
    story = given(*DONE)
    story.when(ended("2024-02-01"), accrue("2024-02-20")).then(waiver("2024-02-10", 2_000))
    story.when(signed("2024-02-10"), accrue("2024-02-20")).then_nothing()
    story.when(changed("2024-02-10", 12_000), accrue("2024-02-20")).then(
        difference("2024-02-10", 400)
    )


def test_the_rate_of_a_posted_period_never_changes(given: Given) -> None:
    """D9.3: an earlier first activation makes S a day of client year 2; nothing is waived."""
    story = given(
        enrolled("2023-01-01"), activated("2024-01-10", partner="p1"), accrue("2024-01-10")
    )
    story.when(
        churned("2023-02-01"), activated("2023-01-05", price=5_000), accrue("2024-01-10")
    ).then(commission("2023-01-05", 1_000, client_year=1))
    story.when(accrue("2024-02-10")).then(commission("2024-02-10", 1_000, client_year=2))


def test_another_currency_of_a_posted_period_is_left_alone(given: Given) -> None:
    """D9.3: nothing is posted or waived for it; the next periods are in the new currency."""
    given(*DONE).when(changed("2024-02-05", 50_000, currency="USD"), accrue("2024-03-10")).then(
        commission("2024-03-10", 10_000, currency="USD")
    )


def test_another_interval_of_a_posted_period_is_left_alone(given: Given) -> None:
    """D9.3: and of the schedule that follows nothing is due before it ends."""
    given(*DONE).when(changed("2024-02-05", 100_000, interval="year"), accrue("2025-02-10")).then(
        commission("2025-02-10", 10_000, client_year=2, service_end="2026-02-09")
    )


def test_an_adjusted_period_is_finances(given: Given) -> None:
    """D9.4: runs post nothing more for it; another period of the client is none of its business."""
    story = given(*DONE)
    story.when(adjust(-500, "2024-02-15", line=("c1", "2024-02-10"))).then(
        by_hand("adjustment", "2024-02-15", -500)
    )
    story.when(changed("2024-01-10T13:00:00Z", 20_000), accrue("2024-02-20")).then(
        difference("2024-01-10", 2_000)
    )
    story.when(churned("2024-01-10"), accrue("2024-02-20")).then(waiver("2024-01-10", 4_000))
    story.then_balance(earned=6_000, adjusted=-500)


def test_an_adjustment_of_another_day_than_its_line(given: Given) -> None:
    """D9.4: it makes the period finance's all the same, whatever days a late fact is about."""
    story = given(*DONE, adjust(-500, "2024-01-12", line=("c1", "2024-02-10")))
    story.when(changed("2024-02-05", 20_000), accrue("2024-02-20")).then_nothing()


def test_a_late_change_of_one_subscription_alone(given: Given) -> None:
    """D9.1: what changed first counts, of whichever subscription; others stay as they are."""
    story = given(*DONE[:2], activated("2024-01-15", sub="s2"), accrue("2024-03-20"))
    story.when(
        changed("2024-03-01", 15_000), changed("2024-02-10", 12_000, sub="s2"), accrue("2024-03-20")
    ).then(
        difference("2024-03-10", 1_000),
        difference("2024-02-15", 400, subscription_id="s2"),
        difference("2024-03-15", 400, subscription_id="s2"),
    )


def test_late_lines_are_posted_in_the_first_open_month(given: Given) -> None:
    """D16: S stays; the posting day is the first day of the earliest open month."""
    story = given(*DONE[:2], accrue("2024-02-29"), close("2024-01"), close("2024-02"))
    story.when(
        changed("2024-02-05", 15_000),
        churned("2024-02-20"),
        activated("2024-01-15", "c2", partner="p1"),
        accrue("2024-03-15"),
    ).then(
        difference("2024-02-10", 1_000, posting_date="2024-03-01"),
        commission("2024-01-15", 2_000, client_id="c2", posting_date="2024-03-01"),
        commission("2024-02-15", 2_000, client_id="c2", posting_date="2024-03-01"),
        commission("2024-03-15", 2_000, client_id="c2", posting_date="2024-03-15"),
    )


def test_a_mistaken_activation_is_not_paid_twice(given: Given) -> None:
    """D18.3: a churn dated on the activation's own day, then the right activation."""
    story = given(
        enrolled("2024-01-01"),
        referred("2024-01-05"),
        activated("2024-01-10"),
        accrue("2024-02-20"),
    )
    story.when(churned("2024-01-10"), activated("2024-02-10"), accrue("2024-02-20")).then(
        waiver("2024-01-10", 2_000)
    )


def test_an_adjusted_period_that_returns_is_finances(given: Given) -> None:
    """D9.4: waived, adjusted, and then due in full again: no line; finance is told."""
    story = given(*DONE).when(changed("2024-02-10", 8_000), accrue("2024-02-20"))
    story.when(adjust(-400, "2024-02-15", line=("c1", "2024-02-10")))
    story.when(changed("2024-02-10T18:00:00Z", 10_000), accrue("2024-02-20")).then_nothing()
