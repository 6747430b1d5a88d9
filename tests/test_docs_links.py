"""The documents say what the code says: every event, message, command and link."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from events.catalogue import CATALOGUE, FACTS, TOPICS
from events.envelope import decode
from events.errors import Rejection
from interfaces.cli.main import COMMANDS
from interfaces.embedded import EmbeddedPostgres
from replay import definitions

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
RECEIVED = datetime(2027, 1, 1, tzinfo=UTC)

_LINK = re.compile(r"\[[^\]\n]+\]\(([^)\s]+)\)")
_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    """The text of a document."""
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language."""
    return [body for kind, body in _BLOCK.findall(text) if kind == language]


def rows(text: str) -> dict[str, list[str]]:
    """The rows of all tables by the code in their first cell, which may name several."""
    found = {}
    for line in text.splitlines():
        if line.startswith("| `"):
            cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
            for name in re.findall(r"`([^`]+)`", cells[0]):
                found[name] = cells[1:]
    return found


def anchors(path: Path) -> set[str]:
    """The anchors that a page's headings have, as forges make them."""
    text = _BLOCK.sub("", path.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_relative_link_resolves(path: Path) -> None:
    """A link to a file, or to a heading, finds it."""
    text = _BLOCK.sub("", path.read_text(encoding="utf-8"))
    for target in _LINK.findall(text):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), f"{path.name} links to {target}"
        assert file.is_relative_to(ROOT), f"{path.name} links out of the project: {target}"
        if anchor:
            assert anchor in anchors(file), f"{path.name} links to {target}"


def test_every_page_is_linked_from_another() -> None:
    """No page is an island: each is reached from a page that is not itself."""
    reached = {
        (path.parent / target.partition("#")[0]).resolve()
        for path in PAGES
        for target in _LINK.findall(path.read_text(encoding="utf-8"))
        if "://" not in target and not target.startswith("#")
    }
    tops = {ROOT / "README.md", DOCS / "README.md"}
    assert set(PAGES) - tops - reached == set()


def test_every_event_is_in_the_catalogue_page_and_no_other() -> None:
    """Types and streams of docs/events.md are those of the classes."""
    told = rows(page("events.md"))
    assert set(told) == {type_ for type_, _ in CATALOGUE}


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_streams_are_those_told(topic: str) -> None:
    """The stream of a golden event begins as its row in docs/events.md says."""
    golden = ROOT / "tests" / "compatibility" / "golden" / f"{topic.replace('/', '.')}.json"
    cls = TOPICS[topic]
    told = rows(page("events.md"))[cls.type][0]
    rooms = {stream.partition(":")[0] for stream in re.findall(r"`([^`]+)`", told)}
    for event in json.loads(golden.read_text(encoding="utf-8"))["events"]:
        stream = cls.model_validate_json(json.dumps(event["data"])).stream
        assert stream.partition(":")[0] in rooms or told.startswith("stream of what")


def test_the_wire_names_every_fact_with_its_members() -> None:
    """docs/wire.md lists each type of fact, the members of its data, and which are optional."""
    told = rows(page("wire.md"))
    for (type_, _), cls in FACTS.items():
        assert type_ in told, type_
        members = told[type_][0]
        for name, field in cls.model_fields.items():
            found = re.search(rf"`{name}`(\?)?", members)
            assert found, f"{type_} lacks {name}"
            either = "`client_id` or `lead_id`" in members and name in {"client_id", "lead_id"}
            assert either or field.is_required() == (found[1] is None), f"{type_}: {name}"


def test_the_examples_of_the_wire_are_accepted() -> None:
    """Every message that docs/wire.md shows is a fact, and no two have one key."""
    messages = [line for block in blocks(page("wire.md"), "json") for line in block.splitlines()]
    assert len(messages) > 10
    decoded = [decode(line.encode(), RECEIVED) for line in messages]
    sent_first = {(one.source, one.id) for one in decoded}
    assert len(sent_first) == len(decoded)


def test_what_the_wire_says_is_rejected_is() -> None:
    """The bad messages of docs/wire.md are rejected, each for what is said of it."""
    (block,) = blocks(page("wire.md"), "json reject")
    members = []
    for line in block.splitlines():
        with pytest.raises(Rejection) as rejected:
            decode(line.encode(), RECEIVED)
        members.append(rejected.value.member)
    assert members == ["data.price", "time", "data.name"]


def test_every_figure_is_in_the_page_of_figures_and_no_other() -> None:
    """docs/figures.md says of each figure what it is."""
    told = set(rows(page("figures.md").partition("## Partners")[2]))
    assert told == {each.figure for each in (*definitions.PARTNER, *definitions.PROGRAMME)}


def test_the_commands_shown_exist() -> None:
    """Every command in a block of shell of the documents is one of the program's."""
    shown = {
        name
        for path in PAGES
        for block in blocks(path.read_text(encoding="utf-8"), "sh")
        for name in re.findall(r"(?:^|[|(] ?)commissions ([a-z][a-z-]*)", block, re.MULTILINE)
    }
    assert len(shown) > 10
    assert shown <= set(COMMANDS)


_SHIM = """#!/bin/sh
exec {python} -c 'import sys; from interfaces.cli.main import main; sys.exit(main())' "$@"
"""


@pytest.mark.slow
def test_the_tutorial_works_as_written(tmp_path: Path) -> None:
    """All of its commands in one shell, in their order, to the figures that it gives."""
    shim = tmp_path / "bin" / "commissions"
    shim.parent.mkdir()
    shim.write_text(_SHIM.format(python=sys.executable), encoding="utf-8")
    shim.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    script = "".join(blocks(page("tutorial.md"), "sh"))
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        EmbeddedPostgres(tmp_path / "first-hour").stop()
    assert done.returncode == 0, done.stderr
    (claims,) = blocks(page("tutorial.md"), "")
    for line in claims.splitlines():
        assert line in done.stdout
    for line in (
        r"lille +€44.25 +€0.00 +€0.00 +€0.00 +€44.25",
        r"lyon +€89.40 +€0.00 +€0.00 +€0.00 +€89.40",
        r"lyon +€1,189.40 +€0.00 +€189.40 +€0.00 +€1,000.00",
        r"lille +€2,044.25 +€0.00 +€0.00 +€44.25 +€2,000.00",
        r"lyon +€29.80 .*€29.80",
        r"waiver +D9\.2 .*€14.75",
        r"Opening balance +€109.60",
        r"Closing balance +€189.40",
        r"Closing balance +€990.00",
        r"commission_expense .*€3,223.65",
        r"nothing is wrong",
    ):
        assert re.search(line, done.stdout), line
