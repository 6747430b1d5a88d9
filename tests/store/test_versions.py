"""Versions remembered between appends: known only where the frontier proves them."""

from __future__ import annotations

import pytest

from ledger.store.recorder import LedgerRecorder, Versions
from ledger.store.versions import KnownVersions
from tests.store.conftest import OpenDatastore
from tests.store.ledgers import append, assert_sound, fact, on_ledger


def test_what_an_append_left_is_known_there_and_nowhere_else() -> None:
    """Another frontier at the same position is another ledger."""
    known = KnownVersions()
    known.learn((0, b""), (2, b"a"), {"x": 1, "y": 1})
    known.learn((2, b"a"), (3, b"b"), {"x": 2})
    assert known.find((3, b"b"), ["x", "y", "z"]) == {"x": 2, "y": 1}
    assert known.find((3, b"c"), ["x"]) == known.find((2, b"a"), ["x"]) == {}
    known.learn((3, b"c"), (4, b"d"), {"z": 7})
    assert known.find((4, b"d"), ["x", "y", "z"]) == {"z": 7}


def test_it_is_bounded_and_forgets_what_was_used_longest_ago() -> None:
    """Of a hundred streams, what is used all the time stays."""
    known = KnownVersions(limit=20)
    known.learn((0, b""), (1, b"1"), {"always": 1})
    for turn in range(1, 100):
        before, after = (turn, b"%d" % turn), (turn + 1, b"%d" % (turn + 1))
        assert known.find(before, ["always"]) == {"always": turn}
        known.learn(before, after, {"always": turn + 1, f"once-{turn}": 1})
        assert len(known) <= 20
    assert known.find((100, b"100"), ["once-1", "once-99"]) == {"once-99": 1}


def test_it_knows_what_it_lacks() -> None:
    """What was appended since a position is remembered, or it says that it may not be."""
    known = KnownVersions(limit=4)
    known.learn((5, b"5"), (6, b"6"), {"x": 1})
    assert known.missing(["x", "y"]) == ["y"]
    assert known.covers(5, (6, b"6"))
    assert not known.covers(4, (6, b"6"))
    assert not known.covers(5, (6, b"other"))
    for turn in range(6, 9):
        known.learn((turn, b"%d" % turn), (turn + 1, b"%d" % (turn + 1)), {f"{turn}": 1, "z": 1})
    assert known.missing(["x", "6", "7", "8", "z"]) == ["x", "6"]
    assert known.covers(7, (9, b"9"))
    assert not known.covers(6, (9, b"9"))


@pytest.mark.parametrize("before_its_insert", [True, False])
@pytest.mark.parametrize("overtaken", [True, False])
def test_versions_looked_up_while_an_append_is_under_way(
    recorder: LedgerRecorder,
    ledger_url: str,
    open_datastore: OpenDatastore,
    *,
    before_its_insert: bool,
    overtaken: bool,
) -> None:
    """Streams of both, of one, and of neither; and those of another writer that comes between."""
    append(recorder, fact("c-1"))
    streams = [f"client:c-{n}" for n in range(1, 5)]
    rows = [fact("c-1"), fact("c-2")]
    late = [fact("c-1"), fact("c-2"), fact("c-3"), fact("c-4")]
    with recorder.datastore.transaction(commit=True) as behind:
        with recorder.datastore.transaction(commit=True) as cursor:
            recorder.stage(cursor, rows)
            recorder.stage(behind, late)
            if before_its_insert:
                early = recorder.look_ahead(behind, streams, 1)
            recorder.insert_staged(cursor, recorder.head(cursor), rows)
            if not before_its_insert:
                early = recorder.look_ahead(behind, streams, 1)
        lacking = streams[1:] if before_its_insert else streams[2:]
        assert early == Versions(1, dict.fromkeys(lacking, 0))
        if overtaken:
            other = on_ledger(open_datastore, ledger_url, role="ledger_writer")
            append(other, fact("c-1"), fact("c-2"), fact("c-3"))
        recorder.stay_staged(behind)
        recorder.insert_staged(behind, recorder.head(behind), late, early)
    with recorder.datastore.transaction() as cursor:
        assert assert_sound(cursor) == (10 if overtaken else 7)


def test_what_was_rolled_back_is_not_remembered(recorder: LedgerRecorder) -> None:
    """Neither alone, nor when another writer took the same positions meanwhile."""
    append(recorder, fact("c-1"))
    with recorder.datastore.transaction(commit=False) as cursor:
        recorder.append(cursor, [fact("c-1"), fact("c-1")], expected_head=1)
    append(recorder, fact("c-1"))
    with recorder.datastore.transaction() as cursor:
        assert assert_sound(cursor) == 2


def test_what_another_writer_appended_counts(
    recorder: LedgerRecorder, ledger_url: str, open_datastore: OpenDatastore
) -> None:
    """Between a roll-back and the next append, to the same stream and the same positions."""
    other = on_ledger(open_datastore, ledger_url, role="ledger_writer")
    for _ in range(3):
        append(recorder, fact("c-1"), fact("c-2"))
        with recorder.datastore.transaction(commit=False) as cursor:
            recorder.append(cursor, [fact("c-1"), fact("c-2")], expected_head=None)
        append(other, fact("c-2"), fact("c-2"))
        append(recorder, fact("c-1"), fact("c-2"), fact("c-3"))
    with recorder.datastore.transaction() as cursor:
        assert assert_sound(cursor) == 21
