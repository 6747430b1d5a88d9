"""D15.1: payouts held, released, and of one named partner."""

from __future__ import annotations

from tests.model.payments import payout_id
from tests.rules.commands import hold, release
from tests.rules.dsl import Given, Scenario
from tests.rules.facts import accrue, activated, adjust, certified, enrolled, failed, pay
from tests.rules.programmes import programme, quick

YEAR = (
    enrolled("2024-01-01"),
    enrolled("2024-01-01", "p2"),
    activated("2024-01-10", partner="p1"),
    activated("2024-01-10", "c2", partner="p2"),
    accrue("2024-06-30"),
)
"""Two referents, paid by quarter, with €20 a month each."""


def cutoffs(story: Scenario, partner: str = "p1") -> list[tuple[str, int]]:
    """The payouts of a partner: cut-off and amount."""
    return [
        (one.cutoff.isoformat(), one.amount)
        for one in sorted(story.ledger.payouts())
        if one.partner_id == partner
    ]


def test_d15_1_a_held_partner_is_not_paid(given: Given) -> None:
    """Others are; what was held goes with the next cut-off after the release."""
    story = given(*YEAR, hold(), pay("2024-03-31"))
    assert (cutoffs(story), cutoffs(story, "p2")) == ([], [("2024-03-31", 6_000)])
    story.when(release(), pay("2024-06-30"))
    assert cutoffs(story) == [("2024-06-30", 12_000)]


def test_d15_1_released_the_same_cutoff_pays(given: Given) -> None:
    """Nothing was initiated for it."""
    story = given(*YEAR, hold(), pay("2024-03-31"), release(), pay("2024-03-31"))
    assert cutoffs(story) == [("2024-03-31", 6_000)]


def test_d15_1_held_for_a_named_partner_too(given: Given) -> None:
    """A run for that partner pays nothing."""
    story = given(*YEAR, hold(), pay("2024-02-15", "p1"))
    assert cutoffs(story) == []


def test_d15_1_only_a_known_partner_is_held(given: Given) -> None:
    """Refused, and so is its release."""
    given(*YEAR).refuses(hold("p7")).refuses(release("p7"))


def test_d15_1_a_named_partner_is_paid_on_any_cutoff(given: Given) -> None:
    """Lines up to C, and nobody else's; the quarter's run pays the rest."""
    story = given(*YEAR, pay("2024-02-10", "p1"))
    assert (cutoffs(story), cutoffs(story, "p2")) == ([("2024-02-10", 4_000)], [])
    story.when(pay("2024-03-31"))
    assert cutoffs(story) == [("2024-02-10", 4_000), ("2024-03-31", 2_000)]


def test_d15_1_the_id_is_a_function_of_partner_currency_and_cutoff(given: Given) -> None:
    """Twice pays once, also by a run for all, and also after a failure."""
    story = given(*YEAR, pay("2024-03-31", "p1"), pay("2024-03-31", "p1"), pay("2024-03-31"))
    assert cutoffs(story) == [("2024-03-31", 6_000)]
    assert payout_id("p1", "EUR", story.ledger.payouts()[0].cutoff).startswith("po-20240331-EUR-")
    story.when(failed("2024-04-05", cutoff="2024-03-31"), pay("2024-03-31", "p1"))
    assert cutoffs(story) == [("2024-03-31", 6_000)]
    story.when(pay("2024-04-01", "p1"))
    assert cutoffs(story) == [("2024-03-31", 6_000), ("2024-04-01", 6_000)]


def test_d15_1_a_named_partner_must_be_known_and_c_accrued(given: Given) -> None:
    """Refused: an unknown one, and a cut-off after L."""
    given(*YEAR).refuses(pay("2024-03-31", "p7")).refuses(pay("2024-07-01", "p1"))


def test_d15_1_more_than_the_minimum(given: Given) -> None:
    """For a named partner too: the minimum itself is not paid, a cent more is."""
    terms = programme(payout={"minimum": [{"currency": "EUR", "amount": 6_000}]})
    story = given(*YEAR, pay("2024-03-31", "p1"), programme=terms)
    assert cutoffs(story) == []
    story.when(adjust(1, "2024-03-31"), pay("2024-03-31", "p1"))
    assert cutoffs(story) == [("2024-03-31", 6_001)]


def test_d15_1_due_by_the_tier_in_force_on_c(given: Given) -> None:
    """Certified from 1 February: paid at its end, not at January's."""
    story = given(
        enrolled("2024-01-01"),
        activated("2024-01-10", partner="p1"),
        certified("2024-01-31"),
        accrue("2024-02-29"),
        pay("2024-01-31"),
        programme=quick(),
    )
    assert cutoffs(story) == []
    story.when(pay("2024-02-29"))
    assert cutoffs(story) == [("2024-02-29", 4_500)]
