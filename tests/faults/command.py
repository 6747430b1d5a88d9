"""What a killed process runs: one command, with chunks so small that a kill falls between them."""

from __future__ import annotations

import os
import sys

from interfaces.cli import ingest, runs
from interfaces.cli.main import main
from ledger import deciding

__all__ = ["ingest", "run", "runs"]


def run(url: str, arguments: list[str]) -> None:
    """Run a command quietly, as the only thing that this process does."""
    os.environ["COMMISSIONS_BATCH_SIZE"] = "10"
    deciding.CHUNK_ROWS = 10
    deciding.PAGE_CLIENTS = 7
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.exit(main(["--database", url, *arguments]))
