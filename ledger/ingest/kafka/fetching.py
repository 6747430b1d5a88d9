"""What is read of a log: filled into batches and decoded, in another process once it is much.

A request says all of it, from which places on as well, so that nothing depends on what was asked
before: what the other process does not do, ready or not, alive or killed, is done here, with the
same result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any, NamedTuple, Protocol, Self

from ledger.collecting import collect_young
from ledger.ingest.beside import Beside, OnceWorthIt
from ledger.ingest.decoding import WORTH_A_PROCESS, WORTH_SENDING, decode_here, packed, unpacked
from ledger.ingest.kafka.access import Access
from ledger.ingest.kafka.history import Identity, Partition, Place
from ledger.ingest.kafka.log import BrokerRefused, Log, LostPlace
from ledger.ingest.kafka.messages import Record, Told, told_of

BATCH_BYTES = 16 * 2**20
"""A batch ends with the poll that reaches this size, however few its messages are."""

_FILL_MS = 100
"""How long a batch behind a full one waits to be full, too: what is to come is on its way."""

_BEHIND_MS = 500
"""How long it waits, all polls together, while the broker has more: a machine may be slow."""

_COLLECT_MESSAGES = 100_000
"""Messages after which young garbage is collected: what kafka-python leaves in cycles."""


class Wanted(NamedTuple):
    """What is wanted: of which partitions, each from a place on, and how many messages at most.

    The first poll waits for ``wait_ms``; what it finds is enough, so a batch is one message when
    they are few. To ``fill`` a batch all polls wait, for as long together. ``received_at`` is when
    what is read counts as received.
    """

    places: Mapping[Partition, Place]
    most: int
    wait_ms: int
    fill: bool
    received_at: datetime
    horizon_days: int


class Fetched(NamedTuple):
    """What came: by partition, the bytes of its values, and whether a limit ended it.

    Of each partition that was wanted: the offset behind its last message, as far as is known; and
    where nothing came, the place up to which it was read. Of each topic what it is.
    """

    told: Mapping[Partition, Told]
    size: int
    is_full: bool
    ends: Mapping[Partition, int | None]
    positions: Mapping[Partition, Place | None]
    identities: Mapping[str, Identity | None]


class Source(Protocol):
    """What is read; a :class:`~ledger.ingest.kafka.log.Log`."""

    def read_on(self, places: Mapping[Partition, Place], moved: Mapping[Partition, Place]) -> None:
        """Read these partitions and no others, those that are moved from there."""

    def poll(self, wait_ms: int, most: int) -> Mapping[Partition, Sequence[Record]]:
        """What is there."""

    def end(self, at: Partition) -> int | None:
        """The offset behind the last that may be read."""

    def position(self, at: Partition) -> Place | None:
        """The place that is read next."""

    def identity(self, topic: str) -> Identity | None:
        """What a topic is."""


@dataclass(slots=True)
class _Polled:
    """Records by partition, how many, and the bytes of their values."""

    records: dict[Partition, list[Record]] = field(default_factory=dict)
    count: int = 0
    size: int = 0

    def add(self, found: Mapping[Partition, Sequence[Record]]) -> None:
        """Take over what one poll found."""
        for at, records in found.items():
            self.records.setdefault(at, []).extend(records)
            self.count += len(records)
            self.size += sum(len(record.value or b"") for record in records)


class Fetcher:
    """Answers one request after the other from a source.

    kafka-python keeps the frames of a poll that timed out, those of its callers among them, until
    garbage is collected: what was polled is in none of their variables.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._places: dict[Partition, Place] = {}
        self._polled = _Polled()
        self._refusal: BrokerRefused | None = None
        self._uncollected = 0

    def fetch(self, wanted: Wanted) -> Fetched:
        """What there is, up to the limits. Raises LostPlace and BrokerRefused."""
        self._go_to(wanted.places)
        # Unknown until what was polled is taken: should that fail, all is read again.
        self._places, self._polled = {}, _Polled()
        return self._taken(wanted, is_full=self._gather(wanted))

    def rest(self) -> None:
        """Read nothing, and keep nothing of what was read ahead."""
        self._go_to({})

    def _go_to(self, places: Mapping[Partition, Place]) -> None:
        """Be where it is wanted; what stands there already is read on."""
        if places == self._places:
            return
        moved = {at: place for at, place in places.items() if self._places.get(at) != place}
        self._source.read_on(places, moved)
        self._places = dict(places)

    def _gather(self, wanted: Wanted) -> bool:
        """Poll until a limit is reached, which is told, or nothing more is there."""
        wait_ms, began = wanted.wait_ms, monotonic()
        while self._poll(
            self._patience_ms(wanted, began) if wanted.fill else wait_ms,
            wanted.most - self._polled.count,
        ):
            if self._polled.count >= wanted.most or self._polled.size >= BATCH_BYTES:
                return True
            wait_ms = 0
        return False

    def _taken(self, wanted: Wanted, *, is_full: bool) -> Fetched:
        """What was polled, decoded."""
        polled, self._polled = self._polled, _Polled()
        told: dict[Partition, Told] = {}
        places = dict(wanted.places)
        for at, records in polled.records.items():
            payloads = [(record.headers, record.value) for record in records]
            decoded = decode_here(payloads, wanted.received_at, wanted.horizon_days)
            told[at] = told_of(records, decoded)
            places[at] = told[at].following
        self._places = places
        self._uncollected += polled.count
        if self._uncollected >= _COLLECT_MESSAGES:
            self._uncollected = 0
            collect_young()
        source, ours = self._source, wanted.places
        return Fetched(
            told,
            polled.size,
            is_full,
            {at: source.end(at) for at in ours},
            {at: source.position(at) for at in ours} if not told else {},
            {topic: source.identity(topic) for topic in {at.topic for at in ours}},
        )

    def _poll(self, wait_ms: int, most: int) -> bool:
        """Add what is told to what was; whether there was anything."""
        if self._refusal is None:
            try:
                found = self._source.poll(wait_ms, most)
            except BrokerRefused as refusal:
                # What was read before comes first. Asked once more, the client may never answer.
                self._refusal = refusal
        if self._refusal is not None:
            if not self._polled.count:
                raise self._refusal
            return False
        self._polled.add(found)
        return bool(found)

    def _patience_ms(self, wanted: Wanted, began: float) -> int:
        """How long a batch that was begun at an instant still waits to be full."""
        longest = _BEHIND_MS if self._is_behind(wanted.places) else _FILL_MS
        return max(0, longest - round(1000 * (monotonic() - began)))

    def _is_behind(self, places: Mapping[Partition, Place]) -> bool:
        """Whether the broker has more than was polled, by its last answers."""
        for at, place in places.items():
            records = self._polled.records.get(at)
            end = self._source.end(at)
            if end is not None and end > (records[-1].offset + 1 if records else place.offset):
                return True
        return False


class Fetching:
    """Has requests answered: here, and in another process once that is worth it. A context.

    One request is under way at a time: its answer is taken before the next is asked, or it is
    given up by that. Raises BrokerRefused when no broker lets us in.
    """

    def __init__(self, access: Access) -> None:
        self._log = Log(access)
        self._here = Fetcher(self._log)
        self._beside = OnceWorthIt(__name__, WORTH_A_PROCESS, access)
        self._wanted: Wanted | None = None
        self._asked: Beside | None = None

    def ask(self, wanted: Wanted) -> None:
        """Have something read, which may be done while something else is."""
        if self._asked is not None:
            self._asked.told()
        self._wanted, process = wanted, self._beside.ready
        self._asked = process if process is not None and process.give(wanted) else None
        if self._asked is not None:
            self._here.rest()

    def answer(self) -> Fetched:
        """What came of what was asked last. Raises LostPlace and BrokerRefused."""
        assert self._wanted is not None
        process, self._asked = self._asked, None
        told = process.told() if process is not None else None
        if told is None:
            return self._counted(self._here.fetch(self._wanted))
        if isinstance(told, Exception):
            raise told
        return self._counted(_each(told, unpacked))

    def _counted(self, fetched: Fetched) -> Fetched:
        """The same; who is told of a few at a time, for years, is worth no process."""
        messages = sum(len(told.offsets) for told in fetched.told.values())
        if messages >= WORTH_SENDING:
            self._beside.count(messages)
        return fetched

    def __enter__(self) -> Self:
        """Nothing is read yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the broker; the other process ends, if there is one."""
        self._beside.end()
        self._log.close()


def _each(fetched: Fetched, change: Callable[[Any], Any]) -> Fetched:
    """The same with each message made fit for the other process, or made whole again."""
    told = {
        at: told._replace(decoded=[change(each) for each in told.decoded])
        for at, told in fetched.told.items()
    }
    return fetched._replace(told=told)


def begin(access: Access) -> Callable[[Wanted], Fetched | Exception]:
    """What the other process does: it reads for itself, by what it is asked."""
    fetcher = Fetcher(Log(access))

    def answer(wanted: Wanted) -> Fetched | Exception:
        try:
            return _each(fetcher.fetch(wanted), packed)
        except (LostPlace, BrokerRefused) as error:
            return error.with_traceback(None)

    return answer
