"""A ledger with a closed month, a key, and the verifier as an outsider runs it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from replay.transparency import verifier
from tests.conftest import CopyOf
from tests.interfaces.commands import BILLING, Commands

Verify = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def commissions(copy_of: CopyOf, capsys: pytest.CaptureFixture[str]) -> Commands:
    """A ledger with facts, lines, a payout and a closed month."""

    def fill(url: str) -> None:
        commands = Commands(url, capsys)
        commands.done("programme", "adopt", "izyinbox")
        commands("ingest", BILLING)
        commands.done("accrue", "--through", "2026-06-30", "--ahead")
        commands.done("payouts", "run", "--cutoff", "2026-06-30", "--ahead")
        commands.done("close", "2026-06", "--ahead", "--acknowledge")
        commands.done("accrue", "--through", "2026-07-31", "--ahead")

    return Commands(copy_of("audited", fill), capsys)


@pytest.fixture
def key(commissions: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The public key's file; the private one is in the settings."""
    private, public = tmp_path / "key", tmp_path / "public"
    made = commissions.done("checkpoint", "key", private, "--format", "json")
    public.write_text(made.json["public_key"] + "\n")
    monkeypatch.setenv("COMMISSIONS_CHECKPOINT_KEY_FILE", str(private))
    return public


@pytest.fixture
def verify(tmp_path: Path) -> Verify:
    """Run the one file, copied elsewhere, by an interpreter that does not see the project."""
    alone = tmp_path / "elsewhere" / "commissions-verify.py"
    alone.parent.mkdir()
    alone.write_bytes(Path(verifier.__file__).read_bytes())

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", alone, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=alone.parent,
            timeout=60,
        )

    return run
