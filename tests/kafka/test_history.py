"""What a broker lost: the consumer stops, says what and where, and goes on only when told to."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest
from kafka.structs import TopicPartition

from ledger.ingest.kafka.history import Found, Gap, Identity, Kept, Partition, gaps
from tests.faults.consuming import until
from tests.interfaces.commands import Commands
from tests.kafka.conftest import arguments, consume
from tests.kafka.producing import Producer, activation
from tests.kafka.topics import Topics

AT = datetime(2026, 1, 5, 10, tzinfo=UTC)


def produce(topics: Topics, topic: str, first: int, count: int, partition: int = 0) -> None:
    """Clients that are activated, numbered from ``first``."""
    with Producer(topics.address) as producer:
        for n in range(first, first + count):
            producer.structured(topic, activation(f"c-{n}", AT), partition=partition)


def accepted_gaps(url: str) -> list[tuple[object, ...]]:
    """What was recorded of gaps."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT told->>'topic', (told->>'partition')::int, (told->>'expected')::int,"
            " (told->>'found')::int, told->>'reason', told->>'operator' IS NOT NULL FROM ("
            " SELECT position, convert_from(state, 'UTF8')::jsonb AS told FROM ledger.events"
            " WHERE topic = 'ingest.gap_accepted/1') AS gaps ORDER BY position"
        ).fetchall()


def recreate(topics: Topics, topic: str) -> None:
    """Delete a topic and make it anew, with another id."""
    topics.admin.delete_topics([topic])
    until(lambda: topic not in topics.admin.list_topics())
    topics.new(name=topic)


@pytest.mark.timeout(120)
def test_what_retention_deleted_is_refused_and_accepted_once(
    commissions: Commands, topics: Topics
) -> None:
    """Three of five were never read; the flag of one gap accepts no other."""
    topic = topics.new()
    produce(topics, topic, 0, 2)
    consume(commissions, topics, topic)
    produce(topics, topic, 2, 5)
    topics.admin.delete_records({TopicPartition(topic, 0): 5})
    refusal = commissions.refused(*arguments(topics, topic))
    for told in (topic, "partition 0", "expected offset 2", "found 5", f"--accept-gap {topic}/0@2"):
        assert told in refusal
    commissions.refused(*arguments(topics, topic), "--accept-gap", f"{topic}/0@1")
    assert consume(commissions, topics, topic, accept=f"{topic}/0@2")["accepted"] == 2
    assert accepted_gaps(commissions.url) == [(topic, 0, 2, 5, "deleted", True)]
    produce(topics, topic, 7, 2)
    topics.admin.delete_records({TopicPartition(topic, 0): 8})
    commissions.refused(*arguments(topics, topic), "--accept-gap", f"{topic}/0@2")
    commissions.done("verify")


@pytest.mark.timeout(120)
def test_a_topic_made_anew_is_another_though_its_offsets_are_in_range(
    commissions: Commands, topics: Topics
) -> None:
    """Read from its beginning once accepted: what is recorded already is a duplicate."""
    topic = topics.new()
    produce(topics, topic, 0, 3)
    consume(commissions, topics, topic)
    recreate(topics, topic)
    produce(topics, topic, 1, 6)
    refusal = commissions.refused(*arguments(topics, topic))
    assert "made anew" in refusal
    assert "expected offset 3, found 0" in refusal
    counts = consume(commissions, topics, topic, accept=f"{topic}/0@3")
    assert (counts["accepted"], counts["duplicates"]) == (4, 2)
    assert accepted_gaps(commissions.url) == [(topic, 0, 3, 0, "topic_anew", True)]
    assert consume(commissions, topics, topic)["accepted"] == 0


@pytest.mark.timeout(120)
def test_a_partition_count_that_changed_stops_the_consumer(
    commissions: Commands, topics: Topics
) -> None:
    """Both the partitions that were there and the one that came are told of."""
    topic = topics.new()
    produce(topics, topic, 0, 3)
    consume(commissions, topics, topic)
    topics.admin.create_partitions({topic: 2})
    topics.admin.wait_for_topics([topic])
    produce(topics, topic, 3, 2, partition=1)
    refusal = commissions.refused(*arguments(topics, topic))
    assert "has 2 partitions, not 1" in refusal
    outcome = commissions.done(
        *arguments(topics, topic),
        *("--accept-gap", f"{topic}/0@3", "--accept-gap", f"{topic}/1@0"),
    )
    assert outcome.json["accepted"] == 2
    reasons = {(gap[1], gap[4]) for gap in accepted_gaps(commissions.url)}
    assert reasons == {(0, "partitions_changed"), (1, "partitions_changed")}


@pytest.mark.timeout(120)
def test_another_cluster_is_refused(commissions: Commands, topics: Topics) -> None:
    """As if the ledger had been read from a broker elsewhere."""
    topic = topics.new()
    produce(topics, topic, 0, 3)
    consume(commissions, topics, topic)
    with psycopg.connect(commissions.url) as connection:
        connection.execute("UPDATE ledger.ingest_offsets SET cluster_id = 'elsewhere'")
    refusal = commissions.refused(*arguments(topics, topic))
    assert "not elsewhere" in refusal
    counts = consume(commissions, topics, topic, accept=f"{topic}/0@3")
    assert (counts["accepted"], counts["duplicates"]) == (0, 3)


def test_a_topic_that_is_not_there_is_refused(commissions: Commands, topics: Topics) -> None:
    """A mistyped topic is an error, not an endless wait."""
    assert "no topic test-mistyped" in commissions.refused(*arguments(topics, "test-mistyped"))


ONE = Partition("billing", 0)
HERE = Identity("cluster", "topic", 4)


@pytest.mark.parametrize(
    ("kept", "found", "reason", "goes_on"),
    [
        (Kept(5, HERE), Found(0, 9, HERE), None, None),
        (Kept(5, HERE), Found(5, 5, HERE), None, None),
        (None, Found(0, 9, HERE), None, None),
        (None, Found(3, 9, HERE), "deleted", 3),
        (Kept(5, HERE), Found(6, 9, HERE), "deleted", 6),
        (Kept(5, HERE), Found(0, 4, HERE), "truncated", 0),
        (Kept(5, HERE), Found(0, 9, HERE._replace(topic_id="x")), "topic_anew", 0),
        (Kept(5, HERE), Found(2, 9, HERE._replace(cluster_id="x")), "other_cluster", 2),
        (Kept(5, HERE), Found(0, 9, HERE._replace(partitions=5)), "partitions_changed", 5),
    ],
)
def test_a_gap_is_found_and_named(
    kept: Kept | None, found: Found, reason: str | None, goes_on: int | None
) -> None:
    """Every way in which a log can be another, and where reading would go on."""
    told = list(gaps([ONE], {} if kept is None else {ONE: kept}, {ONE: found}, {}))
    assert [(gap.reason, gap.found) for gap in told] == (
        [] if reason is None else [(reason, goes_on)]
    )


@pytest.mark.parametrize(
    ("kept", "found", "parted", "reason", "goes_on"),
    [
        (Kept(5, HERE), Found(0, 9, HERE), 3, "truncated", 3),
        (Kept(5, HERE), Found(0, 9, HERE), None, "truncated", 0),
        (Kept(5, HERE), Found(4, 9, HERE), 3, "truncated", 4),
        # It does not know that leader: what is there is another log, though nothing before is left.
        (Kept(5, HERE), Found(5, 9, HERE), None, "truncated", 5),
        (Kept(5, HERE), Found(0, 4, HERE), 3, "truncated", 3),
        # It was accepted meanwhile.
        (Kept(3, HERE), Found(0, 9, HERE), 3, None, None),
        (Kept(5, HERE), Found(0, 9, HERE._replace(topic_id="x")), 3, "topic_anew", 0),
    ],
)
def test_a_log_that_parted_is_read_from_there(
    kept: Kept, found: Found, parted: int | None, reason: str | None, goes_on: int | None
) -> None:
    """From where the broker says that it is another, or from its beginning."""
    told = list(gaps([ONE], {ONE: kept}, {ONE: found}, {ONE: parted}))
    assert [(gap.reason, gap.found) for gap in told] == (
        [] if reason is None else [(reason, goes_on)]
    )


def test_a_partition_that_came_later_is_told_by_those_that_were_there() -> None:
    """Its own row says nothing, for it has none."""
    more = HERE._replace(partitions=5)
    new = Partition("billing", 4)
    kept = {ONE: Kept(5, HERE)}
    assert [gap.reason for gap in gaps([new], kept, {new: Found(0, 0, more)}, {})] == [
        "partitions_changed"
    ]
    kept = {ONE: Kept(5, more)}
    assert list(gaps([new], kept, {new: Found(0, 0, more)}, {})) == []


def test_a_gap_is_accepted_by_its_own_flag_only() -> None:
    """A flag that was left in a service's file accepts nothing that comes later."""
    assert Gap(ONE, 5, 6, "deleted", "").flag == "billing/0@5"
    assert Gap(ONE, 7, 9, "deleted", "").flag == "billing/0@7"
