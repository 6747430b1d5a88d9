"""D9: P against V and U, by hand and as laws."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.engine.comparing import Compared, Worth, compare, compare_margin
from ledger.engine.money import share

AMOUNTS = st.integers(0, 5_000)


def worth(amount: int) -> Worth:
    """At 20 %."""
    return Worth(amount, amount * 5)


@pytest.mark.parametrize(
    ("posted", "waived", "now", "unretracted", "expected"),
    [
        (2_000, 0, 2_000, 2_000, Compared()),
        (2_000, 0, 2_400, 2_400, Compared(missing=worth(400))),
        (2_000, 0, 1_200, 1_200, Compared(given=worth(800))),
        (2_000, 0, 0, 2_000, Compared(given=Worth(0, 0), taken=worth(2_000))),
        # A true fall to 1,600 and a retraction: 400 are waived, the rest is taken back.
        (2_000, 0, 0, 1_600, Compared(given=worth(400), taken=worth(1_600))),
        (2_000, 400, 0, 1_600, Compared(given=Worth(0, 2_000), taken=worth(1_600))),
        # Retracting what lowered it: worth more than posted, whatever it would be worth.
        (2_000, 800, 2_400, 1_200, Compared(missing=worth(400))),
    ],
)
def test_by_hand(posted: int, waived: int, now: int, unretracted: int, expected: Compared) -> None:
    """At 20 %, with the bases that go with it."""
    assert compare(worth(posted), waived, worth(now), worth(unretracted)) == expected


def test_bases_of_equal_amounts() -> None:
    """Of what rounds to the same the base is now's; no difference shows a base below 0."""
    posted = Worth(2_000, 10_000)
    assert compare(posted, 0, Worth(2_000, 10_002), Worth(2_000, 10_002)) == Compared()
    late = compare(Worth(1_900, 10_000), 0, posted, posted)
    assert late == Compared(missing=Worth(100, 0))
    lower = compare(posted, 0, Worth(1_600, 8_000), Worth(1_600, 8_001))
    assert lower == Compared(given=Worth(400, 2_000))


@given(posted=AMOUNTS, waived=AMOUNTS, now=AMOUNTS, unretracted=AMOUNTS)
def test_a_second_run_finds_nothing_more(
    posted: int, waived: int, now: int, unretracted: int
) -> None:
    """What a run posts, waives and takes back settles the period (D9.1, D9.2, D9.5)."""
    first = compare(worth(posted), waived, worth(now), worth(unretracted))
    after = posted + first.missing.amount - first.taken.amount
    again = compare(worth(after), waived + first.given.amount, worth(now), worth(unretracted))
    assert (again.missing.amount, again.given.amount, again.taken.amount) == (0, 0, 0)


@given(posted=AMOUNTS, waived=AMOUNTS, now=AMOUNTS)
def test_without_retractions_nothing_is_taken_back(posted: int, waived: int, now: int) -> None:
    """U is V: what falls is waived, whole."""
    compared = compare(worth(posted), waived, worth(now), worth(now))
    assert compared.taken.amount == 0
    assert compared.given.amount == max(0, posted - now - waived)


@given(posted=AMOUNTS, waived=AMOUNTS, now=AMOUNTS, unretracted=AMOUNTS)
def test_nothing_below_what_is_due_is_taken_back(
    posted: int, waived: int, now: int, unretracted: int
) -> None:
    """What stays posted is V and what was waived, or P if that is less."""
    compared = compare(worth(posted), waived, worth(now), worth(unretracted))
    stays = posted - compared.taken.amount
    assert stays >= min(posted, now + waived)
    assert compared.given.amount + compared.taken.amount <= max(0, posted - now)


@given(
    rate=st.sampled_from(["0", "0.0001", "0.40", "1"]).map(Decimal),
    posted=AMOUNTS,
    now=AMOUNTS,
    unretracted=AMOUNTS,
)
def test_a_margin_is_what_it_is_worth_now(
    rate: Decimal, posted: int, now: int, unretracted: int
) -> None:
    """D13: amount and base follow both ways, and nothing is taken back of what is not there."""

    def at_rate(base: int) -> Worth:
        return Worth(share(base, rate), base)

    found = compare_margin(at_rate(posted), at_rate(now), at_rate(unretracted))
    for n, worth_now in enumerate(at_rate(now)):
        assert at_rate(posted)[n] + found.missing[n] - found.given[n] - found.taken[n] == worth_now
        assert min(found.missing[n], found.given[n], found.taken[n]) >= 0
        assert found.missing[n] == 0 or found.given[n] == found.taken[n] == 0
        assert found.taken[n] <= max(0, at_rate(unretracted)[n] - worth_now)
