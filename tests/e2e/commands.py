"""Runs the command line in processes of their own, as a shell does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "interfaces.cli.main")


NOTHING: Mapping[str, str] = {}


def environment(more: Mapping[str, str]) -> Mapping[str, str]:
    """The environment without settings of ours, but for those given."""
    plain = {
        name: value for name, value in os.environ.items() if not name.startswith("COMMISSIONS_")
    }
    return {**plain, "PYTHONPATH": str(ROOT), **more}


def run(
    *arguments: str | Path,
    stdin: bytes = b"",
    timeout: float = 120,
    more: Mapping[str, str] = NOTHING,
) -> subprocess.CompletedProcess[bytes]:
    """Run one command to its end; ``more`` are variables of its environment."""
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env=environment(more),
        timeout=timeout,
        check=False,
    )


def start(*arguments: str | Path, more: Mapping[str, str] = NOTHING) -> subprocess.Popen[bytes]:
    """Start one command with pipes at all three ends, heeding Ctrl-C.

    What runs in the background of a script ignores it, and so would what the tests start there.
    """
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads yet
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(more),
    )
