"""D9.5 told at random, of few partners and clients: the real ledger and the model come to one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ledger import deciding
from tests.model.commands import Accrue, Assign, Retract
from tests.model.journal import Entry, Message
from tests.model.naive import NaiveLedger
from tests.properties.play import lines_of, play
from tests.properties.test_crashes import Killed, dying
from tests.rules.commands import retract
from tests.rules.dsl import Given, commission, take_back
from tests.rules.facts import (
    accrue,
    activated,
    changed,
    churned,
    converted,
    enrolled,
    lead,
    referred,
)
from tests.rules.ledger_adapter import open_ledger
from tests.rules.programmes import plain

FIRST = date(2024, 1, 5)
PARTNERS = st.sampled_from(["p1", "p2", "p3"])
CLIENTS = st.sampled_from(["c1", "c1", "c1", "c2"])
LEADS = st.sampled_from(["l1", "l2"])
DAYS = st.integers(0, 220).map(lambda days: (FIRST + timedelta(days)).isoformat())
EARLY = st.integers(0, 5).map(lambda days: (FIRST + timedelta(days)).isoformat())
LATER = st.integers(6, 12).map(lambda days: (FIRST + timedelta(days)).isoformat())
PRICES = st.sampled_from([0, 5_000, 10_000, 15_000])

FACTS: st.SearchStrategy[Message] = st.one_of(
    st.builds(referred, EARLY, CLIENTS, PARTNERS),
    st.builds(lead, EARLY, LEADS, PARTNERS, st.none() | CLIENTS),
    st.builds(converted, EARLY, LEADS, CLIENTS),
    st.builds(activated, LATER, CLIENTS, PRICES, partner=st.none() | PARTNERS),
    st.builds(activated, DAYS, CLIENTS, PRICES, sub=st.just("s2")),
    st.builds(changed, DAYS, PRICES, CLIENTS),
    st.builds(changed, LATER, PRICES, CLIENTS),
    st.builds(churned, DAYS, CLIENTS),
    st.builds(churned, LATER, CLIENTS),
)


CLAIMS = st.builds(referred, EARLY, st.just("c1"), PARTNERS)
BEGINNINGS: st.SearchStrategy[list[Message]] = st.tuples(
    st.one_of(
        CLAIMS,
        st.builds(lead, EARLY, st.just("l1"), PARTNERS, st.just("c1")),
    ),
    st.builds(changed, LATER, PRICES, st.just("c1")),
    st.builds(activated, LATER, st.just("c1"), PRICES, partner=st.none() | PARTNERS),
).flatmap(st.permutations)
"""A client that is won, activated and billed, told in any order."""


@st.composite
def stories(draw: st.DrawFn) -> list[Entry | list[Message]]:
    """Facts in any order, some of them retracted, among runs and assignments."""
    told = list(draw(BEGINNINGS))
    through = FIRST + timedelta(draw(st.sampled_from([12, 20, 38, 70])))
    story: list[Entry | list[Message]] = [
        [enrolled("2024-01-01", name) for name in ("p1", "p2", "p3")],
        list(told),
        Accrue(through),
    ]
    kinds = ["facts", "facts", "retract", "retract", "moved", "accrue", "accrue", "assign"]
    for _ in range(draw(st.integers(2, 10))):
        kind = draw(st.sampled_from(kinds))
        if kind == "facts":
            batch = draw(st.lists(FACTS, min_size=1, max_size=3))
            told += batch
            story.append(batch)
        elif kind == "retract":
            wrong = told[draw(st.integers(0, 3)) % len(told)]
            if draw(st.booleans()):
                wrong = draw(st.sampled_from(told))
            story.append(Retract(id=wrong.id, source=wrong.source))
        elif kind == "moved":
            wrong, right = told[draw(st.integers(0, 2))], draw(CLAIMS)
            told.append(right)
            story += [Retract(id=wrong.id, source=wrong.source), [right]]
        elif kind == "accrue":
            through += timedelta(draw(st.sampled_from([0, 0, 1, 30])))
            story.append(Accrue(through))
        else:
            day = through + timedelta(draw(st.integers(0, 30)))
            story.append(
                Assign(client_id=draw(CLIENTS), partner_id=draw(st.none() | PARTNERS), from_day=day)
            )
    return [*story, Accrue(through + timedelta(draw(st.integers(0, 40))))]


@settings(
    max_examples=max(10, settings().max_examples // 2),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking a story on a database takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(story=stories())
def test_the_real_ledger_and_the_model_are_one(
    story: Sequence[Entry | list[Message]],
) -> None:
    """Lines, claims, how clients stand; and a second run of the last day finds nothing more."""
    model = NaiveLedger()
    with open_ledger() as real:
        for ledger in (model, real):
            ledger.adopt(plain(), None)
        play(story, real, model)  # type: ignore[arg-type]
        assert sorted(real.claims()) == sorted(model.claims())
        assert real.clients() == model.clients()
        assert lines_of(real) == lines_of(model)
        last = story[-1]
        assert isinstance(last, Accrue)
        real.accrue(last.through)
        assert lines_of(real) == lines_of(model)


@pytest.mark.parametrize("first", ["p1", "p3"])
@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("append", range(1, 8))
def test_a_period_changes_hands_once_wherever_a_run_dies(
    first: str, append: int, *, committed: bool
) -> None:
    """Taken back from one, posted anew to another, who comes before or after it in a run."""
    with (
        mock.patch.object(deciding, "CHUNK_ROWS", 1),
        mock.patch.object(deciding, "PAGE_CLIENTS", 1),
        open_ledger() as ledger,
    ):
        story = Given(ledger)(
            *(enrolled("2024-01-01", name) for name in ("p1", "p2", "p3")),
            referred("2024-01-05", partner=first, id="wrong"),
            activated("2024-01-10"),
            activated("2024-01-10", "c2", partner="p2"),
            accrue("2024-02-09"),
        )
        story.when(retract("wrong"), referred("2024-01-05", partner="p2"))
        with dying((append, committed)) as died:
            try:
                ledger.accrue(date(2024, 2, 10))
            except Killed:
                assert died == [True]
        ledger.reopen()
        ledger.accrue(date(2024, 2, 10))
        story.then(
            take_back("2024-01-10", -2_000, partner_id=first),
            *(commission(day, 2_000, partner_id="p2") for day in ("2024-01-10", "2024-02-10")),
            commission("2024-02-10", 2_000, client_id="c2", partner_id="p2"),
        )
