"""Reads JSON Lines, from files or standard input, as batches of messages in line order.

Memory is bounded whatever a file holds: a batch ends at a number of messages or of bytes, at most
four batches exist at a time, and of a line that is too long only the first part is kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import BinaryIO

from events.envelope import HORIZON_DAYS, MAX_BYTES
from events.errors import Rejection
from ledger.application import CommissionLedger
from ledger.dead_letters import Incoming
from ledger.ingest.decoding import BYTES_WORTH_A_PROCESS, WORTH_A_PROCESS, Decoded, Decoder
from ledger.recording import Recording

BATCH_MESSAGES = 5_000
"""The most messages of one batch."""

BATCH_BYTES = 16 * 2**20
"""A batch ends with the line that reaches this size, however few its messages are."""

_CHUNK_BYTES = 2**16
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Source:
    """A stream of lines; ``name`` stands in origins, as in ``billing.jsonl:12``."""

    name: str
    stream: BinaryIO


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages in line order; ``read_bytes`` counts all that was read so far, over all sources."""

    messages: Sequence[Incoming]
    read_bytes: int


def batches(
    sources: Iterable[Source],
    *,
    batch_messages: int = BATCH_MESSAGES,
    horizon_days: int = HORIZON_DAYS,
    known_bytes: int = 0,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[Batch]:
    """Read all sources, one after the other, in the order in which recording has to happen.

    The next batch is read and decoded in a thread while the caller works on the one before. Blank
    lines are skipped. ``known_bytes`` are those that the sources are known to hold; ``now`` tells
    when a batch is received.
    """
    worth_a_process = 0 if known_bytes >= BYTES_WORTH_A_PROCESS else WORTH_A_PROCESS
    decoder = Decoder(horizon_days, worth_a_process=worth_a_process)
    yield from _ahead(_read(sources, batch_messages, decoder, now))


def _ahead(reading: Iterator[Batch]) -> Iterator[Batch]:
    """Take the next batch in a thread while the caller has the one before.

    The thread is a daemon: one that waits for standard input keeps nobody from leaving.
    """
    answers: SimpleQueue[Batch | BaseException | None] = SimpleQueue()
    wanted = Semaphore(1)
    left = False

    def read() -> None:
        batch: Batch | None
        while True:
            wanted.acquire()
            if left:
                return
            try:
                batch = next(reading, None)
            except BaseException as error:  # noqa: BLE001 - raised again where the caller stands
                answers.put(error)
                return
            answers.put(batch)
            if batch is None:
                return

    Thread(target=read, name="decode", daemon=True).start()
    try:
        while (answer := answers.get()) is not None:
            if isinstance(answer, BaseException):
                raise answer
            wanted.release()
            yield answer
    finally:
        left = True
        wanted.release()


def _read(
    sources: Iterable[Source],
    batch_messages: int,
    decoder: Decoder,
    now: Callable[[], datetime],
) -> Iterator[Batch]:
    origins: list[str] = []
    payloads: list[bytes] = []
    size = total = 0
    received_at = now()
    with decoder as decode:

        def batch() -> Batch:
            return Batch(
                list(map(_incoming, origins, payloads, decode(payloads, received_at))), total
            )

        for source in sources:
            for number, line, length in lines(source.stream):
                total += length
                if not line.strip():
                    continue
                size += len(line)
                origins.append(f"{source.name}:{number}")
                payloads.append(line)
                if len(payloads) >= batch_messages or size >= BATCH_BYTES:
                    yield batch()
                    origins, payloads, size = [], [], 0
                    received_at = now()
        if payloads:
            yield batch()


def lines(stream: BinaryIO) -> Iterator[tuple[int, bytes, int]]:
    """Yield each line as (number from 1, its bytes without the line end, its length as read).

    Of a line longer than a message may be, the first ``MAX_BYTES`` + 1 bytes are kept: enough to
    see that it is too long.
    """
    number = 0
    while line := stream.readline(MAX_BYTES + 2):
        number += 1
        length = len(line)
        if not line.endswith(b"\n") and length > MAX_BYTES:
            length += _skip_line(stream)
            line = line[: MAX_BYTES + 1]
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        yield number, line.rstrip(b"\r\n"), length


def _skip_line(stream: BinaryIO) -> int:
    """Read to the end of the line, keeping nothing; gives the number of bytes."""
    skipped = 0
    while part := stream.readline(_CHUNK_BYTES):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped


def _incoming(origin: str, line: bytes, decoded: Decoded) -> Incoming:
    if isinstance(decoded, Rejection):
        return Incoming(origin, line, rejection=decoded)
    return Incoming(origin, line, message=decoded)


def recorded(ledger: CommissionLedger, read: Iterable[Batch]) -> Iterator[tuple[Batch, Recording]]:
    """Record batches as they are read; gives each with what became of it, in their order."""
    under_way: deque[Batch] = deque()

    def messages() -> Iterator[Sequence[Incoming]]:
        for batch in read:
            under_way.append(batch)
            yield batch.messages

    for recording in ledger.record_all(messages()):
        yield under_way.popleft(), recording
