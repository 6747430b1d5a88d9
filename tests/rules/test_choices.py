"""Choices that the reference programme does not make: tails, client years anew, bases."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.policy.programme import Programme
from tests.model.commands import Adopt
from tests.rules.commands import assign
from tests.rules.dsl import Given, by_hand, commission, waiver
from tests.rules.facts import (
    accrue,
    activated,
    adjust,
    certified,
    changed,
    churned,
    credit,
    ended,
    enrolled,
    referred,
    signed,
)
from tests.rules.programmes import choosing, plain, programme, quick, tier_terms


def tail(value: int | str) -> Programme:
    """The plain programme with a tail of its agreements."""
    return choosing(plain(), "agreement", tail=value)


def test_d4_4_no_tail(given: Given) -> None:
    """From the end's day on nothing is due."""
    story = given(enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), programme=plain())
    story.when(ended("2024-02-10"), accrue("2024-03-31")).then(commission("2024-01-10", 2_000))


def test_d4_4_adjustments_credits_and_waivers_are_possible(given: Given) -> None:
    """Of days on which the agreement is not in force, too."""
    story = given(enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), programme=plain())
    story.when(accrue("2024-02-29")).when(ended("2024-02-10"), accrue("2024-02-29")).then(
        waiver("2024-02-10", 2_000)
    )
    story.when(adjust(-70, "2024-02-20"), credit(50, "2024-02-20")).then(
        by_hand("adjustment", "2024-02-20", -70), by_hand("credit", "2024-02-20", 50)
    )


def test_d4_4_a_tail_of_months(given: Given) -> None:
    """Two months from 10 February: the S of 10 April is the first that is not due."""
    story = given(enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), programme=tail(2))
    story.when(ended("2024-02-10"), accrue("2024-04-30")).then(
        *(commission(f"2024-0{month}-10", 2_000) for month in (1, 2, 3))
    )


def test_d4_4_the_tail_counts_from_the_first_of_several_ends(given: Given) -> None:
    """It stopped on 10 February; a second word of March stops nothing."""
    story = given(enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), programme=tail(2))
    story.when(ended("2024-02-10"), ended("2024-03-20"), accrue("2024-04-30")).then(
        *(commission(f"2024-0{month}-10", 2_000) for month in (1, 2, 3))
    )


@pytest.mark.parametrize(("basis", "lines"), [("activation_date", 0), ("service_date", 1)])
def test_d4_4_the_tail_is_that_of_the_version_that_decides(
    given: Given, basis: str, lines: int
) -> None:
    """D7.2: a client of an earlier version has its tail, if that version stays with it."""
    first = programme(version_basis=basis)
    later = choosing(first, "agreement", tail=2)
    story = given(
        enrolled("2024-01-01"),
        activated("2024-01-10", partner="p1"),
        Adopt(later, date(2024, 2, 1)),
        accrue("2024-01-31"),
        programme=first,
    )
    story.when(ended("2024-02-01"), accrue("2024-02-29"))
    assert len(story.ledger.lines()) == 1 + lines


def test_d4_4_signed_and_ended_again(given: Given) -> None:
    """The tail of the second end counts from it."""
    story = given(enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), programme=tail(1))
    story.when(ended("2024-02-10"), signed("2024-05-10"), ended("2024-06-10"))
    story.when(accrue("2024-07-31")).then(
        *(commission(f"2024-0{month}-10", 2_000) for month in (1, 2, 5, 6))
    )


def test_d4_4_client_lifetime(given: Given) -> None:
    """As long as the client pays."""
    story = given(
        enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), ended("2024-02-10"),
        churned("2025-03-10"), programme=tail("client_lifetime"),
    )  # fmt: skip
    story.when(accrue("2025-06-30"))
    assert len(story.ledger.lines()) == 14


def test_d4_4_only_clients_attributed_before_the_end(given: Given) -> None:
    """Assigned on its eve: due; on its day: not. A claim of a day after it is no claim."""
    story = given(
        enrolled("2024-01-01"),
        activated("2024-01-10"),
        activated("2024-01-10", "c2"),
        assign("2024-02-09", "p1"),
        assign("2024-02-10", "p1", "c2"),
        ended("2024-02-10"),
        referred("2024-02-10", "c3", id="claim"),
        programme=tail("client_lifetime"),
    )
    story.when(accrue("2024-02-29")).then(commission("2024-02-10", 2_000))
    story.then_claims(claim="rejected agreement_ended")


def test_d4_4_an_end_told_late_waives_what_the_tail_does_not_cover(given: Given) -> None:
    """Posted through March; ended on 11 January with a tail of a month: March is waived."""
    story = given(enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), programme=tail(1))
    story.when(accrue("2024-03-31")).when(ended("2024-01-11"), accrue("2024-03-31"))
    story.then(waiver("2024-03-10", 2_000))


def test_d4_4_an_agreement_that_ended_as_it_began_has_no_tail(given: Given) -> None:
    """Ended again later, it is the first end that counts: the client came after it."""
    story = given(
        enrolled("2024-01-01"),
        ended("2024-01-01"),
        assign("2024-02-01", "p1"),
        activated("2024-02-10"),
        ended("2024-03-01"),
        programme=tail(2),
    )
    story.when(accrue("2024-03-31")).then_nothing()


# --- D5 ------------------------------------------------------------------------------------------

ANEW = choosing(plain(), "client_year", restart="reactivation")


def test_d5_a_reactivation_does_not_restart_it(given: Given) -> None:
    """The reference: year 2 goes on."""
    story = given(enrolled("2024-01-01"), activated("2024-01-10", partner="p1"))
    story.when(churned("2024-02-10"), activated("2025-03-05"), accrue("2025-03-31")).then(
        commission("2024-01-10", 2_000, client_year=1),
        commission("2025-03-05", 1_000, client_year=2),
    )


def test_d5_restart_on_reactivation(given: Given) -> None:
    """A client that comes back is in its first year again, up to the eve of the anniversary."""
    story = given(enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), programme=ANEW)
    story.when(churned("2024-02-10"), activated("2025-03-05"), accrue("2025-03-31")).then(
        commission("2024-01-10", 2_000), commission("2025-03-05", 2_000, client_year=1)
    )
    story.when(accrue("2026-02-28")).when(accrue("2026-03-05")).then(
        commission("2026-03-05", 1_000, client_year=2)
    )


def test_d5_a_second_subscription_restarts_nothing(given: Given) -> None:
    """The client did not come back: it was there."""
    story = given(enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), programme=ANEW)
    story.when(accrue("2025-03-04"))
    story.when(activated("2025-03-05", sub="s2"), accrue("2025-03-05")).then(
        commission("2025-03-05", 1_000, subscription_id="s2", client_year=2)
    )


def test_d5_another_price_restarts_nothing(given: Given) -> None:
    """It is the same activation that runs on."""
    story = given(enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), programme=ANEW)
    story.when(changed("2024-12-15", 12_000), accrue("2025-01-09"))
    story.when(accrue("2025-01-31")).then(commission("2025-01-10", 1_200, client_year=2))


def test_d5_churned_and_back_on_one_day_restarts(given: Given) -> None:
    """D2: active when the day began, so a churn and then a reactivation."""
    story = given(enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), programme=ANEW)
    story.when(accrue("2025-03-04"), churned("2025-03-05"), activated("2025-03-05"))
    story.when(accrue("2025-03-05")).then(commission("2025-03-05", 2_000, client_year=1))


# --- D7.2 ----------------------------------------------------------------------------------------


def test_d7_2_version_basis_activation_date(given: Given) -> None:
    """The version of the client's first activation day decides its later periods too."""
    tiers = [
        tier_terms("referent", year_1="0.30"),
        tier_terms("certified", requires={"certification": True}),
        tier_terms("strategic", requires={"portfolio_above": 200}),
    ]
    story = given(
        enrolled("2024-01-01"),
        activated("2024-01-31", partner="p1"),
        activated("2024-02-01", "c2", partner="p1"),
        Adopt(programme(tier=tiers, version_basis="activation_date"), date(2024, 2, 1)),
        programme=programme(version_basis="activation_date"),
    )
    story.when(accrue("2024-02-29")).then(
        commission("2024-01-31", 2_000, programme_version="izyinbox/1"),
        commission("2024-02-29", 2_000, programme_version="izyinbox/1"),
        commission("2024-02-01", 3_000, client_id="c2", programme_version="izyinbox/2"),
    )


# --- D7.1 ----------------------------------------------------------------------------------------


def test_d7_1_rate_basis_activation_date(given: Given) -> None:
    """The tier of the client's first activation day, on all its periods; so of each client."""
    terms = quick(rate_basis="activation_date")
    story = given(enrolled("2024-01-01"), activated("2024-01-10", partner="p1"), programme=terms)
    story.when(certified("2024-01-31"), accrue("2024-02-01")).then(commission("2024-01-10", 2_000))
    story.when(
        activated("2024-02-10", "c2", partner="p1"),
        activated("2024-02-10", sub="s2"),
        accrue("2024-02-10"),
    ).then(
        commission("2024-02-10", 2_000, tier="referent"),
        commission("2024-02-10", 2_000, tier="referent", subscription_id="s2"),
        commission("2024-02-10", 2_500, tier="certified", client_id="c2"),
    )


def test_d5_restart_by_the_version_that_decides_the_client(given: Given) -> None:
    """With `version_basis` = `activation_date` a later version restarts no client's year."""
    first = programme(version_basis="activation_date")
    later = choosing(first, "client_year", restart="reactivation")
    story = given(
        enrolled("2023-01-01"),
        activated("2023-01-10", partner="p1"),
        churned("2023-01-20"),
        Adopt(later, date(2024, 2, 1)),
        programme=first,
    )
    story.when(activated("2024-02-10"), accrue("2024-02-10")).then(
        commission("2023-01-10", 2_000), commission("2024-02-10", 1_000, client_year=2)
    )
