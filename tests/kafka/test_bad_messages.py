"""What cannot be taken becomes one dead letter, and its partition goes on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from events.envelope import MAX_BYTES
from tests.interfaces.commands import Commands
from tests.kafka.conftest import consume
from tests.kafka.producing import STRUCTURED, Headers, Producer, activation, binary, fact
from tests.kafka.topics import Topics

AT = datetime(2026, 1, 5, 10, tzinfo=UTC)


def whole(**changes: Any) -> bytes:
    """A good event in structured mode, but for what is changed."""
    return json.dumps({**activation("c-bad", AT), **changes}).encode()


def with_data(text: str) -> bytes:
    """A good event whose data is this text."""
    return whole(data="HERE").replace(b'"HERE"', text.encode())


_GOOD_DATA = '"plan": "pro", "price": 5900, "currency": "EUR"'

BAD: dict[str, tuple[bytes | None, Headers, str]] = {
    "a tombstone": (None, (), "empty"),
    "an empty value": (b"", STRUCTURED, "empty"),
    "1 MiB and a byte": (whole(subject="x" * MAX_BYTES), STRUCTURED, "too_large"),
    "invalid UTF-8": (whole().replace(b"c-bad", b"c-\xff"), STRUCTURED, "not_json"),
    "deep nesting": (with_data("[" * 100_000 + "]" * 100_000), STRUCTURED, "not_json"),
    "a number with a million digits": (
        with_data(
            '{"client_id": "c-bad", "plan": "pro", "currency": "EUR", "price": 1%s}' % ("0" * 10**6)
        ),
        STRUCTURED,
        "not_json",
    ),
    "a member twice, the last one bad": (
        with_data('{"client_id": "c-1", "client_id": "no id!", %s}' % _GOOD_DATA),  # noqa: UP031
        STRUCTURED,
        "wrong_data",
    ),
    "an unknown type": (whole(type="client.vanished"), STRUCTURED, "unknown_type"),
    "an unknown schema version": (
        whole(dataschema="urn:x/client.activated/99"),
        STRUCTURED,
        "unknown_version",
    ),
    "the ledger's own command": (whole(type="payout.run"), STRUCTURED, "not_a_fact"),
    "no event at all": (b"[1, 2]", (), "not_cloudevent"),
    "events in a batch": (
        b"[]",
        [("content-type", b"application/cloudevents-batch+json")],
        "not_cloudevent",
    ),
    "binary mode without an id": (
        b"{}",
        [("ce_specversion", b"1.0"), ("ce_type", b"client.churned")],
        "not_cloudevent",
    ),
    "binary mode with two values in one": (
        b'{"client_id": "c-1"}, "id": "another"',
        binary(fact("client.churned", AT, "x-1", client_id="c-1"))[1],
        "not_json",
    ),
    "a header that is no text": (b"{}", [("ce_id", b"\xff")], "not_cloudevent"),
}


def letters(url: str) -> list[dict[str, Any]]:
    """All dead letters in their order."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute("SELECT * FROM ledger.dead_letters ORDER BY id").fetchall()


@pytest.mark.timeout(120)
def test_each_bad_message_is_one_dead_letter_and_holds_up_nothing(
    commissions: Commands, topics: Topics
) -> None:
    """Between good ones, in one batch and in several; read again, nothing is added."""
    topic = topics.new()
    with Producer(topics.address) as producer:
        for n, (value, headers, _) in enumerate(BAD.values()):
            producer.send(topic, value, headers, key="c-bad")
            producer.structured(topic, activation(f"c-{n}", AT))
    counts = consume(commissions, topics, topic)
    assert counts["accepted"] == counts["rejected"] == len(BAD)
    found = letters(commissions.url)
    assert [letter["error"] for letter in found] == [error for _, _, error in BAD.values()]
    for n, (letter, (value, headers, _)) in enumerate(zip(found, BAD.values(), strict=True)):
        assert letter["payload"] == (value or b"")
        assert (letter["kafka_topic"], letter["kafka_partition"]) == (topic, 0)
        assert letter["kafka_offset"] == 2 * n
        assert (letter["kafka_headers"] is None) == (not headers)
        assert f"{topic}/0@{2 * n}" in letter["origin"]
    again = consume(commissions, topics, topic)
    assert sum(again[name] for name in ("accepted", "duplicates", "rejected")) == 0
    assert len(letters(commissions.url)) == len(BAD)


def test_of_a_member_that_stands_twice_the_last_counts(
    commissions: Commands, topics: Topics
) -> None:
    """As in a file: it is a fact like others, and no dead letter."""
    topic = topics.new()
    twice = with_data('{"client_id": "c-first", "client_id": "c-last", %s}' % _GOOD_DATA)  # noqa: UP031
    with Producer(topics.address) as producer:
        producer.send(topic, twice, STRUCTURED)
    assert consume(commissions, topics, topic)["accepted"] == 1
    with psycopg.connect(commissions.url) as connection:
        clients = connection.execute("SELECT client_id FROM finance.clients").fetchall()
    assert clients == [("c-last",)]


def test_other_content_under_a_known_key_is_quarantined(
    commissions: Commands, topics: Topics
) -> None:
    """The first goes on counting; the letter names its position."""
    topic = topics.new()
    with Producer(topics.address) as producer:
        producer.structured(topic, activation("c-1", AT))
    assert consume(commissions, topics, topic)["accepted"] == 1
    with Producer(topics.address) as producer:
        producer.structured(topic, activation("c-1", AT, price=1))
    assert consume(commissions, topics, topic)["quarantined"] == 1
    (letter,) = letters(commissions.url)
    assert letter["kind"] == "quarantined"
    assert letter["first_position"] == 2
    assert letter["kafka_offset"] == 1


def test_a_letter_in_binary_mode_is_tried_again_with_its_headers(
    commissions: Commands, topics: Topics
) -> None:
    """Its attributes were kept: what was told too far ahead gets in once the limit is another."""
    topic = topics.new()
    value, headers = binary(activation("c-1", AT.replace(year=2028)))
    with Producer(topics.address) as producer:
        producer.send(topic, value, headers)
    assert consume(commissions, topics, topic)["rejected"] == 1
    (letter,) = letters(commissions.url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMMISSIONS_MAX_DAYS_AHEAD", "5000")
        outcome = commissions.done("dead-letters", "retry", letter["id"], "--format", "json")
    assert [row["outcome"] for row in outcome.rows] == ["recorded"]
    assert letters(commissions.url)[0]["status"] == "retried"
