"""Log lines: one canonical line for each command or batch, for people or for machines.

A line has an event, a level, a time and plain figures. It never carries a person's data: what an
event holds is referred to by position and count, ids of partners and clients stay out of the log.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TextIO

import orjson
import structlog

if TYPE_CHECKING:
    from structlog.typing import Processor

Value = str | int | float | bool | None
"""What a field of a log line may be: figures and codes, nothing nested."""


def configure(
    *,
    level: str = "info",
    style: Literal["auto", "console", "json"] = "auto",
    stream: TextIO | None = None,
) -> None:
    """Send log lines to a stream (standard error): readable on a terminal, JSON elsewhere."""
    out = stream if stream is not None else sys.stderr
    console = style == "console" or (style == "auto" and out.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    if console:
        last: list[Processor] = [structlog.dev.ConsoleRenderer(colors=out.isatty())]
    else:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_json)]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        # A line is one write: between its text and a line feed written after it, another thread's
        # line, or a library's, may come.
        logger_factory=structlog.WriteLoggerFactory(out),
        # A test or a second command of one process may configure anew.
        cache_logger_on_first_use=False,
    )
    # Libraries log through the standard library: only their warnings are worth a line, and that is
    # one like ours, since what reads the log reads JSON alone.
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger(_KAFKA_LOOP).addFilter(_is_of_no_pace)


_KAFKA_LOOP = "kafka.net.selector"


def _is_of_no_pace(record: logging.LogRecord) -> bool:
    """Whether a line of kafka-python's loop tells of something else than a slow step.

    It takes a step of a tenth of a second for a loop that hangs. An answer of megabytes takes that
    on a busy machine, and a backlog has many: nobody has anything to do about it.
    """
    return "blocking the event loop" not in record.getMessage()


class Line:
    """One canonical line while its command or batch runs: fields are added as they are known."""

    def __init__(self) -> None:
        self._fields: dict[str, Value] = {}

    def add(self, **fields: Value) -> None:
        """Add fields to the line, or replace them."""
        self._fields |= fields

    @property
    def fields(self) -> dict[str, Value]:
        """What the line holds so far."""
        return dict(self._fields)


@contextmanager
def canonical_line(event: str, **fields: Value) -> Iterator[Line]:
    """Log one line when the block ends, with its outcome and duration, whatever happens in it.

    ``outcome`` is ``ok``, ``stopped`` (Ctrl-C, or an exit by status) or ``failed``; a failure names
    the class of its error, never its message, which may quote what came in.
    """
    line = Line()
    line.add(**fields)
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    began = time.monotonic()

    def spent() -> int:
        return round((time.monotonic() - began) * 1000)

    try:
        yield line
    except Exception as error:
        logger.error(  # noqa: TRY400 - a traceback quotes what came in
            event,
            outcome="failed",
            error=type(error).__name__,
            duration_ms=spent(),
            **line.fields,
        )
        raise
    except BaseException:
        logger.info(event, outcome="stopped", duration_ms=spent(), **line.fields)
        raise
    logger.info(event, outcome="ok", duration_ms=spent(), **line.fields)


@contextmanager
def silent(library: str) -> Iterator[None]:
    """Keep a library from telling of each attempt at what is told once when all have failed."""
    logger = logging.getLogger(library)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _json(line: object, **_: object) -> str:
    return orjson.dumps(line, default=str).decode()
