"""A partner's income year by year, if it brings the same clients every year: pure arithmetic.

Clients are expected numbers, so they may be fractions (90 % of 15 are 13.5); each month of a client
is rounded as its line would be (D1), a year's sum once more at the end, half up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from events.values import TierName
from ledger.engine.calendar import MONTHS
from ledger.engine.money import share
from ledger.policy.programme import Programme

_MONTHS_A_YEAR = MONTHS["year"]


class Plan(NamedTuple):
    """A plan of the mix: its price of a month in minor units, for so many of the clients."""

    name: str
    price: int
    clients: int


class Assumptions(NamedTuple):
    """What is supposed: so many new clients each year, in the proportions of the mix.

    All of a year come on its first day; of those of a year ``retention`` stay for the next and the
    others leave on its eve. The partner holds one tier all the time.
    """

    clients_a_year: int
    mix: Sequence[Plan]
    retention: Decimal
    tier: TierName
    founding: bool = False


class Year(NamedTuple):
    """A year of a simulation; money in minor units of the programme's currency.

    ``clients`` are all that pay in it, ``arr`` what they pay. ``first_year`` is the commission on
    clients in their client year 1, ``later`` on the others (D5, D7).
    """

    year: int
    clients: Fraction
    arr: int
    first_year: int
    later: int
    commission: int


def simulate(programme: Programme, assumed: Assumptions, years: int) -> Iterator[Year]:
    """Yield the years from the first; ``mix`` holds a client or more."""
    for year in range(1, years + 1):
        ages = range(1, year + 1)
        first = _commission(programme, assumed, 1)
        later = sum((_commission(programme, assumed, age) for age in ages[1:]), Fraction(0))
        clients = sum((_staying(assumed, age) for age in ages), Fraction(0))
        yield Year(
            year=year,
            clients=clients,
            arr=_whole(clients * _MONTHS_A_YEAR * _mean(assumed.mix)),
            first_year=_whole(first),
            later=_whole(later),
            commission=_whole(first + later),
        )


def _staying(assumed: Assumptions, age: int) -> Fraction:
    """How many of a year's new clients are there in their client year ``age``."""
    return assumed.clients_a_year * Fraction(assumed.retention) ** (age - 1)


def _commission(programme: Programme, assumed: Assumptions, age: int) -> Fraction:
    """The commission of a year on the clients in their client year ``age``."""
    rate = programme.rate(assumed.tier, age, assumed.founding)
    lines = [plan._replace(price=share(plan.price, rate)) for plan in assumed.mix]
    return _staying(assumed, age) * _MONTHS_A_YEAR * _mean(lines)


def _mean(mix: Sequence[Plan]) -> Fraction:
    """The price of a month of the average client of a mix."""
    prices = sum(plan.price * plan.clients for plan in mix)
    return Fraction(prices, sum(plan.clients for plan in mix))


def _whole(amount: Fraction) -> int:
    """Minor units, rounded half up; no amount is negative."""
    return (2 * amount.numerator + amount.denominator) // (2 * amount.denominator)
