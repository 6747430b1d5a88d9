"""From an empty home to a payout, in processes of their own, on the embedded PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest

from tests.e2e.commands import run

BILLING = Path(__file__).with_name("billing.jsonl")


@pytest.mark.slow
def test_a_billing_file_becomes_balances(tmp_path: Path) -> None:
    """Adopt, ingest from standard input, accrue, pay, verify; no server is left behind."""
    home = {"COMMISSIONS_HOME": str(tmp_path / "home")}
    refused = run("balances", more=home)
    assert (refused.returncode, refused.stdout) == (1, b"")
    assert b"commissions programme adopt izyinbox" in refused.stderr
    assert run("programme", "adopt", "izyinbox", more=home).returncode == 0
    taken = run("ingest", "-", "--format", "json", stdin=BILLING.read_bytes(), more=home)
    assert taken.returncode == 0
    assert json.loads(taken.stdout)["accepted"] == 31
    assert run("accrue", "--through", "2026-06-30", more=home).returncode == 0
    paid = run("payouts", "run", "--cutoff", "2026-06-30", "--format", "json", more=home)
    assert len(json.loads(paid.stdout)["rows"]) == 3
    balances = json.loads(run("balances", "--format", "json", more=home).stdout)["rows"]
    assert [row["in_flight"] for row in balances] == [23675, 11800, 1180]
    verified = run("verify", more=home)
    assert verified.returncode == 0, verified.stdout
    assert b"nothing is wrong" in verified.stdout
    log = [json.loads(line) for line in verified.stderr.splitlines()]
    assert [(line["event"], line["outcome"]) for line in log] == [("verify", "ok")]
    assert not [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if str(tmp_path) in " ".join(process.info["cmdline"] or ())
    ]
