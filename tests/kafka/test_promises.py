"""Each promise of docs/exactly-once.md names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PROMISES = TESTS.parent / "docs" / "exactly-once.md"


def test_the_tests_that_promises_name_are_there() -> None:
    """A name without a file belongs to the file named before it."""
    folder, file, missing, found = "faults", "", [], 0
    for line in PROMISES.read_text("utf-8").splitlines():
        if named := re.search(r"[Tt]ests are in `tests/(\w+)/`", line):
            folder = named.group(1)
        if not line.startswith("| ") or line == "| promise | test |":
            continue
        for name, test in re.findall(r"`((?:kafka/)?test_\w+\.py)?(?:::(test_\w+))?`", line):
            file = name or file
            path = TESTS / (file if "/" in file else f"{folder}/{file}")
            found += 1
            if not path.exists() or (test and f"def {test}(" not in path.read_text("utf-8")):
                missing.append(f"{file}::{test}")
    assert not missing
    assert found > 20
