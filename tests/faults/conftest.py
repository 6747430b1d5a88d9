"""A group of workers on a ledger and a topic of their own, and who judges what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.consuming import Group, Oracle, other_ledger
from tests.interfaces.commands import Commands
from tests.kafka.topics import Topics


@pytest.fixture
def group(
    ledger_database_url: str, topics: Topics, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Group]:
    """Workers to be started on a ledger that has adopted the reference programme."""
    Commands(ledger_database_url, capsys).done("programme", "adopt", "izyinbox")
    made = Group(ledger_database_url, topics, topics.new(partitions=4), tmp_path)
    yield made
    made.end()


@pytest.fixture
def oracle(
    server_url: str, ledger_template: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Oracle]:
    """Compares with a ledger to which nothing happened."""
    with other_ledger(server_url, ledger_template) as url:
        yield Oracle(url, capsys, tmp_path)
