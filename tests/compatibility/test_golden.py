"""Golden events: what any version ever wrote reads back, and is written, byte for byte."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
import rfc8785

from events.base import Fact
from events.catalogue import TOPICS
from events.codec import content_hash, decode_state, encode
from events.envelope import decode
from events.upcasting import VOCABULARY
from events.values import parse_instant

FOLDER = Path(__file__).parent / "golden"
GOLDEN: list[dict[str, Any]] = [
    json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))
]
CASES = [(golden, event) for golden in GOLDEN for event in golden["events"]]
FACTS = [case for case in CASES if issubclass(TOPICS[case[0]["topic"]], Fact)]


def name(part: dict[str, Any]) -> str:
    """What a case is called: its topic."""
    return str(part.get("topic", ""))


def test_every_version_has_a_golden_file() -> None:
    """A new type or version: ``python -m tests.compatibility.record`` writes its file."""
    assert [golden["topic"] for golden in GOLDEN if golden["topic"] not in TOPICS] == []
    assert sorted(golden["topic"] for golden in GOLDEN) == sorted(TOPICS)


@pytest.mark.parametrize(("golden", "event"), CASES, ids=name)
def test_state_is_read_and_written_as_ever(golden: dict[str, Any], event: dict[str, Any]) -> None:
    """As its own version to the same bytes, and as the newest without an error."""
    cls = VOCABULARY.by_topic(golden["topic"])
    state = event["state"].encode()

    assert encode(cls.model_validate_json(state)) == state
    assert encode(cls.model_validate_json(json.dumps(event["data"]))) == state
    newest = decode_state(golden["topic"], state)
    assert type(newest) is VOCABULARY.newest(cls.type)
    assert newest.stream


@pytest.mark.parametrize(("golden", "event"), CASES, ids=name)
def test_content_is_as_ever(golden: dict[str, Any], event: dict[str, Any]) -> None:
    """By our code, and by the reference over what the file says."""
    instant = parse_instant(golden["effective_at"])
    names = ("topic", "source", "id", "effective_at")
    whole = {name: golden[name] for name in names} | {"data": json.loads(event["state"])}

    ours = content_hash(
        golden["topic"], event["state"].encode(), instant, golden["source"], golden["id"]
    )

    assert ours.hex() == sha256(rfc8785.dumps(whole)).hexdigest() == event["content"]


@pytest.mark.parametrize(("golden", "event"), FACTS, ids=name)
def test_a_fact_told_again_is_a_duplicate(golden: dict[str, Any], event: dict[str, Any]) -> None:
    """A producer that sends an old message again has the same hash: defaults never change."""
    type_ = golden["topic"].partition("/")[0]
    instant = parse_instant(golden["effective_at"])
    payload = orjson.dumps(
        {
            "specversion": "1.0",
            "id": golden["id"],
            "source": golden["source"],
            "type": type_,
            "dataschema": f"urn:commission-ledger:events/{golden['topic']}",
            "time": golden["effective_at"],
            "data": event["data"],
        }
    )

    message = decode(payload, instant)

    assert message.topic == golden["topic"]
    assert message.state == event["state"].encode()
    assert message.content.hex() == event["content"]
