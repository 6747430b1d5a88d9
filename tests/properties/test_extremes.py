"""Whatever an event is made to say, with hashes to match: verification ends, and tells of it."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import orjson
import psycopg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import sql

from events.base import COMMANDS
from replay.course import rows_where
from replay.findings import StoredRow
from replay.verify import verify
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import play
from tests.properties.stories import Story
from tests.replay.plain import hashed, put
from tests.rules.ledger_adapter import _database, _empty, open_ledger

CHANGES_A_STORY = 40
"""Members of a story's events that are changed, one after the other."""

_EVENTS = sql.Identifier("ledger", "events")
_NUMBERS = (0, 1, -1, 2**53, 2**63 - 1, 10**17, 10**30, True)
_DAYS = ("0001-01-01", "9999-12-31", "0001-01", "9999-12")
_INSTANTS = ("2026-01-01T00:00:00.000000Z", "9999-12-30T23:59:59.999999Z")
_NAMES = ("", "x", "Europe/Nowhere", "EUR", "JPY", "D9.5")
_TEXTS = (*_DAYS, *_INSTANTS, *_NAMES, "1e9", "0", "-1")
_WHOLE: tuple[Any, ...] = (None, [], {}, [1], ["x"])

Path = tuple[str | int, ...]


def members(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each value in a state with its path, those inside of others too."""
    if path:
        yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from members(inner, (*path, name))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from members(inner, (*path, at))


def another(value: Any, random: Random) -> Any:
    """Something else in its place, mostly of its own type."""
    if random.random() < 0.1:
        return random.choice(_WHOLE)
    if isinstance(value, int):
        return random.choice(_NUMBERS)
    return random.choice(_TEXTS)


def changed(row: StoredRow, random: Random) -> StoredRow:
    """An event with one member changed, or without it; hashes match, or are those of before."""
    state = orjson.loads(row.state)
    told = [*members(state)]
    if random.random() < 0.5:
        # A programme has hundreds of members inside of one.
        told = [one for one in told if len(one[0]) == 1]
    path, value = random.choice(told)
    inside = state
    for step in path[:-1]:
        inside = inside[step]
    if random.random() < 0.1:
        del inside[path[-1]]
    else:
        inside[path[-1]] = another(value, random)
    try:
        text = orjson.dumps(state, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        return row
    other = row._replace(state=text)
    return hashed(other) if random.random() < 0.8 else other


@settings(
    max_examples=max(4, settings().max_examples // 12),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking a story on a database takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(story=stories_of_every_rule(), random=st.randoms(use_true_random=False))
def test_what_an_event_is_made_to_say_is_told(story: Story, random: Random) -> None:
    """No number, day or name is too far off for it."""
    with open_ledger() as ledger:
        play(story, ledger)
    try:
        with psycopg.connect(_database(), autocommit=True) as owner:
            rows = rows_where(owner, _EVENTS, sql.SQL("TRUE"))
            commands = [row for row in rows if row.originator_id == COMMANDS]
            owner.execute("ALTER TABLE ledger.events DISABLE TRIGGER refuse_change")
            for _ in range(CHANGES_A_STORY):
                row = random.choice(commands if random.random() < 0.5 else rows)
                other = changed(row, random)
                put(owner, other)
                told = {each.check for each in verify(owner)}
                assert ("guards" in told, bool(told - {"guards"})) == (True, other != row), other
                put(owner, row)
    finally:
        _empty(_database())
