"""Targets of a programme: what is to be reached on a day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ledger.policy.files import load
from ledger.policy.problems import ProgrammeInvalid
from tests.rules.programmes import programme


def test_the_reference_has_the_targets_of_its_roadmap() -> None:
    """Partners, clients, ARR in cents, and the channel's share at the end."""
    found = [(t.day, t.partners, t.clients, t.arr, t.share) for t in load("izyinbox").targets]
    assert found == [
        (date(2025, 12, 31), 10, 5, None, None),
        (date(2026, 3, 31), 30, 30, 36_000_00, None),
        (date(2026, 9, 30), 50, 200, 240_000_00, None),
        (date(2027, 3, 31), 80, 500, 600_000_00, Decimal("0.60")),
    ]


def test_a_day_has_one_target() -> None:
    """Two tables of one day are told to be made one."""
    with pytest.raises(ProgrammeInvalid) as refused:
        programme(target=[{"day": "2026-03-31", "clients": 1}, {"day": "2026-03-31", "arr": 1}])
    assert [problem.reason for problem in refused.value.problems] == [
        "two targets have one day; make them one"
    ]


def test_a_programme_without_targets_is_one() -> None:
    """As every programme adopted before there were any."""
    assert programme(target=[]).targets == ()
