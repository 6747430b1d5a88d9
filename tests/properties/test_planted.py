"""D18.10: whatever is not as the engine decides it is found at its place, in any history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any, NamedTuple

import orjson
import psycopg
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from replay.recompute import recompute
from replay.rerun.differences import Difference
from replay.rerun.parts import COMPARED
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import play
from tests.properties.stories import Story
from tests.rules.ledger_adapter import _database, _empty, open_ledger

PLACES_A_STORY = 3
"""Decisions of a story that are tampered with, one after the other: playing it takes longer."""

_COMPARED = sorted(cls.topic() for cls in COMPARED)
NOT_COMPARED = ["PartnerAccrued/1", "StatementsSealed/1"]


class Stored(NamedTuple):
    """A decision in the table."""

    position: int
    stream: str
    topic: str
    state: dict[str, Any]


def decisions(owner: psycopg.Connection) -> list[Stored]:
    """All decisions that are compared."""
    rows = owner.execute(
        "SELECT position, originator_id, topic, convert_from(state, 'UTF8')::jsonb"
        " FROM ledger.events WHERE topic = ANY(%s) ORDER BY position",
        (_COMPARED,),
    ).fetchall()
    return [Stored(*row) for row in rows]


def changed(state: dict[str, Any]) -> bytes:
    """The amount off by one; without an amount the day."""
    other = dict(state)
    if "amount" in state:
        other["amount"] += 1
    else:
        other["day"] = str(date.fromisoformat(state["day"]) + timedelta(days=1))
    return orjson.dumps(other, option=orjson.OPT_SORT_KEYS)


def found(owner: psycopg.Connection) -> list[Difference]:
    """What differs, as a part at a time finds it."""
    owner.commit()
    return [one.difference for one in recompute(owner, part_events=1).differences]


@settings(
    max_examples=max(8, settings().max_examples // 6),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking a story on a database takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(story=stories_of_every_rule(), draw=st.data())
def test_a_planted_difference_is_found_at_its_place(story: Story, draw: st.DataObject) -> None:
    """A decision of other content, one left out, one more."""
    with open_ledger() as ledger:
        play(story, ledger)
    try:
        with psycopg.connect(_database()) as owner:
            owner.execute("ALTER TABLE ledger.events DISABLE TRIGGER refuse_change")
            known = decisions(owner)
            assume(known)
            for _ in range(PLACES_A_STORY):
                plant = draw.draw(st.sampled_from([_change, _leave_out, _add]))
                plant(owner, draw.draw(st.sampled_from(known)))
            owner.execute("ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER refuse_change")
    finally:
        _empty(_database())


@contextmanager
def tampered(owner: psycopg.Connection, position: int) -> Iterator[None]:
    """An event that may be changed or removed; afterwards it is as it was."""
    one = "FROM ledger.events WHERE position = %s"
    row = owner.execute(f"SELECT * {one}", (position,)).fetchone()
    assert row is not None
    yield
    owner.execute(f"DELETE {one}", (position,))
    owner.execute(f"INSERT INTO ledger.events VALUES ({', '.join(['%s'] * len(row))})", row)


def _change(owner: psycopg.Connection, one: Stored) -> None:
    with tampered(owner, one.position):
        owner.execute(
            "UPDATE ledger.events SET state = %s WHERE position = %s",
            (changed(one.state), one.position),
        )
        assert one.position in {each.position for each in found(owner)}


def _leave_out(owner: psycopg.Connection, one: Stored) -> None:
    with tampered(owner, one.position):
        owner.execute("DELETE FROM ledger.events WHERE position = %s", (one.position,))
        name = one.topic.partition("/")[0]
        assert any(
            (each.stream, each.type, each.would_be) == (one.stream, name, one.state)
            and each.position is None
            and each.cause < one.position
            for each in found(owner)
        )


def _add(owner: psycopg.Connection, one: Stored) -> None:
    """Put a copy in the place of a later event that no decision rests on, if there is one."""
    row = owner.execute(
        "SELECT min(position) FROM ledger.events WHERE position > %s AND topic = ANY(%s)",
        (one.position, NOT_COMPARED),
    ).fetchone()
    if row is None or row[0] is None:
        return
    with tampered(owner, row[0]):
        owner.execute(
            "UPDATE ledger.events AS place SET originator_id = one.originator_id,"
            " originator_version = 100000, topic = one.topic, state = one.state, day = one.day,"
            " source = NULL, event_id = NULL, partner_id = one.partner_id,"
            " client_id = one.client_id"
            " FROM ledger.events AS one WHERE one.position = %s AND place.position = %s",
            (one.position, row[0]),
        )
        assert row[0] in {each.position for each in found(owner)}
