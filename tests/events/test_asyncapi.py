"""The AsyncAPI document: valid by AsyncAPI 3.0, whole, and true of what is accepted and sent."""

from __future__ import annotations

import json
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry, Resource

from events.catalogue import DECISIONS, FACTS
from events.codec import decode_state, encode
from events.envelope import decode
from events.published import published, published_id
from events.schema import FOLDER

GOLDEN = Path(__file__).parents[1] / "compatibility" / "golden"
AT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The file as it is committed."""
    loaded: dict[str, Any] = json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def messages(document: dict[str, Any]) -> dict[str, Any]:
    """The messages by their names."""
    found: dict[str, Any] = document["components"]["messages"]
    return found


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """A validator that finds the JSON Schemas beside the document."""
    files = {
        path.name: Resource.from_contents(json.loads(path.read_text(encoding="utf-8")))
        for path in FOLDER.glob("*.[0-9].json")
    }
    registry: Registry[Any] = Registry().with_resources(files.items())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, registry=registry)


def name_of(type_: str, version: int) -> str:
    """The name of the message of an event."""
    return f"{type_.replace('.', '_')}_{version}"


def state_of(topic: str) -> bytes:
    """A recorded state of an event."""
    golden = GOLDEN / f"{topic.replace('/', '.')}.json"
    return orjson.dumps(json.loads(golden.read_text(encoding="utf-8"))["events"][0]["data"])


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    """By the models of AsyncAPI 3.0, which refuse a member that it does not have."""
    with warnings.catch_warnings():
        # The package names a member "schema", as the specification does.
        warnings.simplefilter("ignore", UserWarning)
        from asyncapi3.models.asyncapi import AsyncAPI3
    AsyncAPI3.model_validate(document)
    misspelt = {**document["channels"]["facts"], "adress": "x"}
    with pytest.raises(ValueError, match="adress"):
        AsyncAPI3.model_validate({**document, "channels": {"facts": misspelt}})


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """Within the document, or to a file beside it."""
    waiting: list[Any] = [document]
    followed = 0
    while waiting:
        value = waiting.pop()
        waiting += value.values() if isinstance(value, dict) else value
        waiting = [one for one in waiting if isinstance(one, dict | list)]
        if not isinstance(value, dict) or "$ref" not in value:
            continue
        place, _, inside = value["$ref"].partition("#")
        found: Any = document
        if place:
            found = json.loads((FOLDER / place).read_text(encoding="utf-8"))
        for step in inside.split("/")[1:]:
            found = found[step]
        followed += 1
    assert followed > len(FACTS) * 2 + len(DECISIONS)


def test_each_channel_has_all_that_goes_through_it(document: dict[str, Any]) -> None:
    """Facts in both modes, every decision, the dead letters; no command."""
    channels = {name: set(one["messages"]) for name, one in document["channels"].items()}
    facts = {name_of(*key) for key in FACTS}
    assert channels["facts"] == facts | {f"{name}_binary" for name in facts}
    assert channels["decisions"] == {name_of(*key) for key in DECISIONS}
    assert channels["dead_letters"] == {"dead_letter"}
    addresses = {one["address"] for one in document["channels"].values()}
    assert addresses == {"commissions.facts", "commissions.decisions", "commissions.dead-letters"}


@pytest.mark.parametrize("key", FACTS, ids=lambda key: f"{key[0]}/{key[1]}")
def test_a_fact_is_described_as_the_door_takes_it(
    key: tuple[str, int], messages: dict[str, Any]
) -> None:
    """A message that the schema allows is decoded; without an attribute that it needs it is not."""
    type_, version = key
    data = orjson.loads(state_of(f"{type_}/{version}"))
    told = {
        "specversion": "1.0",
        "id": "m-1",
        "source": "/billing",
        "type": type_,
        "dataschema": f"urn:commission-ledger:events/{type_}/{version}",
        "time": "2026-01-31T09:30:00+01:00",
    }
    whole = {**told, "data": data}
    structured = messages[name_of(*key)]
    schema = structured["payload"]["schema"]
    validator(schema).validate(whole)
    assert decode(orjson.dumps(whole), AT).data.topic() == f"{type_}/{version}"
    for name in schema["required"]:
        with pytest.raises(ValidationError):
            validator(schema).validate({k: v for k, v in whole.items() if k != name})

    binary = messages[f"{name_of(*key)}_binary"]
    headers = {f"ce_{name}": value for name, value in told.items()}
    validator(binary["headers"]).validate({**headers, "content-type": "application/json"})
    validator(binary["payload"]["schema"]).validate(data)


@pytest.mark.parametrize("key", DECISIONS, ids=lambda key: f"{key[0]}/{key[1]}")
def test_a_decision_is_described_as_it_is_published(
    key: tuple[str, int], messages: dict[str, Any]
) -> None:
    """Made by the function that the relay publishes with."""
    topic = f"{key[0]}/{key[1]}"
    event = decode_state(topic, state_of(topic))
    leaf = bytes(range(32))
    told = orjson.loads(
        published(
            position=42,
            leaf=leaf,
            recorded_at=AT,
            stream=event.stream,
            topic=topic,
            state=encode(event),
        )
    )
    validator(messages[name_of(*key)]["payload"]["schema"]).validate(told)
    assert told["id"] == published_id(42, leaf) == "42-0001020304050607"
    assert decode_state(topic, orjson.dumps(told["data"])) == event


def test_a_message_of_another_type_is_not_what_is_described(messages: dict[str, Any]) -> None:
    """The type in the payload is the one that the message is named after."""
    schema = messages["CommissionPosted_1"]["payload"]["schema"]
    state = state_of("TierChanged/1")
    told = published(
        position=1, leaf=bytes(32), recorded_at=AT, stream="x", topic="TierChanged/1", state=state
    )
    assert not validator(schema).is_valid(orjson.loads(told))
