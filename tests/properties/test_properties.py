"""D18 as properties of random stories, on the model alone and on the real ledger beside it.

D18.6 and D18.10 (rebuild, recompute) are asked of the real store by ``replay.verify``, at the
end of each story that its adapter opened.
"""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from events.billing import ClientActivated
from events.partners import PartnerEnrolled
from tests.model.commands import Accrue
from tests.model.journal import LedgerUnderTest, Message
from tests.model.naive import NaiveLedger
from tests.model.periods import all_spells
from tests.model.seen import of_type
from tests.properties.play import (
    ClosedStatements,
    Earned,
    assert_always_true,
    assert_same,
    last_run,
    lines_of,
    messages_of,
    play,
    tiers_of,
)
from tests.properties.stories import DAYS, Step, Story, stories
from tests.rules.adapters import OpenLedger, ledgers, open_real

_REAL_EXAMPLES = max(10, settings().max_examples // 3)
_SLOW = settings(suppress_health_check=list(HealthCheck), deadline=None)
# Shrinking a story on a database takes minutes; the story that failed is printed and kept as it is.
_ON_REAL = settings(
    _SLOW,
    max_examples=_REAL_EXAMPLES,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)

every_ledger = pytest.mark.parametrize(
    ("open_ledger", "limits"),
    [
        pytest.param(opener, _SLOW if name == "model" else _ON_REAL, id=name)
        for name, opener in ledgers().items()
    ],
)


@settings(_ON_REAL)
@given(story=stories())
def test_the_real_ledger_is_the_model(story: Story) -> None:
    """D18.6: lines, tiers, claims, clients, payouts, balances and postings are the model's."""
    model = NaiveLedger()
    with open_real() as real:
        play(story, model, real)
        assert_same(model, real)
        assert model.unresolved() <= real.unresolved()
        assert_always_true(real)


@every_ledger
def test_what_is_always_true(open_ledger: OpenLedger, limits: settings) -> None:
    """D18.1 to D18.5 and D18.9, at the end and at each step."""

    @settings(limits)
    @given(story=stories())
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


@every_ledger
def test_facts_that_arrive_twice_count_once(open_ledger: OpenLedger, limits: settings) -> None:
    """D18.7: the whole story told again, then a run through L, changes nothing."""

    @settings(limits)
    @given(story=stories())
    def check(story: Story) -> None:
        with open_ledger() as ledger:
            play([*story, Accrue(last_run(story))], ledger)
            before = _everything(ledger)
            play([messages_of(story), Accrue(last_run(story))], ledger)
            assert _everything(ledger) == before

    check()


@every_ledger
def test_runs_in_between_change_no_line(open_ledger: OpenLedger, limits: settings) -> None:
    """D18.11: through D2 at once, or through D1 and then D2 with nothing recorded in between."""

    @settings(limits)
    @given(story=stories(), stops=st.lists(st.sampled_from(DAYS), max_size=3))
    def check(story: Story, stops: list) -> None:  # type: ignore[type-arg]
        last = DAYS[-1]
        steps = [Accrue(day) for day in sorted(stops) if last_run(story) <= day]
        with open_ledger() as ledger:
            play([*story, Accrue(last)], ledger)
            at_once = (lines_of(ledger), tiers_of(ledger))
        with open_ledger() as ledger:
            play([*story, *steps, Accrue(last)], ledger)
            assert (lines_of(ledger), tiers_of(ledger)) == at_once

    check()


@every_ledger
def test_the_order_between_two_runs_changes_no_line(
    open_ledger: OpenLedger, limits: settings
) -> None:
    """D18.8: provided that the same claims and activations win."""

    @settings(limits)
    @given(story=stories().map(_with_one_enrolment_each), data=st.data())
    def check(story: Story, data: st.DataObject) -> None:
        shuffled: Story = [
            data.draw(st.permutations(step)) if isinstance(step, list) else step for step in story
        ]
        assume(_winners(story) == _winners(shuffled))
        with open_ledger() as ledger:
            play(story, ledger)
            told = (lines_of(ledger), tiers_of(ledger))
        with open_ledger() as ledger:
            play(shuffled, ledger)
            assert (lines_of(ledger), tiers_of(ledger)) == told

    check()


def _everything(ledger: LedgerUnderTest) -> tuple[object, ...]:
    return (
        lines_of(ledger),
        ledger.balances(),
        tiers_of(ledger),
        ledger.claims(),
        ledger.payouts(),
    )


def _with_one_enrolment_each(story: Story) -> Story:
    """The story without the messages that enrol a partner again."""
    first: dict[str, str] = {}

    def stays(message: Message) -> bool:
        if not isinstance(message.data, PartnerEnrolled):
            return True
        return first.setdefault(message.data.partner_id, message.id) == message.id

    return [
        [message for message in step if stays(message)] if isinstance(step, list) else step
        for step in story
    ]


def _winners(story: Story) -> list[object]:
    """Who holds each client and which activations count, after every step but the facts."""
    model = NaiveLedger()
    found: list[object] = []

    def watch(step: Step) -> None:
        if isinstance(step, list):
            return
        ids = {data.client_id for _, data in of_type(model.facts, ClientActivated)}
        found.append({client: model.attribution.holder(client, date.max) for client in ids})
        spells = [spell for client in ids for spell in all_spells(model.facts, client)]
        found.append({spell.activation.message.id for spell in spells})

    play(story, model, watch=watch)
    return found
