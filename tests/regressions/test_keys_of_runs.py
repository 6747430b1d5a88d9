"""A message whose source and id were those of an accrual run's own event stopped the run for ever.

What an accrual run did of a partner is recorded under a key, so that no part is recorded twice. It
had a source that a message can have too.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from events.envelope import decode
from events.errors import Rejection
from events.partners import PortalVisited
from ledger.policy import files
from ledger.store.mapper import OWN_SOURCE
from tests.rules.facts import activated, enrolled, message
from tests.rules.ledger_adapter import open_ledger


@pytest.mark.parametrize("source", ["run", "/run", "ledger"])
def test_no_message_takes_the_key_of_a_run(source: str) -> None:
    """Whatever the wire lets in, a run completes, and the message stays what it was."""
    with open_ledger() as ledger:
        ledger.adopt(files.load("izyinbox"), None)
        ledger.record([enrolled("2024-01-01"), activated("2024-01-10", partner="p1")])
        visits = [
            replace(
                message(PortalVisited(partner_id="p9"), "2024-01-05", f"{n}/p1/0"), source=source
            )
            for n in range(1, 40)
        ]
        ledger.record(visits)
        ledger.accrue(date(2024, 1, 31))
        assert [line.amount for line in ledger.lines()] == [2_000]


def test_no_message_has_the_source_of_the_ledger() -> None:
    """The door refuses it, so a run's keys are its own."""
    envelope = {
        "specversion": "1.0", "id": "1", "source": OWN_SOURCE, "type": "portal.visited",
        "time": "2024-01-05T12:00:00Z", "data": {"partner_id": "p9"},
    }  # fmt: skip
    with pytest.raises(Rejection) as refused:
        decode(json.dumps(envelope).encode(), datetime(2024, 2, 1, tzinfo=UTC))
    assert refused.value.member == "source"
