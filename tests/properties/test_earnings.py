"""Bonuses, contests, badges, tails, restarts: random stories on the model and the real ledger."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from ledger import deciding, earnings
from ledger.policy.programme import Programme
from tests.model.commands import Adopt
from tests.model.naive import NaiveLedger
from tests.properties.play import assert_same, play
from tests.properties.stories import DAYS, Story, stories
from tests.properties.test_same_ledger import tiny
from tests.rules.ledger_adapter import open_ledger

Parts = dict[str, JsonValue]


@st.composite
def parts(draw: st.DrawFn) -> Parts:
    """What a handful of clients can earn, by every choice that there is."""
    first, last = sorted(draw(st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS))))
    modes = st.sampled_from(["in_addition", "instead_of_first_year"])
    contests: list[Parts] = [
        {"code": "one", "start": first.isoformat(), "end": last.isoformat(), "amount": 700},
        {"code": "two", "start": DAYS[0].isoformat(), "end": last.isoformat(), "amount": 11},
    ]
    return {
        "per_ten": {
            "each": draw(st.integers(1, 2)),
            "amount": 500,
            "from": draw(st.sampled_from(["referent", "certified", "certified"])),
            "judged": draw(st.sampled_from(["day_after", "counting_day"])),
        },
        "contest": [{**contest, "mode": draw(modes)} for contest in contests],
        "badges": {
            "pioneer": 1,
            "rocket": {"clients": 2, "months": draw(st.integers(1, 2))},
            "diamond": 2,
            "centurion": 3,
        },
        "agreement": {"tail": draw(st.sampled_from(["none", 1, 3, "client_lifetime"]))},
        "client_year": {"restart": draw(st.sampled_from(["never", "reactivation"]))},
    }


def with_parts(story: Story, changed: Parts) -> Story:
    """The story under programmes with these parts."""

    def of(programme: Programme) -> Programme:
        return Programme.from_document({**programme.document(), **changed})

    return [
        replace(step, programme=of(step.programme)) if isinstance(step, Adopt) else step
        for step in story
    ]


@settings(
    max_examples=max(10, settings().max_examples // 2),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking a story on a database takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(story=stories(), changed=parts())
def test_the_real_ledger_earns_what_the_model_earns(story: Story, changed: Parts) -> None:
    """Every line, badge and balance, however the run is cut into chunks and pages."""
    model = NaiveLedger()
    with ExitStack() as stack:
        stack.enter_context(tiny(deciding, CHUNK_ROWS=3, PAGE_CLIENTS=2))
        stack.enter_context(tiny(earnings, PAGE=1))
        real = stack.enter_context(open_ledger())
        play(with_parts(story, changed), model, real)
        assert_same(model, real)
        assert sorted(model.badges()) == sorted(real.badges())
