"""``commissions consume`` from end to end: a real broker, a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.interfaces.commands import Commands
from tests.kafka.conftest import arguments, consume
from tests.kafka.producing import Producer, activation, binary
from tests.kafka.topics import Topics


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
    nothing = commissions.done(*arguments(topics, topic), "--format", "table").out
    assert "accepted 0, " in nothing
    assert nothing.endswith("; no batch came\n")
    with Producer(topics.address) as producer:
        producer.structured(topic, activation("c-more", at))
    assert consume(commissions, topics, topic)["accepted"] == 1
    commissions.done("verify")
