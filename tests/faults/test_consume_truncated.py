"""A broker that comes back without the end of its log, and is told more: offsets are in range.

As after a power cut, or when a replica that lagged behind was made the leader.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.faults.consuming import Group, Oracle, story, until
from tests.interfaces.commands import Commands
from tests.kafka.broker import Broker
from tests.kafka.conftest import arguments, consume
from tests.kafka.producing import STRUCTURED, Event, transactional
from tests.kafka.test_history import accepted_gaps
from tests.kafka.topics import Topics

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]


@pytest.fixture
def topics(own_broker: Broker) -> Iterator[Topics]:
    """The topics of that broker."""
    made = Topics(own_broker.address)
    yield made
    made.close()


def tell(topics: Topics, topic: str, events: Sequence[Event]) -> None:
    """Tell facts in a transaction: behind the last of them is a marker, which is no message."""
    producer = transactional(topics.address, topic)
    producer.begin_transaction()
    for event in events:
        producer.send(topic, json.dumps(event).encode(), headers=STRUCTURED, partition=0)
    producer.commit_transaction()
    producer.close()


def test_a_log_that_lost_its_end_and_was_told_more_is_another(
    ledger_database_url: str,
    own_broker: Broker,
    topics: Topics,
    oracle: Oracle,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is noticed by who reads, and by who starts later; a leader that changed is no loss."""
    commissions = Commands(ledger_database_url, capsys)
    commissions.done("programme", "adopt", "izyinbox")
    topic = topics.new()
    group = Group(ledger_database_url, topics, topic, tmp_path)
    folder, flushed = own_broker.log_of(topic), tmp_path / "flushed"

    events = story(14)
    tell(topics, topic, events[:5])
    consume(commissions, topics, topic)
    own_broker.stop()
    shutil.copytree(folder, flushed)
    own_broker.start()
    tell(topics, topic, events[5:10])
    worker = group.start()
    until(lambda: group.facts() == 10)

    own_broker.kill()
    shutil.rmtree(folder)
    shutil.copytree(flushed, folder)
    own_broker.start()
    late = events[10:]
    assert len(late) > 6
    tell(topics, topic, late)
    worker.ended(1)
    refusal = f"topic {topic}, partition 0: the broker's log is another from offset 6 on"
    accept = f"{topic}/0@12"
    assert refusal in worker.said
    assert f"--accept-gap {accept}" in worker.said
    assert refusal in commissions.refused(*arguments(topics, topic))
    assert group.facts() == 10
    assert consume(commissions, topics, topic, accept=accept)["accepted"] == len(late)
    assert accepted_gaps(ledger_database_url) == [(topic, 0, 12, 6, "truncated", True)]
    oracle.assert_exact(group, events)
