"""The JSON Schema of every event and the AsyncAPI document, as files that others can read.

``python -m events.schema`` writes them to ``events/schemas/``; with ``--check`` it only says
whether they are current (exit status 1 if not).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from events import asyncapi
from events.base import Command, Event, Fact
from events.catalogue import CATALOGUE
from events.published import schema_id

FOLDER = Path(__file__).parent / "schemas"
"""Where the files are: one for each type and version, ``index.json`` and ``asyncapi.json``."""


def file_name(topic: str) -> str:
    """The file of a topic: ``client.activated.1.json`` for ``client.activated/1``."""
    return f"{topic.replace('/', '.')}.json"


def schema_of(cls: type[Event]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of the ``data`` of one event; its ``$id`` may be a dataschema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_id(cls),
        **cls.model_json_schema(by_alias=True),
    }


def documents() -> dict[str, str]:
    """Every file as it should be, by its name."""
    classes = sorted(CATALOGUE.values(), key=lambda cls: (cls.type, cls.version))
    found = {file_name(cls.topic()): _text(schema_of(cls)) for cls in classes}
    index = [
        {"topic": cls.topic(), "origin": _origin(cls), "schema": file_name(cls.topic())}
        for cls in classes
    ]
    return {
        **found,
        "index.json": _text({"events": index}),
        "asyncapi.json": _text(asyncapi.document(classes, file_name)),
    }


def outdated(folder: Path = FOLDER) -> list[str]:
    """The names of files that are missing, differ, or belong to no event."""
    wanted = documents()
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(
        name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name)
    )


def write(folder: Path = FOLDER) -> list[str]:
    """Make the folder current; answers the names of the files that changed."""
    wanted = documents()
    changed = outdated(folder)
    folder.mkdir(exist_ok=True)
    for name in changed:
        if name in wanted:
            (folder / name).write_text(wanted[name], encoding="utf-8")
        else:
            (folder / name).unlink()
    return changed


def main(arguments: list[str] | None = None) -> int:
    """Run the command; answers the exit status."""
    parser = argparse.ArgumentParser(prog="python -m events.schema", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if outdated")
    if not parser.parse_args(arguments).check:
        for name in write():
            sys.stdout.write(f"written: {name}\n")
        return 0
    stale = outdated()
    for name in stale:
        sys.stderr.write(f"outdated: {name}; run python -m events.schema\n")
    return 1 if stale else 0


def _origin(cls: type[Event]) -> str:
    if issubclass(cls, Fact):
        return "fact"
    return "command" if issubclass(cls, Command) else "decision"


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
