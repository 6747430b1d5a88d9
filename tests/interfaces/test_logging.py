"""Log lines: canonical, one for each piece of work, without anybody's data."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog
from kafka.net.selector import NetworkSelector

from interfaces.logging import canonical_line, configure


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, object]]:
    """What was logged, line by line."""
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_piece_of_work_logs_one_json_line_where_there_is_no_terminal() -> None:
    """The fields known at the end are on it."""
    out = io.StringIO()
    configure(stream=out)
    with canonical_line("ingest", files=1) as line:
        line.add(accepted=3, rejected=0)
    (found,) = lines(out)
    duration = found.pop("duration_ms")
    assert isinstance(duration, int)
    assert str(found.pop("at")).endswith("Z")
    assert found == {
        "event": "ingest",
        "level": "info",
        "outcome": "ok",
        "files": 1,
        "accepted": 3,
        "rejected": 0,
    }


def test_a_failure_names_its_class_and_not_its_message() -> None:
    """A message may quote what came in; the log may not."""
    out = io.StringIO()
    configure(stream=out)

    def fail() -> None:
        with canonical_line("ingest"):
            raise ValueError("jeanne.martin@example.org is no partner id")

    with pytest.raises(ValueError, match="jeanne"):
        fail()
    (found,) = lines(out)
    assert found["outcome"] == "failed"
    assert found["error"] == "ValueError"
    assert "jeanne" not in out.getvalue()


def test_ctrl_c_is_told_apart_from_a_failure() -> None:
    """An operator who stops a command has not broken it."""
    out = io.StringIO()
    configure(stream=out)

    def interrupt() -> None:
        with canonical_line("ingest"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert [line["outcome"] for line in lines(out)] == ["stopped"]


def test_a_library_s_warning_is_a_line_like_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON where there is no terminal, with the library's name; less than a warning is none."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    out = io.StringIO()
    configure(stream=out)
    logging.getLogger("library.part").info("all is well")
    logging.getLogger("library.part").warning("slow: %d s", 3)
    (found,) = lines(out)
    assert str(found.pop("at")).endswith("Z")
    assert found == {"event": "slow: 3 s", "level": "warning", "logger": "library.part"}


def test_kafka_s_pace_is_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that took its loop long is how a backlog is read; what else the loop says is told."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    out = io.StringIO()
    configure(stream=out)
    selector = NetworkSelector(slow_task_threshold_secs=1e-9)

    async def told() -> None:
        logging.getLogger("kafka.net.selector").warning("a step ended")

    try:
        selector.run(told)
    finally:
        selector.close()
    assert [line["event"] for line in lines(out)] == ["a step ended"]


class _Writes(io.StringIO):
    """A stream that keeps what each write brought."""

    def __init__(self) -> None:
        super().__init__()
        self.each: list[str] = []

    def write(self, text: str, /) -> int:
        self.each.append(text)
        return super().write(text)


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_line_is_written_whole(
    style: Literal["console", "json"], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads log side by side: nothing comes between a line's text and its end."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    out = _Writes()
    configure(stream=out, style=style)
    with canonical_line("consume"):
        logging.getLogger("library.part").warning("slow")
    assert len(out.each) == len(out.getvalue().splitlines()) == 2
    assert all(text.endswith("\n") for text in out.each)


def test_the_level_is_kept() -> None:
    """Above info, work that went well is silent."""
    out = io.StringIO()
    configure(stream=out, level="warning")
    with canonical_line("ingest"):
        pass
    assert out.getvalue() == ""


def test_console_lines_are_for_reading() -> None:
    """Asked for, or on a terminal: no JSON."""
    out = io.StringIO()
    configure(stream=out, style="console")
    with canonical_line("ingest", accepted=3):
        pass
    assert "accepted=3" in out.getvalue()
    assert not out.getvalue().startswith("{")
