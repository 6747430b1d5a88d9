"""The audit of the locked dependencies: a finding fails, a service that is away does not."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "audit.py"

Audit = Callable[[int, str, str], int]


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> Audit:
    """The audit's exit status when pip-audit ends with (status, output, errors)."""
    spec = importlib.util.spec_from_file_location("audit", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def run(status: int, output: str, errors: str) -> int:
        done = subprocess.CompletedProcess([], status, output, errors)
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
        found: int = module.main()
        return found

    return run


def report(*vulnerabilities: str) -> str:
    """A report of pip-audit on one dependency."""
    found = [{"id": name, "fix_versions": []} for name in vulnerabilities]
    return json.dumps({"dependencies": [{"name": "left", "version": "1.0", "vulns": found}]})


def test_nothing_found_passes(audit: Audit) -> None:
    """The ordinary day."""
    assert audit(0, report(), "No known vulnerabilities found") == 0


def test_a_finding_fails_and_is_named(audit: Audit, capsys: pytest.CaptureFixture[str]) -> None:
    """With the package, its version and the advisory."""
    assert audit(1, report("GHSA-1", "GHSA-2"), "Found 2 known vulnerabilities") == 1
    assert "left 1.0: GHSA-1, GHSA-2" in capsys.readouterr().out


@pytest.mark.parametrize(
    "errors",
    [
        "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed",
        "requests.exceptions.ConnectionError: Max retries exceeded",
        "ERROR:pip_audit._cli:Connection timed out",
    ],
)
def test_a_service_that_is_away_passes_and_says_so(
    audit: Audit, capsys: pytest.CaptureFixture[str], errors: str
) -> None:
    """A build without it would say nothing about the code."""
    assert audit(1, "", errors) == 0
    assert "cannot be reached" in capsys.readouterr().out


def test_a_broken_audit_fails(audit: Audit) -> None:
    """A lock file that cannot be read is not a service that is away."""
    assert audit(1, "", "ERROR:pip_audit._cli:requirement has no hashes") == 1
