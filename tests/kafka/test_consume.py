"""``commissions consume`` from end to end: a real broker, a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.interfaces.commands import Commands
from tests.kafka.producing import Producer, activation, binary
from tests.kafka.topics import Topics


@pytest.fixture
def commissions(ledger_database_url: str, capsys: pytest.CaptureFixture[str]) -> Commands:
    """Commands on a ledger that has adopted the reference programme."""
    commands = Commands(ledger_database_url, capsys)
    commands.done("programme", "adopt", "izyinbox")
    return commands


def consume(commands: Commands, topics: Topics, *topic: str, idle: float = 0.5) -> dict[str, int]:
    """Consume all there is; the counts."""
    named = [part for name in topic for part in ("--topic", name)]
    outcome = commands.done(
        *("consume", "--bootstrap-servers", topics.address, *named),
        *("--until-idle", str(idle), "--format", "json"),
    )
    return {name: int(value) for name, value in outcome.json.items()}


def test_facts_of_both_content_modes_are_recorded_once(
    commissions: Commands, topics: Topics
) -> None:
    """What was consumed is not consumed again, and what was told twice counts once."""
    topic = topics.new(partitions=3)
    at = datetime(2026, 1, 5, 10, tzinfo=UTC)
    events = [activation(f"c-{n}", at) for n in range(40)]
    with Producer(topics.address) as producer:
        for n, event in enumerate(events):
            if n % 2:
                producer.structured(topic, event)
            else:
                value, headers = binary(event)
                producer.send(topic, value, headers)
        producer.structured(topic, events[0])
    counts = consume(commissions, topics, topic)
    assert counts["accepted"] == 40
    assert counts["duplicates"] == 1
    assert counts["rejected"] == counts["quarantined"] == 0
    assert consume(commissions, topics, topic)["accepted"] == 0
    with Producer(topics.address) as producer:
        producer.structured(topic, activation("c-more", at))
    assert consume(commissions, topics, topic)["accepted"] == 1
    commissions.done("verify")
