"""``python -m ledger.policy.rulebook`` writes docs/rules.md anew from the catalogue of rules."""

from __future__ import annotations

import sys
from pathlib import Path

from ledger.policy.rulebook.page import page

PAGE = Path(__file__).parents[3].joinpath("docs", "rules.md")


def main() -> int:
    """Write the page; answers the exit status."""
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name}: {page().count(chr(10))} lines\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
