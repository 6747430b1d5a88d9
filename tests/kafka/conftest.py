"""A ledger to consume into, and consuming all there is."""

from __future__ import annotations

import pytest

from tests.interfaces.commands import Commands
from tests.kafka.topics import Topics


@pytest.fixture
def commissions(ledger_database_url: str, capsys: pytest.CaptureFixture[str]) -> Commands:
    """Commands on a ledger that has adopted the reference programme."""
    commands = Commands(ledger_database_url, capsys)
    commands.done("programme", "adopt", "izyinbox")
    return commands


def arguments(topics: Topics, *topic: str, idle: float = 0.5) -> list[str]:
    """The command that consumes all there is."""
    named = [part for name in topic for part in ("--topic", name)]
    start = ["consume", "--bootstrap-servers", topics.address, *named, "--group", topics.group]
    return [*start, "--until-idle", str(idle), "--format", "json"]


def consume(commands: Commands, topics: Topics, *topic: str, accept: str = "") -> dict[str, int]:
    """Consume all there is; the counts."""
    accepted = ["--accept-gap", accept] if accept else []
    outcome = commands.done(*arguments(topics, *topic), *accepted)
    return {name: int(value) for name, value in outcome.json.items()}
