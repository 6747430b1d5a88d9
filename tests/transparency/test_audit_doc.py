"""The auditor's walk, typed as it is written, on the demo's year."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from pathlib import Path

import pytest

from interfaces.embedded import EmbeddedPostgres
from tests.test_readme import run

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
BLOCKS = [
    textwrap.dedent(block)
    for block in re.findall(r"^ *```sh\n(.*?)^ *```$", TEXT, re.MULTILINE | re.DOTALL)
]


@pytest.mark.slow
def test_the_walk_is_as_written(tmp_path: Path) -> None:
    """Block by block, in one folder, with the ledger in a home of its own."""
    assert len(BLOCKS) == 9
    home = tmp_path / "home"
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COMMISSIONS_HOME": str(home),
        "COMMISSIONS_CHECKPOINT_KEY_FILE": str(tmp_path / "ledger.key"),
    }
    try:
        run("commissions database start", tmp_path, environment)
        said = [run(block, tmp_path, environment) for block in BLOCKS]
    finally:
        EmbeddedPostgres(home).stop()
    assert "37529 events, signed by" in said[1]
    assert "2026-12: all 58 statements are as the close sealed them" in said[2]
    assert "EUR commission D7" in said[3]
    assert re.search(r"^\d+ lines have the amount", said[4], re.MULTILINE)
    assert "no line is left out" in said[5]
    assert "which is what was recorded" in said[6]
    assert "begins with the log of 37529" in said[7]
    assert "nothing is wrong" in said[8]
    assert "which tie to both balances" in said[8]
