"""A batch that is decided while the one before is appended could stand on something else.

On one that had to be decided again, if the positions agreed: another process had recorded the same
messages in another order, so nothing of it was left to record. And on streams as they were before
it, if a full cache put out what it changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Event
from typing import Any
from unittest import mock

from ledger import entities
from ledger.dead_letters import Incoming
from ledger.policy import files
from ledger.recording import Recorder
from tests.rules.facts import activated, enrolled, referred
from tests.rules.ledger_adapter import RealLedger, _incoming, open_ledger


def test_what_stands_on_a_batch_decided_again_is_decided_again() -> None:
    """Who claims first by recording holds the client: the other process told p2's claim first."""
    first, second = referred("2024-01-02", partner="p1"), referred("2024-01-02", partner="p2")
    activation = activated("2024-01-10")
    whole, left = Recorder._append, [1]

    def late(recorder: Recorder, *args: Any) -> Any:
        if left:
            left.pop()
            RealLedger().record([second, first])
        return whole(recorder, *args)

    def batches() -> Iterator[Sequence[Incoming]]:
        yield [_incoming(first), _incoming(second)]
        yield [_incoming(activation)]

    with open_ledger() as ledger:
        ledger.adopt(files.load("izyinbox"), None)
        ledger.record([enrolled("2024-01-01"), enrolled("2024-01-01", "p2")])
        with mock.patch.object(Recorder, "_append", late):
            counts = [(r.accepted, r.duplicates) for r in ledger.application.record_all(batches())]
        assert counts == [(0, 2), (1, 0)]
        answers = {claim.partner_id: claim.answer for claim in ledger.claims()}
        assert answers == {"p1": "rejected", "p2": "accepted"}
        assert [client.partner_id for client in ledger.clients()] == ["p2"]


def test_a_full_cache_keeps_what_the_batch_before_changed() -> None:
    """The client of a claim that waited is found late; p2's claim to it is not in the database."""
    waiting, winning = referred("2024-01-02", partner="p1"), referred("2024-01-02", partner="p2")
    whole = Recorder._append
    begun, prepared = Event(), Event()

    def slow(recorder: Recorder, *args: Any) -> Any:
        begun.set()
        prepared.wait(10)
        return whole(recorder, *args)

    def batches() -> Iterator[Sequence[Incoming]]:
        yield [_incoming(winning)]
        begun.wait(10)
        yield [_incoming(enrolled("2024-01-01"))]

    landed = Recorder._landed

    def land(recorder: Recorder, *args: Any) -> Any:
        prepared.set()
        return landed(recorder, *args)

    with open_ledger() as ledger, mock.patch.object(entities, "LIMIT", 1):
        ledger.adopt(files.load("izyinbox"), None)
        ledger.record([enrolled("2024-01-01", "p2"), waiting])
        ledger.reopen()
        patched = mock.patch.multiple(Recorder, _append=slow, _landed=land)
        with patched:
            assert [r.accepted for r in ledger.application.record_all(batches())] == [1, 1]
        answers = {claim.partner_id: claim.answer for claim in ledger.claims()}
        assert answers == {"p1": "rejected", "p2": "accepted"}
