"""Versions remembered between appends: known only where the frontier proves them."""

from __future__ import annotations

from ledger.store.recorder import LedgerRecorder
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
