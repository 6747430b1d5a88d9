"""Records are read as kafka-python reads them: its own class is the oracle."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.protocol.consumer import IsolationLevel
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder
from kafka.record.util import calc_crc32c
from kafka.structs import TopicPartition

from ledger.ingest.kafka.records import PartitionRecords

HERE = TopicPartition("billing", 0)
HEADERS: list[tuple[str, bytes | None]] = [("content-type", b"application/cloudevents+json")]
TIME = 1_700_000_000_000
ABORT, COMMIT = struct.pack(">hh", 0, 0), struct.pack(">hh", 0, 1)
CONTROL = 0x20
ATTRIBUTES_AT, CRC_AT = 21, 17


class Sent(NamedTuple):
    """A record as a producer makes it."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    after: int = 0
    """Milliseconds after the first one of its batch."""


class Aborted(NamedTuple):
    """What an answer says of a transaction that was aborted."""

    producer_id: int
    first_offset: int


some_bytes = st.none() | st.binary(max_size=200)
headers = st.just(HEADERS) | st.lists(st.tuples(st.text(max_size=9), some_bytes), max_size=3)
records = st.lists(
    st.builds(Sent, some_bytes, some_bytes, headers, st.integers(0, 10**9)), min_size=1, max_size=9
)


def batch(
    sent: Sequence[Sent], offset: int, *, magic: int = 2, codec: int = 0, producer: int = -1
) -> bytes:
    """A batch as it stands in the broker's log; of a transaction if it has a producer."""
    own = {"transactional": True, "producer_id": producer, "producer_epoch": 0, "base_sequence": 0}
    builder = MemoryRecordsBuilder(magic, codec, 2**20, **(own if producer >= 0 else {}))
    for record in sent:
        told = list(record.headers) if magic == 2 else []
        assert builder.append(TIME + record.after, record.key, record.value, told)
    builder.close()
    made = bytearray(builder.buffer())
    if magic == 2:
        struct.pack_into(">q", made, 0, offset)
    return bytes(made)


def marker(offset: int, key: bytes, producer: int) -> bytes:
    """The end of a transaction."""
    made = bytearray(batch([Sent(key, bytes(6), [])], offset, producer=producer))
    made[ATTRIBUTES_AT + 1] |= CONTROL
    return signed(made)


def signed(made: bytearray) -> bytes:
    """A batch with the checksum that it should have."""
    struct.pack_into(">I", made, CRC_AT, calc_crc32c(memoryview(made)[ATTRIBUTES_AT:]))
    return bytes(made)


def read(
    kind: type, log: bytes, *, begin: int = 0, at_once: int = 4, aborted: Sequence[Aborted] = ()
) -> tuple[list[tuple[int, list[tuple[str, bytes | None]], bytes | None]], int, int]:
    """What a class makes of a part of a log, taken bit by bit; and where it goes on."""
    part: Any = kind(
        begin,
        HERE,
        MemoryRecords(log),
        isolation_level=IsolationLevel.READ_COMMITTED,
        aborted_transactions=aborted,
    )
    found = []
    while part:
        found += [(one.offset, list(one.headers), one.value) for one in part.take(at_once)]
    return found, part.next_fetch_offset, part.leader_epoch


def same(log: bytes, **how: Any) -> list[int]:
    """Assert that both read the same; its offsets."""
    ours = read(PartitionRecords, log, **how)
    assert ours == read(Fetcher.PartitionRecords, log, **how)
    return [offset for offset, _, _ in ours[0]]


@given(st.lists(records, min_size=1, max_size=4), st.sampled_from([0, 1]), st.integers(1, 9))
def test_all_that_stands_in_a_log_is_read(
    batches: list[list[Sent]], codec: int, at_once: int
) -> None:
    """Keys, values and headers that are there or not, compressed or not, taken in any pieces."""
    log, offset = b"", 7
    for sent in batches:
        log += batch(sent, offset, codec=codec)
        offset += len(sent)
    assert same(log, begin=7, at_once=at_once) == list(range(7, offset))


def test_reading_begins_in_the_middle_of_a_batch() -> None:
    """The broker sends batches whole."""
    log = batch([Sent(None, b"%d" % n, HEADERS) for n in range(10)], 100)
    assert same(log, begin=106) == [106, 107, 108, 109]


@pytest.mark.parametrize("magic", [0, 1])
def test_older_formats_are_read(magic: int) -> None:
    """They have no headers."""
    log = batch([Sent(b"k", b"%d" % n, []) for n in range(3)], 0, magic=magic)
    assert same(log) == [0, 1, 2]


def test_what_was_aborted_is_left_out_and_so_are_markers() -> None:
    """One producer aborts, then commits; another commits in between."""
    one = [Sent(None, b"1", HEADERS), Sent(None, b"2", HEADERS)]
    log = (
        batch(one, 0, producer=1)
        + batch(one, 2, producer=2)
        + marker(4, ABORT, 1)
        + batch(one, 5, producer=1)
        + marker(7, COMMIT, 2)
        + marker(8, COMMIT, 1)
    )
    assert same(log, aborted=[Aborted(1, 0)]) == [2, 3, 5, 6]
    assert read(PartitionRecords, log, aborted=[Aborted(1, 0)])[1] == 9


def test_a_batch_whose_checksum_is_wrong_is_refused() -> None:
    """What stands before it is read first."""
    good, bad = batch([Sent(None, b"1", [])], 0), bytearray(batch([Sent(None, b"2", [])], 1))
    bad[-3] ^= 1
    part = PartitionRecords(0, HERE, MemoryRecords(good + bytes(bad)))
    assert [one.offset for one in part.take(5)] == [0]
    with pytest.raises(CorruptRecordError):
        part.take(5)


@given(records, st.integers(min_value=0), st.integers(0, 255))
def test_a_batch_that_is_no_batch_is_refused_or_read(
    sent: list[Sent], where: int, byte: int
) -> None:
    """A producer may send what it likes under a checksum that is right: nothing else is raised."""
    made = bytearray(batch(sent, 0))
    size = DefaultRecordBatch.HEADER_STRUCT.size
    made[size + where % (len(made) - size)] = byte
    with suppress(CorruptRecordError):
        assert len(read(PartitionRecords, signed(made))[0]) <= len(sent)
