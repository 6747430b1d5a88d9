"""Simulated income: the figures of the programme's own examples, and what holds of any mix."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.values import TIERS
from ledger.engine.simulation import Assumptions, Plan, Year, simulate
from ledger.policy.files import load

REFERENCE = load("izyinbox")
MIX = (Plan("starter", 59_00, 9), Plan("pro", 149_00, 5), Plan("enterprise", 399_00, 1))


def years(
    clients: int, *mix: Plan, retention: str = "1", count: int = 1, **more: object
) -> list[Year]:
    """Some years of a referent of the reference programme, unless said otherwise."""
    assumed = Assumptions(clients, mix, Decimal(retention), "referent")._replace(**more)  # type: ignore[arg-type]
    return list(simulate(REFERENCE, assumed, count))


@pytest.mark.parametrize(
    ("clients", "price", "commission"),
    [
        (27, 100_00, 6_480_00),
        (18, 90_00, 3_888_00),
        # ARR €16,668: that is €1,389 a month.
        (1, 1_389_00, 3_333_60),
    ],
)
def test_worked_figures_of_a_year(clients: int, price: int, commission: int) -> None:
    """A full year at 20 %, month by month."""
    (year,) = years(clients, Plan("all", price, 1))
    assert year.commission == year.first_year == commission
    assert year.arr == clients * price * 12
    assert year.later == 0


def test_the_example_of_three_years() -> None:
    """15 clients a year of the document's mix, of which 90 % stay."""
    found = years(15, *MIX, retention="0.9", count=3)
    assert found == [
        Year(1, Fraction(15), 20_100_00, 4_020_00, 0, 4_020_00),
        Year(2, Fraction("28.5"), 38_190_00, 4_020_00, 1_809_00, 5_829_00),
        Year(3, Fraction("40.65"), 54_471_00, 4_020_00, 3_437_10, 7_457_10),
    ]
    assert sum(year.commission for year in found) == 17_306_10
    optimistic = years(30, *MIX, retention="0.9", count=3)
    assert sum(year.commission for year in optimistic) == 34_612_20
    assert optimistic[-1].clients == Fraction("81.3")


def test_the_example_from_its_own_arr() -> None:
    """€16,668 in year 1: then neither its year 2 nor its year 3 follows."""
    found = years(1, Plan("all", 1_389_00, 1), retention="0.9", count=3)
    assert [year.arr for year in found] == [16_668_00, 31_669_20, 45_170_28]
    assert [year.commission for year in found] == [3_333_60, 4_833_72, 6_183_83]
    assert sum(year.commission for year in found) == 14_351_15


def test_tier_and_founding_give_the_rates() -> None:
    """D7: certified 25 % and 15 %; a founding referent 25 % and 10 %."""
    certified = years(10, Plan("all", 100_00, 1), count=2, tier="certified")
    assert [(year.first_year, year.later) for year in certified] == [
        (3_000_00, 0), (3_000_00, 1_800_00)
    ]  # fmt: skip
    founding = years(10, Plan("all", 100_00, 1), count=2, founding=True)
    assert [(year.first_year, year.later) for year in founding] == [
        (3_000_00, 0), (3_000_00, 1_200_00)
    ]  # fmt: skip


def test_a_month_is_rounded_as_its_line() -> None:
    """20 % of 3 cents is 0.6, so 1 cent a line: 12 a year, not 7.2."""
    (year,) = years(1, Plan("all", 3, 1))
    assert year.commission == 12


def test_the_mix_is_a_proportion() -> None:
    """The same whether told of 15 clients or of 30 of them."""
    twice = tuple(plan._replace(clients=2 * plan.clients) for plan in MIX)
    assert years(15, *MIX, retention="0.9", count=3) == years(15, *twice, retention="0.9", count=3)


@given(
    clients=st.integers(0, 1_000),
    price=st.integers(0, 10**6),
    retention=st.decimals(0, 1, places=2),
    tier=st.sampled_from(TIERS),
)
def test_a_year_is_that_before_and_what_stays(
    clients: int, price: int, retention: Decimal, tier: str
) -> None:
    """Clients of a year: the new ones, and ``retention`` of those of the year before."""
    found = years(clients, Plan("all", price, 1), retention=str(retention), count=4, tier=tier)
    for before, year in pairwise(found):
        assert year.clients == clients + before.clients * Fraction(retention)
        assert year.first_year == found[0].first_year
        assert abs(year.first_year + year.later - year.commission) <= 1
