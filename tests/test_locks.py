"""The lock files: what users install is what is tested, every file of it known by its hash."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
USERS, TESTS = "requirements.lock", "requirements-dev.lock"
USERS_EXTRAS = ("pdf", "archive", "timestamps", "build")


def locked(name: str) -> dict[str, str]:
    """What a lock file names: by name, the version with its condition and its hashes."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)(==.*(?:\n    .*)*)", text, re.MULTILINE))


def named(requirements: list[str]) -> set[str]:
    """The packages of requirements, without bounds and extras."""
    return {re.split(r"[\[><=]", each)[0] for each in requirements} - {OURS["name"]}


def test_users_get_the_versions_that_are_tested() -> None:
    """The smaller lock file is a part of the larger one, hash by hash."""
    assert locked(USERS).items() < locked(TESTS).items()


def test_what_is_required_is_locked() -> None:
    """Every dependency, each in the file of those who need it; Spark is not for everybody."""
    extras = OURS["optional-dependencies"]
    theirs = [each for extra in USERS_EXTRAS for each in extras[extra]]
    assert named([*OURS["dependencies"], *theirs]) <= locked(USERS).keys()
    assert named([each for extra in extras.values() for each in extra]) <= locked(TESTS).keys()
    assert not locked(USERS).keys() & {"pyspark", "pandas", "pytest", "mypy"}


@pytest.mark.parametrize("name", [USERS, TESTS])
def test_every_file_is_known_by_its_hash_and_by_no_address(name: str) -> None:
    """Whoever serves it: what is installed is what was locked."""
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    requirements = [line for line in text.splitlines() if not line.startswith(("    ", "#"))]
    assert [line for line in requirements if not re.match(r"[\w.-]+==\S+ .*\\$", line)] == []
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", each) for each in locked(name).values())
