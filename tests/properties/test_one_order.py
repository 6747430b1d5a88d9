"""Answers have one order: no two rows stand at the same place of what they are ordered by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

from hypothesis import given, settings

from projections.definition import ReadModel
from replay.as_of import Replay, Row
from tests.properties.engines import on_database
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import play
from tests.properties.questions import QUESTIONS, ask
from tests.properties.stories import Story
from tests.rules.dsl import Given
from tests.rules.facts import activated
from tests.rules.ledger_adapter import _database, open_ledger
from tests.rules.looking import looking

_rows = Replay._rows


def _ordered(self: Replay, model: ReadModel, *of: Any, **named: Any) -> Iterator[Row]:
    rows = list(_rows(self, model, *of, **named))
    places = [tuple(row[name] for name in model.order_by) for row in rows]
    assert len(set(places)) == len(places), model.name
    return iter(rows)


@settings(on_database(10, 6))
@given(story=stories_of_every_rule())
def test_no_two_rows_have_one_place(story: Story) -> None:
    """Whatever a history holds; else the same answer could come in two orders."""
    with open_ledger() as ledger, looking(_database()) as connection:
        play(story, ledger)
        replay = Replay(connection)
        at = replay.resolve()
        with mock.patch.object(Replay, "_rows", _ordered):
            for name in QUESTIONS:
                list(ask(name, replay, at))


def test_what_is_unresolved_for_two_reasons() -> None:
    """An activation that claims and comes too late: by partner, last what names none."""
    with open_ledger() as ledger, looking(ledger.url) as connection:
        Given(ledger)(activated("2024-01-10"), activated("2024-01-11", partner="nobody"))
        replay = Replay(connection)
        rows = list(replay.unresolved(replay.resolve()))
    assert len({row["position"] for row in rows}) == 1
    assert [(row["partner_id"], row["reason"]) for row in rows] == [
        ("nobody", "unknown_partner"),
        (None, "already_active"),
    ]
