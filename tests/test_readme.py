"""The README's commands: what it tells a newcomer to type works, with the figures that it says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from interfaces.embedded import EmbeddedPostgres
from interfaces.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
BIN = Path(sys.executable).parent
NEEDS_MORE = (
    "make ", "docker ", "export ", "kcat ", "commissions consume", "commissions relay",
    "commissions dead-letters",
)  # fmt: skip
"""How a block begins that needs more than the package: an installation, Docker, Kafka, a shell."""


def test_the_readme_has_the_two_commands() -> None:
    """One runs the demo, one runs every test."""
    assert BLOCKS[:2] == ["make demo\n", "make test\n"]


def test_every_make_target_named_is_there() -> None:
    """In blocks and in the text."""
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    targets = sorted(set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE)))
    assert {"demo", "test", "lint"} <= set(targets)
    for target in targets:
        done = subprocess.run(
            [make, "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_every_file_and_folder_linked_is_there() -> None:
    """No link of the README is dead."""
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_setting_is_in_the_table_with_its_default() -> None:
    """And no other is."""
    told = dict(re.findall(r"^\| `COMMISSIONS_(\w+)` \|.*\| (.+) \|$", README, re.MULTILINE))
    assert sorted(told) == sorted(name.upper() for name in Settings.model_fields)
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, str | int):
            assert told[name.upper()] == f"`{field.default}`"


def test_what_the_first_steps_leave_in_a_clone_is_neither_committed_nor_put_into_an_image() -> None:
    """The database is another account's with root: an image could not even be built beside it."""
    homes = re.findall(r'^export COMMISSIONS_HOME="\$PWD/(.+)"$', README, re.MULTILINE)
    files = re.findall(r"^cat > (\S+) <<", README, re.MULTILINE)
    assert homes
    assert files
    for ignoring in (".gitignore", ".dockerignore"):
        ignored = (ROOT / ignoring).read_text(encoding="utf-8").splitlines()
        assert {*homes, *files} <= {line.strip("/") for line in ignored}


@pytest.mark.slow
def test_the_first_steps_work_as_written(tmp_path: Path) -> None:
    """Block by block, in a home of its own, to the figure that the text gives."""
    steps = [block for block in BLOCKS if not block.startswith(NEEDS_MORE)]
    assert len(steps) >= 6
    home = tmp_path / "my-ledger"
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "COMMISSIONS_HOME": str(home),
    }
    try:
        for step in steps:
            run(step, tmp_path, environment)
        again = run("commissions ingest --format json facts.jsonl", tmp_path, environment)
        assert json.loads(again)["duplicates"] == 3
        found = run("commissions balances --format json", tmp_path, environment)
        (row,) = json.loads(found)["rows"]
        assert (row["partner_id"], row["currency"], row["payable"]) == ("dupont", "EUR", 3540)
    finally:
        EmbeddedPostgres(home).stop()


def run(script: str, directory: Path, environment: Mapping[str, str]) -> str:
    """What a block of commands prints, when all of them succeed."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout
