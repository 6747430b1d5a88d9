"""The archive answers what the ledger answers, to the byte: any question, at any place."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from interfaces.cli.output import to_json
from replay.archive.opening import open_archive
from replay.archive.writing import Archiver
from replay.as_of import AsOf, Replay, Row
from replay.diff import Difference, Ties, changes
from replay.explaining.beside import why_no_more
from replay.explaining.explanation import explain
from replay.explaining.missing import why_nothing
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import play
from tests.properties.questions import QUESTIONS, ask
from tests.properties.stories import DAYS, Story
from tests.rules.ledger_adapter import _database, open_ledger
from tests.rules.looking import looking

_FEW = settings(
    max_examples=max(4, settings().max_examples // 12),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


_TURNS = 7
"""At each place every seventh question, the next ones at the next: all at every one take minutes.

With four places a history, seven histories have asked each question at each kind of place.
"""


def _in_turn(turn: int) -> list[str]:
    return list(QUESTIONS)[turn % _TURNS :: _TURNS]


def _reasons(replay: Replay, at: AsOf) -> Iterator[Row]:
    """Why events are as they are, why clients and partners earned nothing, and what changed."""
    for position in range(1, at.position + 1, 7):
        yield explain(replay, position, at).document()
    for row in replay.clients(at):
        yield why_nothing(replay, str(row["client_id"]), None, DAYS[5], at).document()
    for row in replay.tiers(at):
        yield why_no_more(replay, str(row["partner_id"]), "2024-03", at).document()
    asked = Difference(replay.resolve(position=at.position // 2), at, None)
    ties = Ties(replay, asked)
    yield from ties.following(changes(replay, asked))
    yield from ties.rows()


def _told(name: str, replay: Replay, at: AsOf) -> str:
    return to_json({"as_of": at.answer(), "rows": ask(name, replay, at)})


def _places(last: int) -> list[tuple[int, date | None]]:
    return [(last, None), (last, DAYS[len(DAYS) // 2]), (last // 2, None), (last // 3, DAYS[-1])]


turns = count()


@pytest.mark.slow
@pytest.mark.timeout(900)
@_FEW
@given(story=stories_of_every_rule())
def test_random_histories_are_answered_alike(story: Story) -> None:
    """Of a random history, written in one part or in two: at its end and in its middle."""
    with (
        open_ledger() as ledger,
        looking(_database()) as connection,
        tempfile.TemporaryDirectory() as directory,
    ):
        play(story, ledger)
        stored = Replay(connection)
        last = stored.resolve().position
        archiver = Archiver(connection, Path(directory), bucket_events=7)
        archiver.write(max(1, last // 2))
        archiver.write(last)
        with open_archive(Path(directory)) as archived:
            for position, day in _places(last):
                at = stored.resolve(position=position, effective_at=day)
                assert archived.resolve(position=position, effective_at=day) == at
                for name in _in_turn(next(turns)):
                    assert _told(name, archived, at) == _told(name, stored, at), (name, at)
            at = stored.resolve()
            assert list(map(to_json, _reasons(archived, at))) == [
                to_json(row) for row in _reasons(stored, at)
            ]
