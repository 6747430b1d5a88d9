"""What changed between any two places of any history adds up, and steps make the whole way."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from replay.as_of import Replay, Row
from replay.diff import SIDES, Difference, Ties, changes
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import play
from tests.properties.stories import DAYS, Story
from tests.rules.ledger_adapter import _database, open_ledger
from tests.rules.looking import looking


def between(replay: Replay, asked: Difference) -> tuple[list[Row], Counter[tuple[str, ...]]]:
    """The changes, which tie or raise, and the sums of each side of each balance."""
    ties = Ties(replay, asked)
    found = list(ties.following(changes(replay, asked)))
    sums: Counter[tuple[str, ...]] = Counter()
    for row in ties.rows():
        for side in SIDES:
            sums[str(row["partner_id"]), str(row["currency"]), side] += int(
                str(row[f"{side}_change"])
            )
    return found, sums


@settings(
    max_examples=max(6, settings().max_examples // 8),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(story=stories_of_every_rule(), data=st.data())
def test_steps_make_the_whole_way(story: Story, data: st.DataObject) -> None:
    """A to B and B to C are A to C: in changes, and in sums; on any day, of all and of one."""
    with open_ledger() as ledger, looking(_database()) as connection:
        play(story, ledger)
        replay = Replay(connection)
        last = replay.resolve().position
        for day in (None, *DAYS[::3]):
            a, b, c = sorted(data.draw(st.tuples(*[st.integers(0, last)] * 3)))
            places = [replay.resolve(position=each, effective_at=day) for each in (a, b, c)]
            for partner_id in (None, "p1"):
                first = between(replay, Difference(places[0], places[1], partner_id))
                second = between(replay, Difference(places[1], places[2], partner_id))
                whole = between(replay, Difference(places[0], places[2], partner_id))
                assert first[0] + second[0] == whole[0]
                assert _added(first[1], second[1]) == _added(whole[1])


def _added(*sums: Counter[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    total: dict[tuple[str, ...], int] = {}
    for each in sums:
        for key, value in each.items():
            total[key] = total.get(key, 0) + value
    return {key: value for key, value in total.items() if value}
