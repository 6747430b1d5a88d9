"""How often a process of the ledger collects garbage."""

from __future__ import annotations

import gc


def collect_seldom() -> None:
    """Collect garbage seldom, and nothing of what is loaded already: call it once, at the start.

    Millions of small objects live as long as a batch: collecting as often as Python does by default
    takes a third of the time of an ingest.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
