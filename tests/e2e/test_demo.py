"""The demo: one command, a year, the same figures everywhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.e2e.commands import run

NOWHERE = {"COMMISSIONS_DATABASE_URL": "postgresql://127.0.0.1:9/none"}

KINDS = {
    *("commission", "margin", "waiver", "bonus", "contest", "reward", "override", "prize"),
    *("credit", "adjustment"),
}
"""Every kind of line that there is (D18)."""


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_the_demo_plays_into_a_new_ledger_and_replaces_only_itself(
    ledger_database_url: str,
) -> None:
    """Twice it is refused, --again makes it anew with the same text; every query answers then."""
    url = ("--database", ledger_database_url)
    first = run(*url, "demo", timeout=120)
    assert first.returncode == 0, first.stderr
    text = first.stdout.decode()
    for part in ("Balances", "Tiers", "Leaderboard", "Commissions by month", "A statement"):
        assert part in text
    kinds = {
        row["kind"]
        for row in json.loads(run(*url, "history", "--all", "--format", "json").stdout)["rows"]
    }
    assert kinds == KINDS
    assert all(f"\n{kind}" in text for kind in KINDS)
    position = _position(url)
    second = run(*url, "demo")
    assert (second.returncode, second.stdout) == (1, b"")
    assert b"--again" in second.stderr
    assert _position(url) == position
    again = run(*url, "demo", "--again", timeout=120)
    assert again.stdout == first.stdout
    assert _position(url) == position
    listed = run(*url, "dead-letters", "list", "--all", "--format", "json").stdout
    left, settled = json.loads(listed)["rows"]
    assert (left["kind"], left["member"], left["status"]) == ("rejected", "data.price", "open")
    assert (settled["status"], settled["reason"]) == ("discarded", "test_system")
    figures = json.loads(run(*url, "kpi", "--programme", "--format", "json").stdout)["rows"]
    assert [row["figure"] for row in figures if row["value"] is None] == []
    for words, shown in _documented():
        assert run(*url, *words.split()).stdout.decode() == shown, words
    verified = run(*url, "verify", timeout=120)
    assert verified.returncode == 0, verified.stdout


def test_a_ledger_in_use_is_never_replaced(ledger_database_url: str) -> None:
    """Neither without --again nor with it."""
    url = ("--database", ledger_database_url)
    assert run(*url, "programme", "adopt", "izyinbox").returncode == 0
    for again in ((), ("--again",)):
        refused = run(*url, "demo", *again)
        assert (refused.returncode, refused.stdout) == (1, b"")
        assert b"stays as it is" in refused.stderr
    assert _position(url) == 1


def test_the_demos_messages_can_be_written(tmp_path: Path) -> None:
    """They are JSON Lines; no database is asked."""
    file = tmp_path / "year.jsonl"
    written = run("demo", "--write", file, more=NOWHERE)
    assert written.returncode == 0, written.stderr
    lines = file.read_bytes().splitlines()
    assert len(lines) > 10_000
    assert all(json.loads(line)["specversion"] == "1.0" for line in lines)


def _documented() -> list[tuple[str, str]]:
    """What docs/explain.md shows of the demo: the words of each command, and its output."""
    text = (Path(__file__).parents[2] / "docs" / "explain.md").read_text(encoding="utf-8")
    found = re.findall(r"^```text\n\$ commissions (.+)\n((?:.*\n)*?)```$", text, re.MULTILINE)
    assert found
    return found


def _position(url: tuple[str, ...]) -> int:
    told = run(*url, "balances", "--format", "json")
    position = json.loads(told.stdout)["as_of"]["position"]
    assert isinstance(position, int)
    return position
