"""A story on a fresh ledger under the reference programme."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.interfaces.commands import Commands
from tests.stories.telling import Story


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def story(ledger_database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Story:
    """A ledger that has adopted the reference programme and knows nothing else."""
    story = Story(Commands(ledger_database_url, capsys), tmp_path)
    story.does("programme", "adopt", "izyinbox")
    return story
