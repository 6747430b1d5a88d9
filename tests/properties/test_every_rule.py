"""D18, and what must not matter, as properties of stories of the whole programme."""

from __future__ import annotations

from hypothesis import given, settings

from tests.model.commands import Accrue
from tests.model.journal import LedgerUnderTest
from tests.model.naive import NaiveLedger
from tests.properties.engines import every_engine, on_database
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import (
    ClosedStatements,
    Earned,
    assert_always_true,
    assert_same_everywhere,
    last_run,
    lines_of,
    messages_of,
    play,
    tiers_of,
)
from tests.properties.stories import Step, Story
from tests.rules.adapters import OpenLedger, open_memory, open_real
from tests.rules.commands import retract
from tests.rules.dsl import Given
from tests.rules.facts import accrue, activated, enrolled, invoiced
from tests.rules.programmes import programme

every_ledger = every_engine(3, 10)


def decided(ledger: LedgerUnderTest) -> tuple[object, ...]:
    """All that runs and closes decided, whatever the order."""
    return (lines_of(ledger), tiers_of(ledger), sorted(ledger.badges()), ledger.balances())


@settings(on_database(3, 10))
@given(story=stories_of_every_rule())
def test_the_real_ledger_is_the_model(story: Story) -> None:
    """D18.6: whatever is asked, the real ledger answers as the model does."""
    model = NaiveLedger()
    with open_real() as real:
        play(story, model, real)
        assert_same_everywhere(model, real)
        assert model.unresolved() <= real.unresolved()
        assert_always_true(real)


@every_ledger
def test_what_is_always_true(open_ledger: OpenLedger, limits: settings) -> None:
    """D18.1 to D18.5 and D18.9, at the end and at each step."""

    @settings(limits)
    @given(story=stories_of_every_rule())
    def check(story: Story) -> None:
        with open_ledger() as ledger:
            statements, earned = ClosedStatements(ledger), Earned(ledger)

            def watch(step: Step) -> None:
                statements.watch(step)
                earned.watch(step)

            play(story, ledger, watch=watch)
            assert_always_true(ledger)
            statements.assert_unchanged()

    check()


def test_a_payment_that_was_taken_back_from_one_partner_is_another_s() -> None:
    """D18.3: a line that was wholly taken back is not in force, one by invoice neither."""
    with open_memory() as ledger:
        Given(ledger)(
            enrolled("2023-01-01"),
            enrolled("2023-01-01", "p2"),
            invoiced("2024-01-30"),
            activated("2024-01-30", partner="p2", id="wrong"),
            accrue("2024-01-31"),
            retract("wrong"),
            activated("2024-01-30", partner="p1"),
            accrue("2024-01-31"),
            programme=programme(accrual="invoice"),
        )
        assert [line.amount for line in ledger.lines()] == [2_000, 2_000, -2_000]
        assert_always_true(ledger)


@every_ledger
def test_facts_that_arrive_twice_count_once(open_ledger: OpenLedger, limits: settings) -> None:
    """D18.7: the whole story told again, then a run through L, changes nothing."""

    @settings(limits)
    @given(story=stories_of_every_rule())
    def check(story: Story) -> None:
        with open_ledger() as ledger:
            play([*story, Accrue(last_run(story))], ledger)
            before = (decided(ledger), ledger.claims(), ledger.payouts(), ledger.sponsors())
            play([messages_of(story), Accrue(last_run(story))], ledger)
            after = (decided(ledger), ledger.claims(), ledger.payouts(), ledger.sponsors())
            assert after == before

    check()
