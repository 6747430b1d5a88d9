"""Dead letters: published once each, tried again on the record, and erased but for their hash."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from kafka import KafkaProducer

from tests.events.test_asyncapi import validator
from tests.interfaces.commands import Commands
from tests.kafka.topics import Topics
from tests.outbox.topic import Read, read_all

BAD = (b"{", b'{"specversion":"1.0"}', b"\xff\xfe not utf-8")


@pytest.fixture
def adopted(commissions: Commands) -> Commands:
    """A ledger with a programme and nothing else."""
    commissions.done("programme", "adopt", "izyinbox")
    return commissions


def spoil(commissions: Commands, folder: Path) -> list[dict[str, Any]]:
    """Take bad lines in; the letters that they became."""
    file = folder / "bad.jsonl"
    file.write_bytes(b"\n".join(BAD))
    assert commissions("ingest", file).status == 1
    return commissions.done("dead-letters", "list", "--format", "json").rows


def publish(commissions: Commands, topics: Topics, to: tuple[str, str]) -> int:
    """Run the relay; how many letters it published."""
    address = ("--bootstrap-servers", topics.address, "--topic", to[0], "--dead-letter-topic")
    done = commissions.done("relay", *address, to[1], "--until-idle", "0", "--format", "json")
    count = done.json["dead_letters"]
    assert isinstance(count, int)
    return count


def payload_of(url: str, id_: int) -> tuple[bytes | None, bytes]:
    """What the database still holds of a letter, and its hash."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT payload, payload_sha256 FROM ledger.dead_letters WHERE id = %s", (id_,)
        ).fetchone()
    assert row is not None
    return row


def test_each_letter_is_published_once_with_its_headers(
    adopted: Commands, topics: Topics, tmp_path: Path
) -> None:
    """From files and from Kafka; the value is the message as it came."""
    to = (topics.new(), topics.new())
    letters = spoil(adopted, tmp_path)
    facts = topics.new(partitions=2)
    producer = KafkaProducer(bootstrap_servers=topics.address)
    producer.send(facts, b"nonsense", partition=1).get(30)
    producer.close()
    consume = ("--bootstrap-servers", topics.address, "--topic", facts, "--until-idle", "0.5")
    adopted.done("consume", *consume)
    assert publish(adopted, topics, to) == len(letters) + 1
    assert publish(adopted, topics, to) == 0
    records = read_all(topics.address, to[1])
    assert [record.value for record in records] == [*BAD, b"nonsense"]
    told = described()
    for letter, record in zip(letters, records, strict=False):
        told.validate(record.headers)
        assert record.headers["origin"] == letter["origin"]
        assert record.headers["error"] == letter["error"]
        assert record.headers["message"] == letter["message"]
        assert record.headers["time"] == letter["received_at"]
        assert record.headers["sha256"] == hashlib.sha256(record.value).hexdigest()
        assert "topic" not in record.headers
    told.validate(records[-1].headers)
    place = [records[-1].headers[name] for name in ("topic", "partition", "offset", "error")]
    assert place == [facts, "1", "0", "not_json"]


def described() -> Any:
    """A validator of the headers, by the AsyncAPI document."""
    from events.schema import FOLDER

    document = json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))
    return validator(document["components"]["messages"]["dead_letter"]["headers"])


def test_what_was_erased_is_published_without_it(
    adopted: Commands, topics: Topics, tmp_path: Path
) -> None:
    """That there was a message is told; what it held is not."""
    letters = spoil(adopted, tmp_path)
    adopted.done("dead-letters", "discard", letters[0]["id"])
    to = (topics.new(), topics.new())
    assert publish(adopted, topics, to) == len(BAD)
    first, *others = read_all(topics.address, to[1])
    assert (first.value, first.headers["payload"]) == (b"", "erased")
    assert first.headers["sha256"] == hashlib.sha256(BAD[0]).hexdigest()
    described().validate(first.headers)
    assert all(whole(record) for record in others)


def whole(record: Read) -> bool:
    """Whether the value is the message."""
    return record.headers["payload"] == "whole" and record.value != b""


def test_discard_erases_and_keeps_hash_reason_and_operator(
    adopted: Commands, tmp_path: Path
) -> None:
    """What it held is gone from the database, and from what is shown."""
    letter = spoil(adopted, tmp_path)[0]
    adopted.done("dead-letters", "discard", letter["id"], "--reason", "personal-data")
    assert payload_of(adopted.url, letter["id"]) == (None, hashlib.sha256(BAD[0]).digest())
    shown = adopted.done("dead-letters", "show", letter["id"], "--format", "json").json
    assert shown["sha256"] == hashlib.sha256(BAD[0]).hexdigest()
    assert (shown["status"], shown["reason"]) == ("discarded", "personal-data")
    assert shown["operator"] == shown["erased_by"] == "postgres"
    assert shown["erased_at"]
    assert "payload" not in shown
    assert "personal-data" in adopted.done("dead-letters", "show", letter["id"]).out
    # The same line of the same file again: its hash is known, so it is no new letter.
    assert adopted("ingest", tmp_path / "bad.jsonl").status == 1
    assert len(adopted.done("dead-letters", "list", "--all", "--format", "json").rows) == len(BAD)


def test_old_letters_are_erased_by_the_retention(
    adopted: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Open ones are closed by it; those closed before keep who closed them and why."""
    first, second, third = spoil(adopted, tmp_path)
    adopted.done("dead-letters", "discard", first["id"], "--reason", "duplicate")
    with psycopg.connect(adopted.url) as connection:
        connection.execute(
            "UPDATE ledger.dead_letters SET received_at = received_at - interval '91 days'"
            " WHERE id = ANY(%s)",
            ([first["id"], second["id"]],),
        )
    monkeypatch.setenv("COMMISSIONS_DEAD_LETTER_DAYS", "92")
    assert adopted.done("dead-letters", "expire", "--format", "json").json["erased"] == 0
    monkeypatch.delenv("COMMISSIONS_DEAD_LETTER_DAYS")
    told = adopted.done("dead-letters", "expire", "--format", "json").json
    assert told == {"erased": 1, "days": 90}
    rows = adopted.done("dead-letters", "list", "--all", "--format", "json").rows
    assert [(row["status"], row["reason"]) for row in rows] == [
        ("discarded", "duplicate"),
        ("discarded", "retention"),
        ("open", None),
    ]
    assert payload_of(adopted.url, second["id"])[0] is None
    assert payload_of(adopted.url, third["id"])[0] == BAD[2]
    assert adopted.done("dead-letters", "expire", "--format", "json").json["erased"] == 0


def test_each_retry_is_on_record(
    adopted: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who, when, and what came of it: of a refusal as of a success."""
    fact = {
        "specversion": "1.0",
        "id": "far",
        "source": "/billing",
        "type": "partner.enrolled",
        "time": "2060-01-01T00:00:00Z",
        "data": {"partner_id": "p-1", "kind": "referral"},
    }
    file = tmp_path / "ahead.jsonl"
    file.write_text(json.dumps(fact), encoding="utf-8")
    assert adopted("ingest", file).status == 1
    (letter,) = adopted.done("dead-letters", "list", "--format", "json").rows
    assert adopted("dead-letters", "retry", letter["id"]).status == 1
    monkeypatch.setenv("COMMISSIONS_MAX_DAYS_AHEAD", "36500")
    adopted.done("dead-letters", "retry", letter["id"])
    shown = adopted.done("dead-letters", "show", letter["id"], "--format", "json").json
    assert shown["status"] == "retried"
    refused, taken = shown["retries"]
    assert (refused["outcome"], taken["outcome"]) == ("rejected", "recorded")
    assert "wrong_time" in refused["reason"]
    assert refused["operator"] == taken["operator"] == "postgres"
    assert refused["retried_at"] < taken["retried_at"]
    assert "recorded" in adopted.done("dead-letters", "show", letter["id"]).out
