"""Batches as they are read, one behind the other, from a subscription that follows a script."""

from __future__ import annotations

import gc
import io
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import FrameType
from typing import Any, NamedTuple, cast
from weakref import ref

import orjson
import pytest

from events.binary import Headers
from interfaces.health import Health
from interfaces.logging import configure
from ledger.ingest.kafka.history import Identity, Partition
from ledger.ingest.kafka.messages import payloads_of
from ledger.ingest.kafka.offsets import Move
from ledger.ingest.kafka.reading import Batch, Owned, Reader
from ledger.ingest.kafka.subscription import BrokerRefused, Changes, LostPlace
from tests.kafka.producing import activation

AT = datetime(2026, 1, 5, 10, tzinfo=UTC)
ONE, TWO = Partition("billing", 0), Partition("billing", 1)
HERE = Identity("cluster", "topic", 2)
Answer = Mapping[Partition, range] | Exception


@pytest.fixture(autouse=True)
def _log() -> None:
    configure(stream=io.StringIO())


class Fetched(NamedTuple):
    """What a reader needs of a record."""

    offset: int
    headers: Headers
    value: bytes | None


class Traced(list[tuple[str, bytes | None]]):
    """Headers of which it can be told whether they are still there."""


class Scripted:
    """Answers polls one after the other; when the script is over there is nothing more.

    Each poll takes ``takes_seconds`` by ``clock``. Like kafka-python it keeps the frames of one
    that has no answer.
    """

    def __init__(self, *script: Answer) -> None:
        self.script = list(script)
        self.asked: list[int] = []
        self.waits: list[int] = []
        self.frames: list[FrameType] = []
        self.headers: list[ref[Traced]] = []
        self.clock = self.takes_seconds = 0.0
        self.held = 100
        self.taken: list[set[Partition]] = []
        self.followed: list[dict[Partition, int]] = []
        self.still: set[Partition] = set()
        self.positions: dict[Partition, int] = {}
        self.found = HERE

    def poll(self, wait_ms: int, most: int) -> dict[Partition, list[Fetched]]:
        """The next answer."""
        assert wait_ms >= 0
        self.asked.append(most)
        self.waits.append(wait_ms)
        self.clock += self.takes_seconds
        answer = self.script.pop(0) if self.script else {}
        if isinstance(answer, Exception):
            raise answer
        if not answer:
            self.frames.append(sys._getframe())
        return {at: [self._traced(at, each) for each in told] for at, told in answer.items()}

    def _traced(self, at: Partition, offset: int) -> Fetched:
        headers = Traced()
        self.headers.append(ref(headers))
        return record(at, offset)._replace(headers=headers)

    def changes(self) -> Changes:
        """What was taken meanwhile."""
        return Changes(taken=self.taken.pop(0) if self.taken else set())

    def lag(self, at: Partition, next_offset: int) -> int:
        """What is left of the messages held, of which the second partition has one more."""
        return max(0, self.held + at.partition - next_offset)

    def position(self, at: Partition) -> int | None:
        """What is read next."""
        return self.positions.get(at)

    def identity(self, topic: str) -> Identity:
        """What the topic is now."""
        assert topic == "billing"
        return self.found

    def follow(self, offsets: dict[Partition, int]) -> None:
        """What the broker is told."""
        self.followed.append(offsets)

    def stand_still(self, partitions: set[Partition]) -> None:
        """What is not to be read."""
        self.still |= partitions


def record(at: Partition, offset: int) -> Fetched:
    """A fact that names where it stands."""
    return Fetched(offset, (), orjson.dumps(activation(f"c-{at.partition}-{offset}", AT)))


def reader(script: Scripted, batch_messages: int = 3) -> Reader:
    """One that has both partitions, each from its beginning."""
    made = Reader(
        cast("Any", script),
        Health(),
        batch_messages=batch_messages,
        horizon_days=400,
        now=lambda: AT,
    )
    made.owned = {at: Owned(0, 7, HERE) for at in (ONE, TWO)}
    made.begin(alone=False)
    return made


def first(made: Reader) -> Batch:
    """What is there."""
    batch = made.first()
    assert batch is not None
    return batch


def origins(batch: Batch) -> list[str]:
    """Where the messages of a batch stood."""
    assert all(incoming.message is not None for incoming in batch.messages)
    return [incoming.origin for incoming in batch.messages]


def test_batches_follow_each_other_without_a_gap() -> None:
    """Each moves its partitions from where the one before left them, to behind its last message."""
    script = Scripted(
        {ONE: range(2)}, {TWO: range(1)}, {ONE: range(2, 3), TWO: range(4, 6)}, {ONE: range(3, 4)}
    )
    made = reader(script)
    with made.ahead(first(made)) as ahead:
        batches = list(ahead)
    assert [origins(batch) for batch in batches] == [
        ["kafka:billing/0@0#topic", "kafka:billing/0@1#topic", "kafka:billing/1@0#topic"],
        ["kafka:billing/0@2#topic", "kafka:billing/1@4#topic", "kafka:billing/1@5#topic"],
        ["kafka:billing/0@3#topic"],
    ]
    assert [batch.moves for batch in batches] == [
        [Move(ONE, 0, 2, 7), Move(TWO, 0, 1, 7)],
        [Move(ONE, 2, 3, 7), Move(TWO, 1, 6, 7)],
        [Move(ONE, 3, 4, 7)],
    ]
    assert [batch.is_full for batch in batches] == [True, True, False]
    assert batches[1].lags == {ONE: 97, TWO: 95}
    assert script.asked[:3] == [3, 1, 3]


@pytest.mark.parametrize("full", [True, False])
def test_an_error_comes_behind_the_batch_that_is_there(*, full: bool) -> None:
    """What was read well is recorded first."""
    made = reader(Scripted({ONE: range(3 if full else 1)}, *([] if full else [{}]), LostPlace()))
    found: list[Batch] = []
    with made.ahead(first(made)) as ahead, pytest.raises(LostPlace):
        found.extend(ahead)
    assert len(found) == 1


def test_what_was_read_before_a_refusal_is_taken_first() -> None:
    """By then it is recorded; a client that refused is not asked once more."""
    script = Scripted({ONE: range(2)}, BrokerRefused(), {ONE: range(3, 4)})
    made = reader(script)
    found: list[Batch] = []
    with made.ahead(first(made)) as ahead, pytest.raises(BrokerRefused):
        found.extend(ahead)
    assert [batch.moves for batch in found] == [[Move(ONE, 0, 2, 7)]]
    assert len(script.script) == 1


def test_what_is_no_message_is_passed_over_once() -> None:
    """Behind what was taken, and only as far as the broker was read."""
    script = Scripted({ONE: range(2)})
    made = reader(script)
    first(made)
    script.positions = {ONE: 2, TWO: 0}
    assert made.passed() == []
    script.positions = {ONE: 5}
    assert made.passed() == [Move(ONE, 2, 5, 7)]
    assert made.passed() == []


def test_a_partition_that_is_taken_while_a_batch_is_read_is_left_out() -> None:
    """It is another's to record."""
    script = Scripted({ONE: range(1)}, {TWO: range(1)})
    script.taken = [set(), {ONE}]
    made = reader(script)
    assert first(made).moves == [Move(TWO, 0, 1, 7)]
    assert made.owned.keys() == {TWO}


def test_one_that_is_alone_is_read_alone() -> None:
    """So that an error is about one message."""
    script = Scripted({ONE: range(1)}, {ONE: range(1, 2)})
    made = reader(script)
    made.begin(alone=True)
    with made.ahead(first(made)) as ahead:
        (batch,) = ahead
    assert script.asked == [1]
    assert made.last == batch.moves[0] == Move(ONE, 0, 1, 7)


def test_who_leaves_reads_no_more() -> None:
    """What is under way is enough."""
    script = Scripted({ONE: range(3)}, {ONE: range(3, 6)})
    made = reader(script)
    batch = first(made)
    made.leaving = True
    with made.ahead(batch) as ahead:
        assert [len(batch.messages) for batch in ahead] == [3]
    assert len(script.script) == 1


def test_the_broker_is_told_what_landed_and_is_still_ours() -> None:
    """When nothing else is to be done, and once."""
    script = Scripted({ONE: range(2), TWO: range(1)})
    made = reader(script)
    batch = first(made)
    assert made.first() is None
    assert script.followed == []
    made.landed(batch.moves)
    script.taken = [{TWO}]
    assert made.first() is None
    assert made.first() is None
    assert script.followed == [{ONE: 2}]


def test_another_topic_under_the_same_name_is_not_read() -> None:
    """Everything stands still until it is claimed anew, and the broker is told nothing of it."""
    script = Scripted({ONE: range(2)}, {ONE: range(2, 4)})
    made = reader(script, batch_messages=2)
    made.landed(first(made).moves)
    script.found = Identity("cluster", "another", 2)
    assert made.first() is None
    assert made.owned == {}
    assert made.fresh == script.still == {ONE, TWO}
    assert made.first() is None
    assert script.followed == []


def test_headers_that_repeat_are_one_object() -> None:
    """Each record keeps its own, in its order; equal ones in a row are passed on once."""
    told: list[Headers] = [[("a", b"1")], [("a", b"1")], [("a", None)], [], [("a", None)]]
    records = [Fetched(offset, headers, b"{}") for offset, headers in enumerate(told)]
    passed = [headers for headers, _ in payloads_of(records)]
    assert passed == told
    assert passed[0] is passed[1]


@pytest.fixture
def _uncollected() -> Iterator[None]:
    """Objects go when nothing refers to them, and not before."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_uncollected")
def test_a_poll_without_an_answer_keeps_nothing_that_was_polled() -> None:
    """Who holds its frames holds no record, whether it was to fill a batch or not."""
    script = Scripted({ONE: range(3)}, {ONE: range(3, 5)}, {}, {TWO: range(1)}, {})
    made = reader(script)
    with made.ahead(first(made)) as ahead:
        assert [len(batch.messages) for batch in ahead] == [3, 2, 1]
    assert len(script.frames) == 3
    assert len(script.headers) == 6
    assert all(each() is None for each in script.headers)


@pytest.mark.parametrize(("held", "waits"), [(100, [500, 400]), (4, [500, 0]), (3, [100, 0])])
def test_a_batch_behind_a_full_one_waits_longer_for_what_the_broker_has(
    held: int, waits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To be full, too: for what is still to come it waits a tenth of a second."""
    script = Scripted({ONE: range(3)}, {ONE: range(3, 4)})
    script.held, script.takes_seconds = held, 0.1
    monkeypatch.setattr("ledger.ingest.kafka.reading.monotonic", lambda: script.clock)
    made = reader(script)
    del made.owned[TWO]
    with made.ahead(first(made)) as ahead:
        assert [len(batch.messages) for batch in ahead] == [3, 1]
    assert script.waits[1:3] == waits
