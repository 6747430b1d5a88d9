"""JSON Lines as batches: line order, numbers, limits, bounded memory."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from threading import Event

import pytest

from events.envelope import MAX_BYTES
from ledger.dead_letters import Incoming
from ledger.ingest.files import Batch, Source, batches, lines

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def message(number: int, **more: object) -> bytes:
    """A valid message; ``more`` are further attributes."""
    event = {
        "specversion": "1.0",
        "id": f"m-{number}",
        "source": "/billing",
        "type": "portal.visited",
        "time": "2026-05-01T10:00:00Z",
        "data": {"partner_id": "p-1"},
        **more,
    }
    return json.dumps(event).encode()


def read(*contents: bytes, batch_messages: int = 5_000) -> list[Batch]:
    """The batches of files named a, b, ..."""
    sources = [
        Source(chr(ord("a") + at), io.BytesIO(content)) for at, content in enumerate(contents)
    ]
    return list(batches(sources, batch_messages=batch_messages, now=lambda: NOW))


def all_of(found: list[Batch]) -> list[Incoming]:
    """The messages of all batches."""
    return [incoming for batch in found for incoming in batch.messages]


def test_lines_keep_their_order_and_numbers_over_files_and_batches() -> None:
    """Blank lines count in the numbers; the last line needs no end."""
    first = b"\n".join([message(1), b"", b"   ", message(2)]) + b"\n\n"
    second = b"\r\n".join([message(3), message(4), message(5)])
    found = read(first, second, batch_messages=2)
    assert [incoming.origin for incoming in all_of(found)] == ["a:1", "a:4", "b:1", "b:2", "b:3"]
    ids = [incoming.message.id for incoming in all_of(found) if incoming.message]
    assert ids == ["m-1", "m-2", "m-3", "m-4", "m-5"]
    assert [len(batch.messages) for batch in found] == [2, 2, 1]
    assert found[-1].read_bytes == len(first) + len(second)


def test_nothing_gives_no_batch() -> None:
    """Nor do blank lines."""
    assert read() == []
    assert read(b"", b"\n\n \n") == []


def test_a_byte_order_mark_is_no_part_of_a_message() -> None:
    """As some systems write one at the beginning of a file."""
    (incoming,) = all_of(read(b"\xef\xbb\xbf" + message(1)))
    assert incoming.message is not None


def test_bad_lines_are_rejected_one_by_one() -> None:
    """The others are decoded; payloads are kept as they came."""
    bad = [b"{not json}", b"[]", b"\xff\xfe", message(2, type="no.such"), message(3, time="now")]
    found = all_of(read(b"\n".join([message(1), *bad, message(9)])))
    assert [incoming.rejection is None for incoming in found] == [True, *[False] * 5, True]
    codes = [incoming.rejection.code for incoming in found if incoming.rejection]
    assert codes == ["not_json", "not_cloudevent", "not_json", "unknown_type", "wrong_time"]
    assert [incoming.payload for incoming in found[1:6]] == bad


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("over", [-1, 0, 1, 100_000])
def test_a_message_has_at_most_1_mib(over: int, end: bytes) -> None:
    """To the byte, and whatever ends the line; the line after it is read as ever."""
    empty = message(1, subject="")
    long = message(1, subject="x" * (MAX_BYTES + over - len(empty)))
    assert len(long) == MAX_BYTES + over
    content = long + end + (message(2) if end else b"")
    found = all_of(read(content))
    if over > 0:
        assert found[0].rejection is not None
        assert found[0].rejection.code == "too_large"
        assert len(found[0].payload) == MAX_BYTES + 1
    else:
        assert found[0].message is not None
    if end:
        assert (found[1].origin, found[1].message is None) == ("a:2", False)


class _Endless(io.RawIOBase):
    """One line without an end, of so many bytes, made while it is read."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        count = min(len(view), self._left)
        view[:count] = b"x" * count
        self._left -= count
        return count


def test_a_line_without_end_takes_no_memory() -> None:
    """Half a gibibyte is counted, not kept."""
    size = 2**29
    stream = io.BufferedReader(_Endless(size))
    tracemalloc.start()
    try:
        ((number, kept, length),) = list(lines(stream))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (number, len(kept), length) == (1, MAX_BYTES + 1, size)
    assert peak < 8 * 2**20


def test_a_batch_is_bounded_in_bytes_too() -> None:
    """Messages of nearly 1 MiB do not pile up to thousands."""
    large = message(1, subject="x" * (MAX_BYTES - 500)) + b"\n"
    found = read(large * 40)
    assert max(len(batch.messages) for batch in found) <= 17
    assert sum(len(batch.messages) for batch in found) == 40


def test_memory_stays_flat_however_long_the_file() -> None:
    """Of a stream of lines that never were in memory together."""

    def peak_of(count: int) -> int:
        class Lines(io.RawIOBase):
            def __init__(self) -> None:
                self._numbers: Iterator[int] = iter(range(count))

            def readable(self) -> bool:
                return True

            def readinto(self, buffer: object) -> int:
                number = next(self._numbers, None)
                if number is None:
                    return 0
                text = message(number) + b"\n"
                memoryview(buffer)[: len(text)] = text  # type: ignore[arg-type]
                return len(text)

        tracemalloc.start()
        try:
            source = Source("-", io.BufferedReader(Lines()))
            for batch in batches([source], batch_messages=100, now=lambda: NOW):
                assert len(batch.messages) <= 100
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak_of(4_000) < 1.5 * peak_of(800)


def test_the_next_batch_is_decoded_while_this_one_is_worked_on() -> None:
    """And no more than the next one: at most two exist."""
    asked: list[int] = []
    decoded = Event()

    class Watched(io.BytesIO):
        def readline(self, size: int | None = -1) -> bytes:
            line = super().readline(size)
            asked.append(self.tell())
            if len(asked) >= 2:
                decoded.set()
            return line

    stream = Watched(b"\n".join(message(number) for number in range(10)))
    going = batches([Source("a", stream)], batch_messages=1, now=lambda: NOW)
    next(going)
    assert decoded.wait(timeout=10)
    assert len(asked) <= 3
    going.close()  # type: ignore[attr-defined]


def test_an_error_of_reading_reaches_the_caller() -> None:
    """After the batches before it."""

    class Broken(io.BytesIO):
        def readline(self, size: int | None = -1) -> bytes:
            line = super().readline(size)
            if not line:
                raise OSError(5, "the disk is gone")
            return line

    going = batches([Source("a", Broken(message(1) + b"\n"))], batch_messages=1, now=lambda: NOW)
    assert len(next(going).messages) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(going)


def test_each_batch_is_received_when_it_is_read() -> None:
    """The horizon of an instant is counted from then."""
    moments = iter([datetime(2024, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)] * 2)
    content = message(1) + b"\n" + message(2)
    source = Source("a", io.BytesIO(content))
    found = all_of(list(batches([source], batch_messages=1, now=lambda: next(moments))))
    assert found[0].rejection is not None
    assert found[1].message is not None


def test_all_is_read_in_order_of_the_batches() -> None:
    """The count of bytes only grows."""
    found = read(b"\n".join(message(number) for number in range(50)), batch_messages=7)
    assert all(before.read_bytes < after.read_bytes for before, after in pairwise(found))
