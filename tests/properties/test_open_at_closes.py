"""D16.2 in any story: what the model knows to be open refuses a close, and is listed by it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from ledger.errors import LedgerError, Refused
from tests.model.commands import Close
from tests.model.journal import perform
from tests.model.naive import NaiveLedger
from tests.properties.engines import on_database
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import play
from tests.properties.stories import Story
from tests.rules.dsl import tell
from tests.rules.facts import accrue, activated, churned, enrolled
from tests.rules.ledger_adapter import RealLedger, open_ledger
from tests.rules.programmes import plain


@settings(on_database(4, 8))
@given(story=stories_of_every_rule())
def test_what_is_open_refuses_a_close_and_is_listed_once(story: Story) -> None:
    """What the model is sure of is among what the ledger lists; nothing is asked for twice."""
    model = NaiveLedger()
    with open_ledger() as real:
        for step in story:
            if isinstance(step, Close) and _is_ready(real, step.month):
                _close(model, real, step)
            else:
                play([step], model, real)


def _is_ready(real: RealLedger, month: str) -> bool:
    """Whether nothing but what is open may refuse a close."""
    try:
        real.application.close(month)
    except LedgerError as error:
        return "is not closed, as something up to its end is open" in str(error)
    return True


def _close(model: NaiveLedger, real: RealLedger, step: Close) -> None:
    """The close was tried without a word on what is open: it is done, or that refused it."""
    surely = model.open_of(step.month)
    listed = real.open_of(step.month)
    if _is_closed(real, step.month):
        assert not surely
        perform(model, step)
        return
    assert listed
    assert surely <= listed
    if surely:
        with pytest.raises(Refused, match="open"):
            model.close(step.month, acknowledge=False)
    play([step], model, real)
    assert not listed & real.open_of(step.month)
    assert not surely & model.open_of(step.month)


def _is_closed(real: RealLedger, month: str) -> bool:
    closed = real.application.ledger.closed_through
    return closed is not None and month <= f"{closed:%Y-%m}"


def test_the_model_lists_what_is_open_once() -> None:
    """A churn of an unknown client refuses January; once acknowledged nobody asks again."""
    model = NaiveLedger()
    model.adopt(plain(), None)
    ghost = churned("2026-01-20", "c9")
    told = (enrolled("2026-01-01"), activated("2026-01-10", partner="p1"), ghost)
    tell(model, (*told, accrue("2026-02-28")))
    assert model.open_of("2025-12") == set()
    assert model.open_of("2026-01") == {("fact", ghost.id)}
    with pytest.raises(Refused, match="open"):
        model.close("2026-01", acknowledge=False)
    model.close("2026-01")
    model.close("2026-02", acknowledge=False)
