"""Exports as commands: what is written, where, and what is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.interfaces.commands import Commands


def test_a_journal_to_a_file_or_to_standard_output(billing: Commands, tmp_path: Path) -> None:
    """The same bytes."""
    for kind in ("hledger", "beancount"):
        out = tmp_path / kind
        said = billing.done("export", kind, "--out", out).out
        assert str(out) in said
        assert out.read_text("utf-8") == billing.done("export", kind).out
        assert "partner" in out.read_text("utf-8")


def test_the_french_file_has_the_name_of_the_law(billing: Commands, tmp_path: Path) -> None:
    """SIREN, FEC and the year's last day; open months are told, closed ones validated."""
    told = billing.refused("export", "fec", "--year", "2026", "--out", tmp_path)
    assert "--rate CHF=" in told
    rate = ("--rate", "CHF=0.95")
    options = ("export", "fec", "--year", "2026", *rate, "--out", tmp_path, "--format", "json")
    before = billing.done(*options).json
    assert len(before["open_months"]) == 12
    billing.done("close", "2026-01")
    after = billing.done(*options).json
    path = tmp_path / "000000000FEC20261231.txt"
    content = path.read_bytes()
    assert after["file"] == str(path)
    assert after["sha256"] == hashlib.sha256(content).hexdigest()
    assert after["open_months"] == [f"2026-{month:02}" for month in range(2, 13)]
    assert after["debit"] == after["credit"] > 0
    lines = content.decode().removesuffix("\r\n").split("\r\n")[1:]
    assert len(lines) == after["lines"]
    for line in lines:
        members = line.split("\t")
        assert bool(members[15]) == members[3].startswith("202601")


def test_a_programme_without_accounts_has_no_french_file(
    commissions: Commands, tmp_path: Path
) -> None:
    """The refusal names the keys."""
    text = Path(__file__).parents[2] / "ledger" / "policy" / "programmes" / "izyinbox.toml"
    bare = tmp_path / "bare.toml"
    bare.write_text(text.read_text("utf-8").partition("[accounting]")[0], "utf-8")
    commissions.done("programme", "adopt", bare)
    told = commissions.refused("export", "fec", "--year", "2026", "--out", tmp_path)
    assert "accounting.siren, accounting.account, accounting.journal" in told


def test_a_rate_is_written_so(billing: Commands) -> None:
    """Wrong usage."""
    told = billing.refused("export", "fec", "--year", "2026", "--rate", "CHF=x", status=2)
    assert "CHF=1.0432" in told
