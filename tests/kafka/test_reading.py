"""Batches as they are read, one behind the other, of what is fetched by a script."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import orjson
import pytest

from interfaces.health import Health
from interfaces.logging import configure
from ledger.ingest.decoding import decode_here
from ledger.ingest.kafka.fetching import Fetched, Wanted
from ledger.ingest.kafka.history import Identity, Partition, Place
from ledger.ingest.kafka.log import BrokerRefused, LostPlace
from ledger.ingest.kafka.messages import Told
from ledger.ingest.kafka.offsets import Move
from ledger.ingest.kafka.reading import Batch, Owned, Reader
from ledger.ingest.kafka.subscription import Changes
from tests.kafka.producing import activation

AT = datetime(2026, 1, 5, 10, tzinfo=UTC)
ONE, TWO = Partition("billing", 0), Partition("billing", 1)
HERE = Identity("cluster", "topic", 2)
Answer = Mapping[Partition, range] | Exception


@pytest.fixture(autouse=True)
def _log() -> None:
    configure(stream=io.StringIO())


class Scripted:
    """The group and what is fetched: one answer after the other, then nothing more."""

    def __init__(self, *script: Answer) -> None:
        self.script = list(script)
        self.asked: list[Wanted] = []
        self.waiting: Wanted | None = None
        self.held = 100
        self.taken: list[set[Partition]] = []
        self.given: list[set[Partition]] = []
        self.followed: list[dict[Partition, int]] = []
        self.positions: dict[Partition, Place] = {}
        self.found = HERE
        self.refusal: Exception | None = None

    def ask(self, wanted: Wanted) -> None:
        """What is wanted next."""
        self.asked.append(wanted)
        self.waiting = wanted

    def answer(self) -> Fetched:
        """The next answer."""
        wanted, self.waiting = self.waiting, None
        assert wanted is not None
        answer = self.script.pop(0) if self.script else {}
        if isinstance(answer, Exception):
            raise answer
        told = {at: told_of(at, offsets) for at, offsets in answer.items()}
        count = sum(len(each.offsets) for each in told.values())
        return Fetched(
            told,
            size=count,
            is_full=count >= wanted.most,
            # The second partition has one message more.
            ends={at: self.held + at.partition for at in wanted.places},
            positions={at: self.positions.get(at) for at in wanted.places},
            identities={at.topic: self.found for at in wanted.places},
        )

    def attend(self, wait_ms: int) -> None:
        """The group is heard."""
        assert wait_ms >= 0
        if self.refusal is not None:
            raise self.refusal

    def changes(self) -> Changes:
        """What was given and taken meanwhile."""
        return Changes(
            self.given.pop(0) if self.given else set(), self.taken.pop(0) if self.taken else set()
        )

    def follow(self, offsets: dict[Partition, int]) -> None:
        """What the broker is told."""
        self.followed.append(offsets)


def told_of(at: Partition, offsets: range) -> Told:
    """Facts that name where they stand."""
    values = [orjson.dumps(activation(f"c-{at.partition}-{offset}", AT)) for offset in offsets]
    following = Place(offsets[-1] + 1, offsets[-1])
    return Told(following, list(offsets), [()] * len(values), values, decode_here(values, AT, 400))


def behind(offset: int) -> Place:
    """The place behind the record before an offset; each has a leader of its own."""
    return Place(offset, offset - 1)


def reader(script: Scripted, batch_messages: int = 3) -> Reader:
    """One that has both partitions, each from its beginning."""
    made = Reader(
        cast("Any", script),
        cast("Any", script),
        Health(),
        batch_messages=batch_messages,
        horizon_days=400,
        now=lambda: AT,
    )
    made.owned = {at: Owned(Place(0), 7, HERE) for at in (ONE, TWO)}
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
        {ONE: range(2), TWO: range(1)}, {ONE: range(2, 3), TWO: range(4, 6)}, {ONE: range(3, 4)}
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
        [Move(ONE, 0, behind(2), 7), Move(TWO, 0, behind(1), 7)],
        [Move(ONE, 2, behind(3), 7), Move(TWO, 1, behind(6), 7)],
        [Move(ONE, 3, behind(4), 7)],
    ]
    assert [batch.is_full for batch in batches] == [True, True, False]
    assert batches[1].lags == {ONE: 97, TWO: 95}
    assert [wanted.places for wanted in script.asked] == [
        {ONE: Place(0), TWO: Place(0)},
        {ONE: behind(2), TWO: behind(1)},
        {ONE: behind(3), TWO: behind(6)},
        {ONE: behind(4), TWO: behind(6)},
    ]
    assert [wanted.fill for wanted in script.asked] == [False, True, True, False]


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("error", [LostPlace(), BrokerRefused()])
def test_an_error_comes_behind_the_batch_that_is_there(error: Exception, *, full: bool) -> None:
    """What was read well is recorded first."""
    made = reader(Scripted({ONE: range(3 if full else 1)}, error))
    found: list[Batch] = []
    with made.ahead(first(made)) as ahead, pytest.raises(type(error)):
        found.extend(ahead)
    assert len(found) == 1


@pytest.mark.parametrize("full", [True, False])
def test_so_does_what_the_group_refuses(*, full: bool) -> None:
    """While a batch is read ahead as well as before."""
    script = Scripted({ONE: range(3 if full else 1)})
    made = reader(script)
    batch = first(made)
    script.refusal = BrokerRefused()
    found: list[Batch] = []
    with made.ahead(batch) as ahead, pytest.raises(BrokerRefused):
        found.extend(ahead)
    assert len(found) == 1


def test_what_is_no_message_is_passed_over_once() -> None:
    """Behind what was taken, and only as far as the broker was read."""
    script = Scripted({ONE: range(2)})
    made = reader(script)
    first(made)
    script.positions = {ONE: Place(2), TWO: Place(0)}
    assert made.first() is None
    assert made.passed() == []
    script.positions = {ONE: Place(5, 4)}
    assert made.first() is None
    assert made.passed() == [Move(ONE, 2, Place(5, 4), 7)]
    assert made.passed() == []
    assert made.lag(ONE, 5) == 95


def test_what_was_read_before_is_not_passed_over_again() -> None:
    """A partition that is claimed anew, further back, stands where it was claimed."""
    script = Scripted()
    script.positions = {ONE: Place(5, 4)}
    made = reader(script)
    assert made.first() is None
    made.begin_again()
    made.owned = {ONE: Owned(Place(3), 8, HERE)}
    script.script = [LostPlace()]
    with pytest.raises(LostPlace):
        made.first()
    assert made.passed() == []


def test_a_partition_that_is_taken_while_a_batch_is_read_is_left_out() -> None:
    """It is another's to record."""
    script = Scripted({ONE: range(3)}, {ONE: range(3, 4), TWO: range(1)})
    script.taken = [set(), {ONE}]
    made = reader(script)
    with made.ahead(first(made)) as ahead:
        assert [batch.moves for batch in ahead] == [
            [Move(ONE, 0, behind(3), 7)],
            [Move(TWO, 0, behind(1), 7)],
        ]
    assert made.owned.keys() == {TWO}


def test_what_is_given_while_much_is_read_does_not_wait_for_the_end_of_it() -> None:
    """Reading ahead ends, so that it is claimed; what was asked for by then is taken."""
    new = Partition("billing", 2)
    script = Scripted(*({ONE: range(n, n + 3)} for n in range(0, 30, 3)))
    script.given = [set(), {new}]
    made = reader(script)
    with made.ahead(first(made)) as ahead:
        assert [batch.moves for batch in ahead] == [
            [Move(ONE, 0, behind(3), 7)],
            [Move(ONE, 3, behind(6), 7)],
        ]
    assert made.fresh == {new}


def test_what_was_lost_and_is_given_again_is_claimed_anew() -> None:
    """As by a group that had put us out: until then nothing of it is read, and it is one."""
    script = Scripted()
    script.given = [{ONE}]
    made = reader(script)
    made.apply_changes()
    assert made.owned.keys() == {TWO}
    assert made.fresh == {ONE}
    assert made.first() is None
    assert script.asked[-1].places == {TWO: Place(0)}


def test_one_that_is_alone_is_read_alone() -> None:
    """So that an error is about one message."""
    script = Scripted({ONE: range(1)}, {ONE: range(1, 2)})
    made = reader(script)
    made.begin(alone=True)
    with made.ahead(first(made)) as ahead:
        (batch,) = ahead
    assert [wanted.most for wanted in script.asked] == [1]
    assert made.last == batch.moves[0] == Move(ONE, 0, behind(1), 7)


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
    assert made.fresh == {ONE, TWO}
    assert made.first() is None
    assert script.followed == []
