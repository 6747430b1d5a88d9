"""Reads the records that the broker sent: what a worker needs of each, and no more.

kafka-python makes two objects of a record and calls some twenty functions for it, which takes a
seventh of what a fact costs in all. Here a record of format 2 is read in one place, and headers
that are those of the record before, as those of one producer mostly are, are read once. Batches,
checksums, compression, markers of transactions and older formats are kafka-python's as before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record.util import decode_varint
from kafka.structs import TopicPartition

from events.binary import Headers

_FORMAT_2 = 2


class Fetched(NamedTuple):
    """A record; see :class:`~ledger.ingest.kafka.messages.Record`."""

    offset: int
    headers: Headers
    value: bytes | None


class PartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]
    """One partition's part of an answer, without what was aborted.

    In place of kafka-python's class of that name in a consumer's fetcher. Raises CorruptRecordError
    as that does.
    """

    def _unpack_records(
        self, tp: TopicPartition, records: Any, *_deserializers: object
    ) -> Iterator[Fetched]:
        batch: Any = None
        while records.has_next():
            batch = records.next_batch()
            if not batch.validate_crc():
                raise CorruptRecordError(f"the batch at {tp}, offset {batch.base_offset}")
            if batch.magic == _FORMAT_2:
                self.leader_epoch = batch.leader_epoch
                if self._is_left_out(batch):
                    self.next_fetch_offset = batch.next_offset
                    continue
            for record in _records(batch):
                self.next_fetch_offset = record.offset + 1
                yield record
        if batch is not None and batch.magic == _FORMAT_2:
            # Its last record may be gone.
            self.next_fetch_offset = batch.next_offset
        self.drain()

    def _is_left_out(self, batch: Any) -> bool:
        """Whether a batch is a marker, or of a transaction that was aborted."""
        if batch.has_producer_id():
            self._consume_aborted_transactions_up_to(batch.last_offset)
            if self._contains_abort_marker(batch):
                self.aborted_producer_ids.discard(batch.producer_id)
            elif self._is_batch_aborted(batch):
                return True
        return bool(batch.is_control_batch)


def _records(batch: Any) -> Iterator[Fetched]:
    if batch.magic < _FORMAT_2:
        return (Fetched(record.offset, (), record.value) for record in batch)
    iter(batch)  # uncompressed by that, if it was compressed
    buffer, position = bytes(batch._buffer), batch._pos  # noqa: SLF001 - there is no other way
    return _unpacked(buffer, position, batch.records_count, batch.base_offset)


def _unpacked(buffer: bytes, position: int, count: int, base_offset: int) -> Iterator[Fetched]:
    """The records of a batch: lengths are zigzag varints, -1 says that there is nothing."""
    packed_headers = b""
    headers: Headers = ()
    try:
        for _ in range(count):
            length, position = decode_varint(buffer, position)
            end = position + length
            # A byte of attributes, none of which is in use, then the time.
            _, position = decode_varint(buffer, position + 1)
            offset, position = decode_varint(buffer, position)
            size, position = decode_varint(buffer, position)
            if size > 0:
                position += size  # the key
            size, position = decode_varint(buffer, position)
            value = None
            if size >= 0:
                value = buffer[position : position + size]
                position += size
            packed = buffer[position:end]
            if packed != packed_headers:
                packed_headers, headers = packed, _headers(packed)
            if not position < end <= len(buffer):
                raise CorruptRecordError(f"a record at offset {base_offset + offset} has no end")
            position = end
            yield Fetched(base_offset + offset, headers, value)
    except (ValueError, IndexError) as error:
        raise CorruptRecordError(f"a record of the batch at offset {base_offset}") from error
    if position != len(buffer):
        raise CorruptRecordError(f"the batch at offset {base_offset} holds more than its records")


def _headers(packed: bytes) -> Headers:
    """Headers, behind their number: names in UTF-8, and values that may be nothing."""
    count, position = decode_varint(packed, 0)
    headers: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        size, position = decode_varint(packed, position)
        if size < 0:
            raise ValueError("a header has no name")
        name = packed[position : position + size].decode()
        size, position = decode_varint(packed, position + size)
        value = None
        if size >= 0:
            value = packed[position : position + size]
            position += size
        headers.append((name, value))
    if count < 0 or position != len(packed):
        raise ValueError("headers have no end")
    return headers
