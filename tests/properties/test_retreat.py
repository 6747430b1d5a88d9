"""An append that fails: going back to where it began is as good as forgetting everything.

Another writer records while one of ours is under way and the next is decided on top of it, so that
what is loaded meanwhile holds events of the other's at positions that were to be ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from threading import Semaphore
from typing import Any
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from ledger import entities
from ledger.dead_letters import Incoming
from ledger.entities import Entities
from ledger.recording import Recorder
from tests.model.journal import Message
from tests.properties.play import messages_of
from tests.properties.stories import Story, stories, terms
from tests.properties.test_same_ledger import _EVENTS, _ON_REAL, tiny
from tests.rules.facts import activated, enrolled, referred
from tests.rules.ledger_adapter import RealLedger, _incoming, open_ledger

Batches = Sequence[Sequence[Message]]


def assert_as_stored(own: Entities, ledger: RealLedger) -> None:
    """All that is at hand is the fold of its stream up to the position at which it stands."""
    with ledger.application.transaction() as cursor:
        stored = own.folded(cursor, sorted(own.at_hand), own.position)
    at_hand = {stream: entity for stream, entity in own.at_hand.items() if entity is not None}
    assert at_hand == stored


def told(
    ours: Batches, others: Mapping[int, Sequence[Message]], *, forget: bool
) -> tuple[list[dict[str, object]], list[int]]:
    """Record our batches; before the n-th append another writer records ``others[n]``.

    The journal, and how much was at hand after each append that failed.
    """
    whole, count, told_all = Recorder._append, iter(range(len(ours))), Semaphore(0)
    kept: list[int] = []

    def late(recorder: Recorder, *args: Any) -> Any:
        batch = others.get(next(count))
        if batch:
            RealLedger().record(batch)
        told_all.release()
        return whole(recorder, *args)

    def batches() -> Iterator[Sequence[Incoming]]:
        for batch in ours:
            yield [_incoming(message) for message in batch]
            told_all.acquire(timeout=20)

    with open_ledger() as ledger:
        own = ledger.application._entities
        back = own.forget if forget else own.retreat

        def retreat() -> None:
            back()
            assert_as_stored(own, ledger)
            kept.append(len(own.at_hand))

        ledger.adopt(terms(), None)
        with (
            mock.patch.object(Recorder, "_append", late),
            mock.patch.object(own, "retreat", retreat),
        ):
            recordings = list(ledger.application.record_all(batches()))
        assert len(recordings) == len(ours)
        assert_as_stored(own, ledger)
        return ledger._select(_EVENTS), kept


@_ON_REAL
@given(story=stories(), lots=st.randoms(use_true_random=False), limit=st.sampled_from([2, 30_000]))
def test_going_back_records_what_forgetting_all_records(
    story: Story, lots: Any, limit: int
) -> None:
    """Event by event the same, whoever comes between, however much is kept at hand."""
    ours: list[list[Message]] = []
    others: dict[int, list[Message]] = {}
    for message in messages_of(story):
        if ours and lots.random() < 0.3:
            others.setdefault(lots.randrange(len(ours)), []).append(message)
        elif ours and lots.random() < 0.5:
            ours[-1].append(message)
        else:
            ours.append([message])
    with tiny(entities, LIMIT=limit):
        assert told(ours, others, forget=False)[0] == told(ours, others, forget=True)[0]


def test_what_was_at_hand_before_stays() -> None:
    """Only the append that failed is undone: the clients of earlier batches need not be loaded."""
    ours = [
        [enrolled("2024-01-01"), *(referred("2024-01-02", f"c{n}") for n in range(9))],
        [activated("2024-01-10", "c0")],
        [activated("2024-01-10", "c1")],
    ]
    _, kept = told(ours, {1: [activated("2024-01-11", "c8")]}, forget=False)
    assert kept == [11]  # the ledger, the partner and nine clients


def test_what_was_loaded_meanwhile_goes() -> None:
    """c1 is loaded with the other's activation, which stands where ours was to be."""
    referrals = [referred("2024-01-02", client) for client in ("c0", "c1")]
    ours = [
        [enrolled("2024-01-01")],
        [activated("2024-01-10", "c0")],
        [activated("2024-01-12", "c1", sub="s2")],
    ]
    others = {0: referrals, 1: [activated("2024-01-11", "c1")]}
    journal, kept = told(ours, others, forget=False)
    assert len(kept) == 2
    assert journal == told(ours, others, forget=True)[0]
