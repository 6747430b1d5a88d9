"""D18.3 of payments told at random, retracted and told anew: every ledger comes to the same."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ledger import deciding
from replay.as_of import Replay
from replay.explaining.missing import why_nothing
from tests.model.accrual import is_in_force, posted_by_period
from tests.model.commands import Accrue, Assign, Retract
from tests.model.journal import LedgerUnderTest, Message
from tests.model.naive import NaiveLedger
from tests.properties.play import decided_otherwise, lines_of, play
from tests.properties.stories import AdjustLine, Story
from tests.properties.test_crashes import Killed, dying
from tests.rules.commands import retract
from tests.rules.dsl import Given, commission, take_back
from tests.rules.facts import (
    accrue,
    activated,
    enrolled,
    invoiced,
    referred,
    refunded,
)
from tests.rules.ledger_adapter import _database, open_ledger
from tests.rules.looking import looking
from tests.rules.memory_adapter import MemoryLedger
from tests.rules.programmes import programme

ON_INVOICES = programme(accrual="invoice")
FIRST = date(2024, 1, 10)
OFFSETS = [0, 5, 31, 60]
CLIENTS = st.sampled_from(["c1", "c2", "c3"])
STARTS = st.sampled_from([(FIRST + timedelta(each)).isoformat() for each in OFFSETS])
TOLD = st.just("2024-01-10")
PAYMENTS = st.sampled_from([None, None, "a"])
AMOUNTS = st.sampled_from([0, 2_500, 5_000, 10_000])

PAID: st.SearchStrategy[Message] = st.builds(
    invoiced, STARTS, AMOUNTS, CLIENTS, payment=PAYMENTS, when=TOLD
)
REFUNDED: st.SearchStrategy[Message] = st.builds(refunded, TOLD, AMOUNTS, CLIENTS, payment=PAYMENTS)
BEGINNING = [
    *(enrolled("2024-01-01", name) for name in ("p1", "p2")),
    *(referred("2024-01-02", client, "p1") for client in ("c1", "c3")),
    referred("2024-01-02", "c2", "p2", id="claim-of-c2"),
    *(activated("2024-01-05", client) for client in ("c1", "c2", "c3")),
]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """One invoice, paid for by anybody, with refunds, retractions and finance's adjustments."""
    through = FIRST + timedelta(5)
    told = [draw(PAID)]
    story: Story = [list(BEGINNING), list(told), Accrue(through)]
    # What is given back of a posted line stays in force of it.
    told += draw(st.lists(REFUNDED, max_size=1))
    story += [list(told[1:]), Accrue(through)]
    for _ in range(draw(st.integers(3, 10))):
        kind = draw(st.sampled_from(["paid", "paid", "refund", "retract", "retract", "run", "run",
                                     "run", "adjust", "assign", "claim"]))  # fmt: skip
        if kind in {"paid", "refund"}:
            told.append(draw(PAID if kind == "paid" else REFUNDED))
            story.append([told[-1]])
        elif kind == "retract":
            wrong = draw(st.sampled_from([told[0], *told]))
            story.append(Retract(id=wrong.id, source=wrong.source))
        elif kind == "run":
            through += timedelta(draw(st.sampled_from([0, 0, 6, 31])))
            story.append(Accrue(through))
        elif kind == "adjust":
            story.append(AdjustLine(draw(st.integers(0, 3)), -100))
        elif kind == "claim":
            story.append(Retract(id="claim-of-c2"))
        else:
            day = through + timedelta(draw(st.integers(1, 20)))
            partner = draw(st.sampled_from([None, "p1", "p2"]))
            story.append(Assign(client_id=draw(CLIENTS), partner_id=partner, from_day=day))
    last = through + timedelta(draw(st.integers(0, 60)))
    return [*story, Accrue(last), Accrue(last)]


def _begun(*ledgers: LedgerUnderTest) -> None:
    for ledger in ledgers:
        ledger.adopt(ON_INVOICES, None)


@settings(
    max_examples=settings().max_examples * 2,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(story=stories())
def test_the_engine_is_the_model(story: Story) -> None:
    """No payment has two first lines in force; a second run of a day finds nothing more."""
    model, memory = NaiveLedger(), MemoryLedger()
    _begun(model, memory)
    play(story[:-1], model, memory)
    before = lines_of(model)
    assert lines_of(memory) == before
    play(story[-1:], model, memory)
    assert lines_of(model) == before
    assert lines_of(memory) == before
    posted = posted_by_period(list(model.lines()))
    in_force = Counter(key.payment for key, lines in posted.items() if is_in_force(lines))
    assert max(in_force.values(), default=1) == 1


@settings(
    max_examples=max(10, settings().max_examples // 4),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking a story on a database takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(story=stories())
def test_the_real_ledger_is_the_model(story: Story) -> None:
    """And is decided again as it was; of what is missing the reasons told agree with the engine."""
    model = NaiveLedger()
    with open_ledger() as real, looking(_database()) as connection:
        _begun(model, real)
        play(story, model, real)
        assert lines_of(real) == lines_of(model)
        assert decided_otherwise() == []
        assert decided_otherwise(part_events=1) == []
        replay = Replay(connection)
        at = replay.resolve()
        for client_id in ("c1", "c2", "c3"):
            for each in OFFSETS:
                found = why_nothing(replay, client_id, None, FIRST + timedelta(each), at)
                assert found.agrees, found


@pytest.mark.parametrize("first", ["p1", "p3"])
@pytest.mark.parametrize("append", range(1, 5))
def test_payments_change_hands_once_wherever_a_run_dies(first: str, append: int) -> None:
    """Of two one was waived in part, and stays; clients of one run are never of one page."""
    with (
        mock.patch.object(deciding, "CHUNK_ROWS", 1),
        mock.patch.object(deciding, "PAGE_CLIENTS", 1),
        open_ledger() as ledger,
    ):
        story = Given(ledger)(
            *(enrolled("2024-01-01", name) for name in (first, "p2")),
            referred("2024-01-02", "c1", first),
            referred("2024-01-02", "c2", "p2"),
            *(activated("2024-01-05", client) for client in ("c1", "c2")),
            invoiced("2024-01-10", id="kept"),
            invoiced("2024-01-10", invoice="i2", id="whole"),
            accrue("2024-01-15"),
            refunded("2024-01-10", 5_000),
            accrue("2024-01-15"),
            programme=ON_INVOICES,
        )
        story.when(
            *(retract(name) for name in ("kept", "whole")),
            *(invoiced("2024-01-15", client="c2", invoice=name) for name in ("i1", "i2")),
        )
        with dying((append, True)) as died:
            try:
                ledger.accrue(date(2024, 1, 16))
            except Killed:
                assert died == [True]
        ledger.reopen()
        ledger.accrue(date(2024, 1, 16))
        story.then(
            take_back("2024-01-10", -1_000, partner_id=first),
            take_back("2024-01-10", -2_000, partner_id=first),
            commission("2024-01-15", 2_000, client_id="c2", partner_id="p2"),
        )
        assert decided_otherwise(part_events=1) == []
