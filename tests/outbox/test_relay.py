"""Decisions as they are published: all of them, in order, enough to rebuild every balance."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import orjson
import psycopg
import pytest

from ledger.ingest import outbox
from tests.events.test_asyncapi import validator
from tests.interfaces.commands import Commands
from tests.kafka.topics import Topics
from tests.outbox.conftest import decisions_in
from tests.outbox.topic import Read, balances_of, decisions_once, read_all


def relayed(ledger: Commands, topics: Topics, topic: str, *more: str) -> dict[str, Any]:
    """Publish what is there; what the command says."""
    address = ("--bootstrap-servers", topics.address, "--topic", topic)
    return ledger.done("relay", *address, "--until-idle", "0", "--format", "json", *more).json


def test_every_decision_is_published_as_it_was_recorded(
    ledger: Commands, topics: Topics, logged: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same content, in the order of positions within a partition, under the partner's key."""
    monkeypatch.setattr(outbox, "PAGE_POSITIONS", 50)
    topic = topics.new(partitions=3)
    told = relayed(ledger, topics, topic)
    records = read_all(topics.address, topic)
    assert told["decisions"] == len(records) == len(logged)
    assert told["position"] == ledger.position()
    for partition in range(3):
        own = [record.position for record in records if record.partition == partition]
        assert own
        assert all(before < after for before, after in pairwise(own))
    published = sorted(records, key=lambda record: record.position)
    for row, record in zip(logged, published, strict=True):
        event = record.event
        assert record.position == row["position"]
        assert event["id"] == f"{row['position']}-{row['leaf'].hex()[:16]}"
        assert (event["subject"], event["type"]) == (row["originator_id"], row["topic"][:-2])
        assert orjson.dumps(event["data"]) == row["state"]
        assert record.key == (row["partner_id"] or row["client_id"] or row["originator_id"])


def test_what_is_published_is_what_the_asyncapi_document_says(
    ledger: Commands, topics: Topics
) -> None:
    """Headers and payload of every record, against the message of its type."""
    from events.schema import FOLDER

    document = json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))
    topic = topics.new()
    relayed(ledger, topics, topic)
    types = set()
    for record in read_all(topics.address, topic):
        message = document["components"]["messages"][f"{record.event['type']}_1"]
        validator(message["payload"]["schema"]).validate(record.event)
        validator(message["headers"]).validate(record.headers)
        types.add(record.event["type"])
    assert {"CommissionPosted", "CreditPosted", "PayoutClosed", "TierChanged"} <= types


def test_balances_are_rebuilt_from_the_topic_alone(ledger: Commands, topics: Topics) -> None:
    """Each partner's and currency's, as `commissions balances` says them."""
    topic = topics.new(partitions=4)
    relayed(ledger, topics, topic)
    rebuilt = balances_of(read_all(topics.address, topic))
    known = ledger.done("balances", "--format", "json").rows
    assert len(known) >= 6
    assert {row["currency"] for row in known} == {"EUR", "CHF"}
    for column in ("earned", "adjusted", "paid", "in_flight"):
        assert any(row[column] for row in known)
    assert rebuilt == {
        (row["partner_id"], row["currency"]): {
            name: row[name] for name in ("earned", "adjusted", "paid", "in_flight")
        }
        for row in known
    }


def test_a_relay_goes_on_where_the_last_one_stopped(ledger: Commands, topics: Topics) -> None:
    """Nothing twice, nothing left out, also when nothing is new."""
    topic = topics.new()
    first = relayed(ledger, topics, topic)
    assert relayed(ledger, topics, topic) == {**first, "decisions": 0}
    ledger.done("accrue", "--through", "2026-04-30")
    second = relayed(ledger, topics, topic)
    assert second["decisions"] > 0
    ids = [record.event["id"] for record in read_all(topics.address, topic)]
    assert len(ids) == len(set(ids)) == first["decisions"] + second["decisions"]
    assert len(ids) == len(decisions_in(ledger.url))


def test_each_topic_is_published_to_by_itself(ledger: Commands, topics: Topics) -> None:
    """A second topic starts at position 1."""
    told = [relayed(ledger, topics, topics.new()) for _ in range(2)]
    assert told[0] == told[1]
    assert told[0]["decisions"] > 0


def test_a_topic_that_is_missing_is_an_error(ledger: Commands, topics: Topics) -> None:
    """None is made by the way: it would have the brokers' defaults."""
    address = ("--bootstrap-servers", topics.address, "--topic", "nowhere")
    assert "create it first" in ledger.refused("relay", *address)
    assert "nowhere" not in topics.admin.list_topics()


def test_brokers_that_are_away_at_the_start_are_an_error(ledger: Commands) -> None:
    """A mistyped address is told at once, not waited for."""
    address = ("--bootstrap-servers", "127.0.0.1:9", "--topic", "x")
    assert "correct --bootstrap-servers" in ledger.refused("relay", *address)


def test_a_restored_backup_is_not_published_over_what_it_replaced(
    ledger: Commands, topics: Topics
) -> None:
    """The same position with another leaf: refused, and by --from-start published anew."""
    topic = topics.new()
    before = relayed(ledger, topics, topic)
    with psycopg.connect(ledger.url) as connection:
        # What the topic has seen is, to this database, another history.
        connection.execute("UPDATE ledger.relays SET leaf = sha256(leaf)")
    address = ("--bootstrap-servers", topics.address, "--topic", topic)
    refusal = ledger.refused("relay", *address, "--until-idle", "0")
    assert f"position {before['position']} was published to {topic}" in refusal
    assert "a backup was restored" in refusal
    assert len(read_all(topics.address, topic)) == before["decisions"]
    assert relayed(ledger, topics, topic, "--from-start") == before
    records = read_all(topics.address, topic)
    assert len(records) == 2 * before["decisions"]
    assert len(decisions_once(records)) == before["decisions"]


def test_a_restored_backup_that_is_shorter_is_noticed_too(ledger: Commands, topics: Topics) -> None:
    """What was published lies beyond the ledger's end."""
    topic = topics.new()
    relayed(ledger, topics, topic)
    with psycopg.connect(ledger.url) as connection:
        connection.execute("UPDATE ledger.relays SET position = position + 5")
    address = ("--bootstrap-servers", topics.address, "--topic", topic)
    assert "is not there" in ledger.refused("relay", *address, "--until-idle", "0")


def test_a_restored_backup_that_was_gone_on_with_is_noticed_by_the_topic(
    ledger: Commands, topics: Topics
) -> None:
    """Its own place is as old as itself: what was published since, only the topic tells."""
    topic = topics.new(partitions=2)
    relayed(ledger, topics, topic)
    address = ("--bootstrap-servers", topics.address, "--topic", topic)
    with psycopg.connect(ledger.url) as connection:
        place = connection.execute(
            "SELECT position, leaf, ends, lasts FROM ledger.relays"
        ).fetchone()
    assert place is not None
    ledger.done("accrue", "--through", "2026-04-30")
    seen = relayed(ledger, topics, topic)
    records = read_all(topics.address, topic)
    last = max(record.position for record in records)
    with psycopg.connect(ledger.url) as connection:
        # Another history since the place of the backup: other leaves at the same positions.
        connection.execute(
            "UPDATE ledger.relays SET position = %s, leaf = %s, ends = %s, lasts = %s", place
        )
        connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER refuse_change")
        connection.execute(
            "UPDATE ledger.events SET leaf = sha256(leaf) WHERE position > %s", place[:1]
        )
    refusal = ledger.refused("relay", *address, "--until-idle", "0")
    assert f"position {last} was published to {topic}, but has another content" in refusal
    assert read_all(topics.address, topic) == records
    assert relayed(ledger, topics, topic, "--from-start")["position"] == seen["position"]
    assert relayed(ledger, topics, topic)["decisions"] == 0


def test_a_topic_made_anew_is_noticed(ledger: Commands, topics: Topics) -> None:
    """It is empty, and its readers would miss everything: refused, or published from the start."""
    topic = topics.new()
    before = relayed(ledger, topics, topic)
    topics.admin.delete_topics([topic])
    _made_anew(topics, topic)
    address = ("--bootstrap-servers", topics.address, "--topic", topic)
    assert "was made anew" in ledger.refused("relay", *address, "--until-idle", "0")
    assert relayed(ledger, topics, topic, "--from-start") == before
    assert len(read_all(topics.address, topic)) == before["decisions"]
    assert relayed(ledger, topics, topic)["decisions"] == 0


def _made_anew(topics: Topics, topic: str) -> None:
    from kafka.errors import TopicAlreadyExistsError

    while True:
        try:
            topics.new(name=topic)
        except TopicAlreadyExistsError:
            continue
        return


def test_the_type_of_a_record_is_read_whole() -> None:
    """What the tests call a balance is independent of what the ledger calls one."""
    line = {"partner_id": "p", "currency": "EUR", "amount": 5}
    value = orjson.dumps({"id": "1-a", "type": "CommissionPosted", "data": line})
    record = Read(0, 0, "p", value, {})
    assert balances_of([record, record])["p", "EUR"]["earned"] == 5
