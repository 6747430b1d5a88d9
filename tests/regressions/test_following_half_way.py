"""What others appended was folded twice if following them failed half-way and was tried again."""

from __future__ import annotations

from datetime import date
from unittest import mock

import pytest

from events.recorded import Recorded
from ledger import entities
from ledger.policy import files
from tests.rules.facts import activated, enrolled, referred
from tests.rules.ledger_adapter import RealLedger, open_ledger


class Interrupted(Exception):
    """Whatever goes wrong between two events."""


def test_following_again_folds_each_event_once() -> None:
    """An activation that is folded twice would be listed as one that does not count."""
    with open_ledger() as ledger:
        ledger.adopt(files.load("izyinbox"), None)
        ledger.record([enrolled("2024-01-01"), referred("2024-01-02")])
        RealLedger().record([activated("2024-01-10"), activated("2024-01-11", "c2")])

        whole, left = entities.recorded, [1]

        def recorded(row: entities.StoredRow) -> tuple[str, Recorded]:
            if not left:
                raise Interrupted
            left.pop()
            return whole(row)

        with mock.patch.object(entities, "recorded", recorded), pytest.raises(Interrupted):
            ledger.record([activated("2024-03-10", "c3", partner="p1")])
        ledger.record([activated("2024-03-10", "c1", sub="s1")])
        assert ledger.unresolved() == set()
        ledger.accrue(date(2024, 1, 31))
        assert [line.amount for line in ledger.lines()] == [2_000]
