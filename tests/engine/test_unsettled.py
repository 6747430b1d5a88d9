"""D16.2: what is open of a month, what no close asks for again, and whose month a letter may be."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from pydantic import JsonValue

from events.finance import OpenLetter, PeriodClosed
from ledger.engine.unsettled import Unsettled, is_of_month
from ledger.errors import Refused

ZONE = ZoneInfo("Europe/Paris")
REJECTED = OpenLetter(id=1, kind="rejected", sha256="0" * 64)
AGAIN = OpenLetter(id=2, kind="rejected", sha256="1" * 64)
QUARANTINED = OpenLetter(id=3, kind="quarantined", sha256="2" * 64)
ALL = Unsettled((REJECTED, AGAIN, QUARANTINED), (7, 8))


def closed(*letters: OpenLetter, unresolved: tuple[int, ...] | None = None) -> PeriodClosed:
    """A close that lists something."""
    return PeriodClosed(
        month="2026-01", letters=letters or None, unresolved=unresolved, operator="tester"
    )


def refusal(open_: Unsettled) -> str:
    """Why a month is not closed."""
    with pytest.raises(Refused) as refused:
        open_.check("2026-01", acknowledge=False)
    return str(refused.value)


def test_what_closes_have_listed_is_not_asked_for_again() -> None:
    """Letters by id, facts by position; a close that lists neither changes nothing."""
    assert ALL.without([closed()]) == ALL
    assert ALL.without([closed(AGAIN)]) == Unsettled((REJECTED, QUARANTINED), (7, 8))
    assert ALL.without([closed(unresolved=(7,))]) == Unsettled(ALL.letters, (8,))
    both = [closed(REJECTED, unresolved=(8,)), closed(AGAIN, QUARANTINED, unresolved=(7,))]
    assert ALL.without(iter(both)) == Unsettled()


def test_what_is_open_refuses_the_close_unless_it_is_acknowledged() -> None:
    """It is told how many there are of each kind, and of no kind of which there are none."""
    of_all = "as something up to its end is open: 2 rejected, 1 quarantined, 2 unresolved; "
    assert refusal(ALL).startswith(f"2026-01 is not closed, {of_all}")
    assert "is open: 1 quarantined; " in refusal(Unsettled((QUARANTINED,)))
    assert "is open: 1 unresolved; " in refusal(Unsettled(facts=(7,)))
    ALL.check("2026-01", acknowledge=True)
    Unsettled().check("2026-01", acknowledge=False)


@pytest.mark.parametrize(
    ("said", "error", "expected"),
    [
        ("2026-01-31T23:59:59+01:00", "wrong_data", True),
        ("2026-02-01T00:00:00+01:00", "wrong_data", False),
        ("2026-02-01T00:00:00+02:00", "wrong_data", True),
        ("2026-01-31T23:59:59Z", "wrong_data", False),
        ("2026-02-01T00:00:00+01:00", "wrong_time", True),
        ("2026-13-01T00:00:00+01:00", "not_json", True),
        (7, "wrong_data", True),
        ("", "wrong_data", True),
        (None, "wrong_data", True),
    ],
)
def test_d16_2_whose_month_a_letter_may_be(said: JsonValue, error: str, *, expected: bool) -> None:
    """Unless it says a later day that can be read, nobody knows that it is not this month's."""
    assert is_of_month(said, error, date(2026, 1, 31), ZONE) is expected
