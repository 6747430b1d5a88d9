"""All faults mixed, for as long as one likes: ``python -m tests.faults.soak [SECONDS] [SEED]``.

Prints its seed at the start and says at the end whether the ledger is the one to which nothing
happened; run by ``make soak``.
"""

from __future__ import annotations

import os
import sys

import pytest


def main(arguments: list[str]) -> int:
    """Run the one test that is the soak; the exit status is pytest's."""
    seconds, seed = [*arguments, "", ""][:2]
    os.environ["COMMISSIONS_TEST_SOAK_SECONDS"] = seconds or "120"
    os.environ["COMMISSIONS_TEST_SOAK_SEED"] = seed
    return pytest.main(["-s", "-n0", "tests/faults/test_consume_soak.py"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
