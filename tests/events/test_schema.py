"""The exported JSON Schemas: current, valid, and true of what is accepted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from events.base import Event
from events.catalogue import CATALOGUE, TOPICS
from events.schema import FOLDER, documents, file_name, main, outdated, schema_of, write
from tests.events.strategies import data_of

CLASSES = sorted(CATALOGUE.values(), key=lambda cls: cls.topic())


def test_the_files_are_current() -> None:
    """Run ``python -m events.schema`` after a change of an event."""
    assert outdated() == []
    assert main(["--check"]) == 0


def test_the_index_names_every_topic() -> None:
    """With the file beside it."""
    index = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))["events"]
    assert {entry["topic"] for entry in index} == set(TOPICS)
    assert all((FOLDER / entry["schema"]).is_file() for entry in index)
    assert {entry["origin"] for entry in index} == {"fact", "command", "decision"}


def test_a_folder_becomes_current(tmp_path: Path) -> None:
    """What is missing is written, what is stale too, and what belongs to nothing goes."""
    folder = tmp_path / "schemas"
    assert len(write(folder)) == len(documents())
    (folder / "client.activated.1.json").write_text("{}", encoding="utf-8")
    (folder / "client.vanished.1.json").write_text("{}", encoding="utf-8")
    assert outdated(folder) == ["client.activated.1.json", "client.vanished.1.json"]
    assert write(folder) == ["client.activated.1.json", "client.vanished.1.json"]
    assert outdated(folder) == []


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.topic())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_schema_describes_what_is_accepted(cls: type[Event], data: st.DataObject) -> None:
    """Valid by the schema and valid by the class, before and after defaults."""
    schema = schema_of(cls)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    drawn: dict[str, Any] = data.draw(data_of(cls))

    validator.validate(drawn)
    event = cls.model_validate_json(json.dumps(drawn))
    validator.validate(event.model_dump(mode="json", exclude_none=True, by_alias=True))

    assert not validator.is_valid({**drawn, "surprise": 1})


def test_what_the_wire_calls_optional_is_optional() -> None:
    """A producer reads the same in the schema as in the wire's table."""
    schema = schema_of(CATALOGUE["client.activated", 1])
    assert sorted(schema["required"]) == ["client_id", "currency", "plan", "price"]
    assert file_name("client.activated/1") == "client.activated.1.json"
    assert schema["$id"].endswith("/client.activated/1")
