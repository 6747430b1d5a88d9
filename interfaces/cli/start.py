"""The console script: Ctrl-C is one line from the first moment, while modules are still read."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> int:
    """Run the command line; gives the exit status."""
    try:
        from interfaces.cli.main import main as run  # noqa: PLC0415 - what may be interrupted
    except KeyboardInterrupt:
        sys.stderr.write("commissions: interrupted before it began\n")
        return INTERRUPTED
    return run()
