"""D18.5: a decision names the facts that it rests on, and none that was never true."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from pydantic import JsonValue

from replay.as_of import Replay
from replay.explaining.beside import why_no_more
from tests.rules.commands import retract
from tests.rules.dsl import Given
from tests.rules.facts import accrue, activated, enrolled, referred
from tests.rules.ledger_adapter import RealLedger, open_ledger
from tests.rules.programmes import programme

SPRINT: JsonValue = {"code": "x", "start": "2024-01-01", "end": "2024-01-31", "amount": 50_000}


@pytest.fixture
def ledger() -> Iterator[RealLedger]:
    """A new real ledger, verified at the end."""
    with open_ledger() as opened:
        yield opened


def test_an_activation_told_anew_at_the_same_instant(ledger: RealLedger) -> None:
    """The one that was retracted is no ground of what its client counts for."""
    story = Given(ledger)(
        enrolled("2024-01-01"),
        referred("2024-01-05", id="claim"),
        activated("2024-01-10", price=99_000, id="wrong"),
        programme=programme(contest=[SPRINT]),
    )
    story.when(retract("wrong"), activated("2024-01-10", id="right"), accrue("2024-01-31"))
    ids = ledger._ids()
    with psycopg.connect(ledger.url) as connection:
        replay = Replay(connection)
        lines = list(replay.history(replay.resolve()))
        beside = why_no_more(replay, "p1", "2024-01", replay.resolve())
    facts = {
        str(line["kind"]): sorted(ids[fact] for fact in line["facts"])  # type: ignore[attr-defined]
        for line in lines
    }
    assert facts == {"commission": ["claim", "right"], "contest": ["claim", "right"]}
    assert beside.agrees
