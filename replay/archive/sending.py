"""Events of an archive on their way to the parts of it that are decided again, in Arrow batches.

What every engine does: a copy of each event for every part that reads it, then, with the events of
a part together and in order, the rows that deciding takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC

import pyarrow as pa

from replay.rerun.differences import Row
from replay.rerun.parts import Part, Readers

COLUMNS = (
    *("position", "originator_id", "topic", "state", "effective_at", "day", "source", "event_id"),
    *("partner_id", "client_id"),
)
"""What deciding reads of an event, in the order of :class:`~replay.rerun.differences.Row`."""
PART = "part"
"""The column before those: the number of the part that a copy is for."""

_ADDRESSED = ("originator_id", "topic", "partner_id", "client_id")


def sent(batches: Iterable[pa.RecordBatch], parts: Sequence[Part]) -> Iterator[pa.RecordBatch]:
    """Yield a copy of each event for every part that reads it; batches are of :data:`COLUMNS`."""
    readers = Readers(parts)
    for batch in batches:
        numbers: list[int] = []
        places: list[int] = []
        addressed = (batch.column(name).to_pylist() for name in _ADDRESSED)
        for place, address in enumerate(zip(*addressed, strict=True)):
            of = readers.of(*address)
            numbers += of
            places += [place] * len(of)
        copies = batch.take(pa.array(places, pa.int64()))
        yield pa.RecordBatch.from_arrays(
            [pa.array(numbers, pa.int32()), *copies.columns], names=[PART, *batch.schema.names]
        )


def arrived(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, Row]]:
    """Yield the number of the part and the event, as it is stored: JSON in bytes, UTC."""
    for batch in batches:
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            number, position, stream, topic, state, instant, *others = values
            at = instant.replace(tzinfo=UTC)
            yield number, Row(position, stream, topic, state.encode(), at, *others)
