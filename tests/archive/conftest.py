"""A ledger with closed months, and its archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.conftest import CopyOf
from tests.interfaces.commands import BILLING, Commands


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def closed(copy_of: CopyOf, capsys: pytest.CaptureFixture[str]) -> Commands:
    """Commands on a ledger with the hand-written billing file, closed through May 2026."""

    def fill(url: str) -> None:
        commands = Commands(url, capsys)
        commands.done("programme", "adopt", "izyinbox")
        commands.done("ingest", BILLING)
        commands.done("accrue", "--through", "2026-05-31")
        commands.done("close", "2026-05", "--acknowledge")
        commands.done("accrue", "--through", "2026-06-30")

    return Commands(copy_of("closed", fill), capsys)


@pytest.fixture
def archived(closed: Commands, tmp_path: Path) -> Path:
    """The archive of that ledger through its last close."""
    closed.done("archive", tmp_path / "archive")
    return tmp_path / "archive"
