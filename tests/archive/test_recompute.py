"""D18.10 from an archive: decided again as the ledger is, with the same differences."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ledger.errors import NotReady
from replay.archive.opening import open_archive
from replay.archive.writing import Archiver
from replay.as_of import Replay
from replay.recompute import Recomputed, recompute
from replay.rerun import Log, reading
from replay.rerun.differences import Row
from replay.rerun.parts import Readers
from tests.application.test_recompute import ANOTHER, STORY
from tests.archive.forging import plant
from tests.properties.every_rule import stories_of_every_rule
from tests.properties.play import play
from tests.properties.stories import Story
from tests.properties.test_planted import changed, decisions
from tests.rules.dsl import tell
from tests.rules.ledger_adapter import RealLedger, _database, _empty, open_ledger
from tests.rules.looking import looking
from tests.rules.programmes import plain

_ROWS = """
    SELECT position, originator_id, topic, state, effective_at, day, source, event_id, partner_id,
        client_id
    FROM ledger.events ORDER BY position
"""

_FEW = settings(
    max_examples=max(4, settings().max_examples // 12),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


def recomputed(part_events: int) -> Recomputed:
    """What the ledger at hand finds."""
    with looking(_database()) as connection:
        return recompute(connection, part_events=part_events)


@contextmanager
def archived(through: int | None = None) -> Iterator[Path]:
    """The archive of the ledger at hand, in buckets of a few events."""
    with (
        looking(_database()) as connection,
        tempfile.TemporaryDirectory() as directory,
    ):
        last = through or Replay(connection).resolve().position
        Archiver(connection, Path(directory), bucket_events=50).write(last)
        yield Path(directory)


@pytest.mark.timeout(900)
@_FEW
@given(story=stories_of_every_rule(), draw=st.data())
def test_a_history_is_decided_again_alike(story: Story, draw: st.DataObject) -> None:
    """Nothing differs, in parts of any size; one decision is changed, and the same is found."""
    with open_ledger() as ledger:
        play(story, ledger)
    try:
        with archived() as archive:
            for part_events in (1, 10**6):
                with open_archive(archive) as replay:
                    found = replay.recomputed(processes=1, part_events=part_events)
                assert found == recomputed(part_events)
                assert found.differences == ()
            with psycopg.connect(_database()) as owner:
                known = decisions(owner)
            if not known:
                return
            one = draw.draw(st.sampled_from(known))
            plant(_database(), archive, one.position, changed(one.state))
            with open_archive(archive) as replay:
                found = replay.recomputed(processes=1, part_events=1)
            assert found == recomputed(1)
            assert one.position in {each.difference.position for each in found.differences}
    finally:
        _empty(_database())


@pytest.fixture
def ledger() -> Iterator[RealLedger]:
    """A ledger with something of everything, of two partners."""
    with open_ledger() as opened:
        opened.adopt(plain(), None)
        tell(opened, (*STORY, *ANOTHER))
        yield opened
        _empty(_database())


@pytest.mark.usefixtures("ledger")
def test_processes_find_the_same() -> None:
    """Each opens the archive anew and decides some parts; one decision differs."""
    with archived() as archive:
        with psycopg.connect(_database()) as owner:
            line = next(one for one in decisions(owner) if one.topic == "CommissionPosted/1")
        plant(_database(), archive, line.position, changed(line.state))
        with open_archive(archive) as replay:
            found = replay.recomputed(processes=2, part_events=1)
        assert found == recomputed(1)
        assert line.position in {each.difference.position for each in found.differences}


@pytest.mark.usefixtures("ledger")
def test_an_archive_that_ends_inside_a_run_is_not_decided() -> None:
    """Half a run differs from a whole one; what to do is said."""
    with psycopg.connect(_database()) as connection:
        row = connection.execute(
            "SELECT MIN(position) FROM ledger.events WHERE topic = 'AccrualCompleted/1'"
        ).fetchone()
    assert row is not None
    with (
        archived(row[0] - 1) as archive,
        open_archive(archive) as replay,
        pytest.raises(NotReady, match="ends inside an accrual run"),
    ):
        replay.recomputed()
    with archived(row[0]) as archive, open_archive(archive) as replay:
        assert replay.recomputed().differences == ()


@_FEW
@given(story=stories_of_every_rule())
def test_each_row_has_the_readers_that_see_it(story: Story) -> None:
    """Looked up for all parts at once, as each part says it of itself."""
    with (
        open_ledger() as ledger,
        looking(_database()) as connection,
    ):
        play(story, ledger)
        with reading(connection):
            log = Log(connection, Replay(connection).resolve().position)
            parts = log.parts(1)
            rows = list(connection.execute(_ROWS))
    readers = Readers(parts)
    for row in map(Row._make, rows):
        numbers = readers.of(row.stream, row.topic, row.partner_id, row.client_id)
        assert sorted(numbers) == [n for n, part in enumerate(parts) if part.sees(row)]
