"""Looks for known vulnerabilities in the locked dependencies; run by ``make audit``.

A finding fails. An advisory service that cannot be reached does not: the build of a machine
without it would say nothing about the code. What could not be audited is said.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

# Whatever the other lock file names stands in this one, in the same version.
LOCK = Path(__file__).parents[1] / "requirements-dev.lock"
_UNREACHABLE = ("connection", "connect to", "timed out", "timeout", "name resolution", "proxy")


def main() -> int:
    """Run pip-audit on the lock file and judge its answer; returns the exit status."""
    command = [
        *(sys.executable, "-m", "pip_audit", "--requirement", str(LOCK)),
        *("--require-hashes", "--disable-pip", "--format", "json"),
        *("--progress-spinner", "off", "--timeout", "10"),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - ours
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return _judge_silence(done.returncode, done.stderr)
    skipped = [found for found in dependencies if "skip_reason" in found]
    hit = [found for found in dependencies if found.get("vulns")]
    for found in hit:
        ids = ", ".join(vulnerability["id"] for vulnerability in found["vulns"])
        print(f"{found['name']} {found['version']}: {ids}")  # noqa: T201
    print(  # noqa: T201
        f"audit: {len(dependencies) - len(skipped)} audited, {len(hit)} with known "
        f"vulnerabilities, {len(skipped)} unknown to the advisory service"
    )
    return 1 if hit else 0


def _judge_silence(status: int, errors: str) -> int:
    """What no report means: the service is away, or something is wrong with the audit itself."""
    if any(sign in errors.lower() for sign in _UNREACHABLE):
        print("audit: skipped, the advisory service cannot be reached")  # noqa: T201
        return 0
    print(errors, file=sys.stderr)  # noqa: T201
    return status or 1


if __name__ == "__main__":
    sys.exit(main())
