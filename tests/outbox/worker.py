"""A relay in a process of its own, with pages so small that a kill falls between them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from interfaces.cli.main import main
from ledger.ingest import outbox

PAGE = 5
_started: list[subprocess.Popen[bytes]] = []


def start(url: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start ``commissions relay`` on a ledger."""
    relay = subprocess.Popen(
        [sys.executable, "-m", "tests.outbox.worker", url, *arguments],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    _started.append(relay)
    return relay


def end() -> None:
    """Kill whoever is left: a test that failed told nobody to leave."""
    while _started:
        relay = _started.pop()
        if relay.poll() is None:
            relay.kill()
            relay.communicate()


if __name__ == "__main__":
    outbox.PAGE_POSITIONS = PAGE
    sys.exit(main(["--database", sys.argv[1], "relay", *sys.argv[2:], "--format", "json"]))
