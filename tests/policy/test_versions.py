"""The version in force on a day, on a timeline of adoptions (D7.2)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from ledger.errors import NotReady, Refused
from ledger.policy.files import load
from ledger.policy.versions import Programmes

ONE = load("izyinbox")
OTHER = ONE.model_copy(update={"name": "other"})

JAN, FEB, MAR, MAY = (date(2026, month, 1) for month in (1, 2, 3, 5))
DAY = timedelta(days=1)


def number(programmes: Programmes, day: date) -> int:
    """The number in force on a day."""
    return programmes.in_force("izyinbox", day).number


def test_nothing_is_in_force_before_an_adoption() -> None:
    """It says what to do."""
    empty = Programmes()
    assert empty.first is None
    with pytest.raises(NotReady, match="commissions programme adopt"):
        empty.in_force("izyinbox", JAN)
    with pytest.raises(NotReady):
        empty.version_days("izyinbox", JAN, FEB)


@pytest.mark.parametrize("from_day", [None, MAR])
def test_the_first_version_is_in_force_on_every_day_before_it_too(from_day: date | None) -> None:
    """Facts of the past need a programme."""
    programmes = Programmes().adopt(ONE, from_day)
    for day in (date.min, JAN, MAR, date.max):
        assert number(programmes, day) == 1
    assert programmes.version_days("izyinbox", date.min, date.max) == ()


def test_a_later_version_begins_on_its_day() -> None:
    """
    Adoptions on a timeline.

    1 ────────────┐ March
                  2 ────────
    """
    programmes = Programmes().adopt(ONE, JAN).adopt(ONE, MAR)
    assert number(programmes, MAR - DAY) == 1
    assert number(programmes, MAR) == 2
    assert programmes.in_force("izyinbox", MAR).version == "izyinbox/2"
    assert programmes.version_days("izyinbox", JAN, MAR - DAY) == ()
    assert programmes.version_days("izyinbox", MAR - DAY, MAR) == (MAR,)
    assert programmes.version_days("izyinbox", MAR, MAY) == ()


def test_of_several_for_one_day_the_last_adopted_stands() -> None:
    """A correction adopted in time leaves no day to the mistake."""
    programmes = Programmes().adopt(ONE, None).adopt(ONE, MAR).adopt(ONE, MAR)
    assert number(programmes, MAR) == 3
    assert programmes.version_days("izyinbox", JAN, MAY) == (MAR,)


def test_one_adopted_later_for_an_earlier_day_holds_until_the_next() -> None:
    """
    The day counts, not the order of adoption.

    1 ──────┐ Feb        ┌ May
            3 ───────────2 ──
    """
    programmes = Programmes().adopt(ONE, None).adopt(ONE, MAY).adopt(ONE, FEB)
    assert [number(programmes, day) for day in (JAN, FEB, MAR, MAY)] == [1, 3, 3, 2]
    assert programmes.version_days("izyinbox", JAN, MAY) == (FEB, MAY)


def test_a_later_version_must_say_its_day() -> None:
    """Without one it would rewrite the past."""
    with pytest.raises(Refused, match="from which day"):
        Programmes().adopt(ONE, None).adopt(ONE, None)


def test_programmes_are_apart_and_the_first_adopted_is_remembered() -> None:
    """Numbers count for each programme; everybody is under the first (D7.3)."""
    programmes = Programmes().adopt(ONE, None).adopt(OTHER, MAR).adopt(ONE, MAY)
    assert programmes.first == "izyinbox"
    assert programmes.in_force("other", JAN).version == "other/1"
    assert number(programmes, MAY) == 2


def test_adopting_changes_no_earlier_value() -> None:
    """Adopting gives a new value."""
    before = Programmes().adopt(ONE, None)
    before.adopt(ONE, MAR)
    assert number(before, MAR) == 1
