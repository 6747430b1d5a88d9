"""The README's "Connect your billing system", typed word for word, with kcat as the producer.

Only where the brokers, the database and the topics are differs: what `docker compose` would have
started is the broker and the server of the tests.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.kafka.topics import Topics
from tests.test_readme import README, run

SECTION = README.partition("## Connect your billing system\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
TOPICS = ("commissions.facts", "commissions.decisions", "commissions.dead-letters")


@pytest.fixture(autouse=True)
def kcat() -> None:
    """The foreign producer; it may be missing on a developer's machine, not where CI runs."""
    if shutil.which("kcat") is None:
        message = "kcat is not installed: apt-get install kcat"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


@pytest.mark.slow
def test_the_section_works_as_written(
    topics: Topics, ledger_database_url: str, tmp_path: Path
) -> None:
    """Both content modes arrive, the poison is a dead letter, and the decisions go out."""
    names = {topic: topics.new(partitions=4) for topic in TOPICS}

    def typed(block: str) -> str:
        block = "".join(
            f"{line}\n"
            for line in re.sub(r"\\\n\s*", "", block).splitlines()
            if not line.startswith("export ")
        )
        for written, here in names.items():
            block = block.replace(written, here)
        return block.replace("127.0.0.1:9092", topics.address)

    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COMMISSIONS_DATABASE_URL": ledger_database_url,
    }
    run("commissions programme adopt izyinbox", tmp_path, environment)
    said = [
        run(typed(block), tmp_path, environment)
        for block in BLOCKS
        if not block.startswith("docker ")
    ]
    assert len(said) == 5
    consumed, letters, out = said[2:]
    assert "accepted 3" in consumed
    assert "rejected 1" in consumed
    assert "it is still wrong" in letters
    assert "martin" in out
    found = run("commissions balances --format json", tmp_path, environment)
    rows = json.loads(found)["rows"]
    assert [(row["partner_id"], row["currency"], row["earned"]) for row in rows] == [
        ("martin", "EUR", 3540)
    ]
