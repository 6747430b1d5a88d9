"""What is fetched: filled into batches, from where it is said, here or in another process."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import FrameType
from typing import NamedTuple
from weakref import ref

import orjson
import psutil
import pytest

from events.binary import Headers
from events.envelope import Message
from events.errors import Rejection
from ledger.ingest import beside
from ledger.ingest.kafka import fetching
from ledger.ingest.kafka.access import Access
from ledger.ingest.kafka.fetching import Fetched, Fetcher, Fetching, Wanted
from ledger.ingest.kafka.history import Identity, Partition, Place
from ledger.ingest.kafka.log import BrokerRefused, LostPlace
from ledger.ingest.kafka.messages import told_of
from tests.kafka.producing import STRUCTURED, Producer, activation
from tests.kafka.topics import Topics

AT = datetime(2026, 1, 5, 10, tzinfo=UTC)
ONE, TWO = Partition("billing", 0), Partition("billing", 1)
HERE = Identity("cluster", "topic", 2)
BOTH = {ONE: Place(0), TWO: Place(0)}
PATIENCE_S = 60
Answer = Mapping[Partition, range] | Exception


class Read(NamedTuple):
    """What is needed of a record."""

    offset: int
    leader_epoch: int
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
        self.sent: list[tuple[dict[Partition, Place], dict[Partition, Place]]] = []
        self.asked: list[int] = []
        self.waits: list[int] = []
        self.frames: list[FrameType] = []
        self.headers: list[ref[Traced]] = []
        self.clock = self.takes_seconds = 0.0
        self.held = 100

    def read_on(self, places: Mapping[Partition, Place], moved: Mapping[Partition, Place]) -> None:
        """Where it is sent."""
        self.sent.append((dict(places), dict(moved)))

    def poll(self, wait_ms: int, most: int) -> dict[Partition, list[Read]]:
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
        return {at: [self._record(at, each) for each in told] for at, told in answer.items()}

    def _record(self, at: Partition, offset: int) -> Read:
        headers = Traced()
        self.headers.append(ref(headers))
        fact = activation(f"c-{at.partition}-{offset}", AT)
        return Read(offset, offset, headers, orjson.dumps(fact))

    def end(self, at: Partition) -> int:
        """The second partition has one message more."""
        return self.held + at.partition

    def position(self, at: Partition) -> Place | None:
        """What is read next."""
        return behind(50 + at.partition)

    def identity(self, topic: str) -> Identity:
        """What the topic is now."""
        assert topic == "billing"
        return HERE


def behind(offset: int) -> Place:
    """The place behind the record before an offset; each has a leader of its own."""
    return Place(offset, offset - 1)


def wanted(places: Mapping[Partition, Place], most: int = 3, *, fill: bool = False) -> Wanted:
    """So many messages, which are not waited for."""
    return Wanted(places, most, wait_ms=0, fill=fill, received_at=AT, horizon_days=400)


def offsets(fetched: Fetched) -> dict[Partition, list[int]]:
    """What came, all of it good."""
    for told in fetched.told.values():
        assert all(isinstance(each, Message) for each in told.decoded)
    return {at: list(told.offsets) for at, told in fetched.told.items()}


def test_a_batch_is_what_there_is_up_to_its_limit() -> None:
    """By partition, in order; with what is known of the partitions."""
    source = Scripted({ONE: range(2)}, {TWO: range(1)}, {ONE: range(2, 3)})
    fetcher = Fetcher(source)
    fetched = fetcher.fetch(wanted(BOTH))
    assert offsets(fetched) == {ONE: [0, 1], TWO: [0]}
    assert fetched.is_full
    assert fetched.ends == {ONE: 100, TWO: 101}
    assert fetched.positions == {}
    assert fetched.identities == {"billing": HERE}
    assert source.asked == [3, 1]
    fetched = fetcher.fetch(wanted({ONE: behind(2), TWO: behind(1)}))
    assert offsets(fetched) == {ONE: [2]}
    assert not fetched.is_full
    assert fetcher.fetch(wanted({ONE: behind(3), TWO: behind(1)})).positions == {
        ONE: behind(50),
        TWO: behind(51),
    }


def test_what_follows_is_read_on_and_all_else_from_where_it_is_said() -> None:
    """A place that is another than the one reached, a partition that is new, one that is gone."""
    source = Scripted({ONE: range(2)}, {}, {ONE: range(2, 3)})
    fetcher = Fetcher(source)
    fetcher.fetch(wanted(BOTH))
    assert source.sent == [(BOTH, BOTH)]
    fetcher.fetch(wanted({ONE: behind(2), TWO: Place(0)}))
    assert len(source.sent) == 1
    fetcher.fetch(wanted({ONE: behind(2), TWO: Place(0)}))
    assert source.sent[1:] == [({ONE: behind(2), TWO: Place(0)}, {ONE: behind(2)})]
    fetcher.fetch(wanted({TWO: Place(0)}))
    fetcher.fetch(wanted({ONE: behind(9), TWO: Place(0)}))
    assert source.sent[2:] == [
        ({TWO: Place(0)}, {}),
        ({ONE: behind(9), TWO: Place(0)}, {ONE: behind(9)}),
    ]


@pytest.mark.parametrize("script", [[LostPlace()], [{ONE: range(1)}, LostPlace()]])
def test_after_a_place_was_lost_everything_is_read_from_where_it_is_said(
    script: list[Answer],
) -> None:
    """What was polled before it was lost is told once, then."""
    source = Scripted(*script, {ONE: range(1)})
    fetcher = Fetcher(source)
    with pytest.raises(LostPlace):
        fetcher.fetch(wanted(BOTH))
    assert offsets(fetcher.fetch(wanted(BOTH))) == {ONE: [0]}
    assert source.sent == [(BOTH, BOTH), (BOTH, BOTH)]


def test_what_was_read_before_a_refusal_is_taken_first() -> None:
    """A client that refused is not asked once more."""
    source = Scripted({ONE: range(2)}, BrokerRefused(), {ONE: range(3, 4)})
    fetcher = Fetcher(source)
    assert offsets(fetcher.fetch(wanted(BOTH))) == {ONE: [0, 1]}
    for _ in range(2):
        with pytest.raises(BrokerRefused):
            fetcher.fetch(wanted({ONE: behind(2), TWO: Place(0)}))
    assert len(source.script) == 1


def test_headers_that_repeat_are_one_object() -> None:
    """Each record keeps its own, in its order; equal ones in a row are passed on once."""
    told: list[Headers] = [[("a", b"1")], [("a", b"1")], [("a", None)], [], [("a", None)]]
    records = [Read(offset, 0, headers, b"{}") for offset, headers in enumerate(told)]
    passed = told_of(records, [Rejection("empty", "", "")] * 5).headers
    assert list(passed) == told
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
    source = Scripted({ONE: range(3)}, {ONE: range(3, 5)}, {}, {TWO: range(1)}, {})
    fetcher = Fetcher(source)
    places = [BOTH, {ONE: behind(3), TWO: Place(0)}, {ONE: behind(5), TWO: Place(0)}]
    counts = [
        sum(map(len, offsets(fetcher.fetch(wanted(each, fill=each is not BOTH))).values()))
        for each in places
    ]
    assert counts == [3, 2, 1]
    assert len(source.frames) == 2
    assert len(source.headers) == 6
    assert all(each() is None for each in source.headers)


@pytest.mark.parametrize(("held", "waits"), [(100, [500, 400]), (4, [500, 0]), (3, [100, 0])])
def test_a_batch_behind_a_full_one_waits_longer_for_what_the_broker_has(
    held: int, waits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To be full, too: for what is still to come it waits a tenth of a second."""
    source = Scripted({ONE: range(3, 4)})
    source.held, source.takes_seconds = held, 0.1
    monkeypatch.setattr(fetching, "monotonic", lambda: source.clock)
    Fetcher(source).fetch(wanted({ONE: behind(3)}, fill=True))
    assert source.waits == waits


# --- on a broker, in two processes ----------------------------------------------------------------

MANY = 400


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "spare_core", lambda: True)


@pytest.fixture
def filled(topics: Topics) -> str:
    """A topic of one partition: good messages, and what is none, with headers and without."""
    topic = topics.new()
    with Producer(topics.address) as producer:
        for number in range(MANY):
            good = orjson.dumps(activation(f"c-{number}", AT))
            value = {0: b"{not json}", 7: None}.get(number % 50, good)
            producer.send(topic, value, STRUCTURED if number % 2 else [], key=f"c-{number}")
    return topic


def whole(fetched: Fetched) -> list[object]:
    """What can be compared of what came."""
    return [
        (
            told.following,
            at,
            offset,
            list(headers),
            value,
            str(each) if isinstance(each, Rejection) else each,
        )
        for at, told in fetched.told.items()
        for offset, headers, value, each in told.records()
    ]


def waiting(topic: str, place: int, most: int) -> Wanted:
    """Messages that are waited for a moment."""
    return wanted({Partition(topic, 0): Place(place)}, most)._replace(wait_ms=250)


def read(source: Fetching, topic: str, place: int, most: int = 150) -> Fetched:
    """What is there from a place on; asked until something is."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        source.ask(waiting(topic, place, most))
        fetched = source.answer()
        if fetched.told:
            return fetched
    raise AssertionError("nothing came")


def wait_for_the_other(source: Fetching) -> psutil.Process:
    """The other process, once it takes requests."""
    until = time.monotonic() + PATIENCE_S
    while source._beside.ready is None:
        assert time.monotonic() < until
        time.sleep(0.01)
    return psutil.Process(source._beside.ready._process.pid)


def test_what_the_other_process_fetches_is_what_is_fetched_here(
    kafka_broker: str, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the same place on, the same; and what is read on there was not read here."""
    monkeypatch.setattr(fetching, "WORTH_A_PROCESS", 150)
    with Fetching(Access([kafka_broker])) as source:
        here = read(source, filled, 0)
        wait_for_the_other(source)
        fetch, asked = Fetcher.fetch, list[Wanted]()

        def fetched_here(self: Fetcher, what: Wanted) -> Fetched:
            asked.append(what)
            return fetch(self, what)

        monkeypatch.setattr(Fetcher, "fetch", fetched_here)
        there = read(source, filled, 0)
        following = read(source, filled, 150, most=1000)
        assert asked == []
    assert whole(there) == whole(here)
    assert len(whole(here)) == 150
    (told,) = following.told.values()
    assert list(told.offsets) == list(range(150, 150 + len(told.offsets)))
    assert there.identities == here.identities
    assert there.ends == {Partition(filled, 0): MANY}


@pytest.fixture
def helped(
    kafka_broker: str, filled: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Fetching, psutil.Process]]:
    """One that has fetched a hundred messages here; what it is asked next goes to the other."""
    monkeypatch.setattr(fetching, "WORTH_A_PROCESS", 100)
    with Fetching(Access([kafka_broker])) as source:
        (told,) = read(source, filled, 0, most=100).told.values()
        assert list(told.offsets) == list(range(100))
        yield source, wait_for_the_other(source)


@pytest.mark.fault
def test_a_process_that_is_killed_loses_nothing(
    helped: tuple[Fetching, psutil.Process], filled: str
) -> None:
    """What it was asked for is fetched here, and so is all that follows."""
    source, process = helped
    process.suspend()
    source.ask(waiting(filled, 100, 100))
    process.kill()
    second = source.answer()
    second = second if second.told else read(source, filled, 100, most=100)
    third = read(source, filled, 200, most=100)
    told = [each for fetched in (second, third) for each in fetched.told.values()]
    assert [offset for each in told for offset in each.offsets] == list(range(100, 300))


def test_a_request_that_is_given_up_is_not_told_for_the_next(
    helped: tuple[Fetching, psutil.Process], filled: str
) -> None:
    """As when a worker is fenced with a batch on its way: it begins again where the ledger is."""
    source, _ = helped
    for place in (100, 0):
        source.ask(waiting(filled, place, 100))
    (told,) = read(source, filled, 50, most=10).told.values()
    assert list(told.offsets) == list(range(50, 60))


def test_what_the_other_process_cannot_read_is_told_here(
    helped: tuple[Fetching, psutil.Process], filled: str
) -> None:
    """A place that the broker does not have."""
    source, _ = helped
    with pytest.raises(LostPlace):
        read(source, filled, MANY + 5)
    assert len(whole(read(source, filled, 0, most=10))) == 10


def test_a_few_messages_are_worth_no_process(
    kafka_broker: str, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A consumer that takes them one by one for years starts none."""
    monkeypatch.setattr(fetching, "WORTH_A_PROCESS", 0)
    with Fetching(Access([kafka_broker])) as source:
        for place in range(5):
            read(source, filled, place, most=1)
        assert source._beside._process is None
