"""How often a process of the ledger collects garbage."""

from __future__ import annotations

import gc


def collect_seldom() -> None:
    """Collect garbage seldom, and nothing of what is loaded already: call it once, at the start.

    Millions of small objects live as long as a batch: collecting as often as Python does by default
    takes a third of the time of an ingest. The few batches that are alive at a time hold less than
    the threshold, so that they are not looked through for nothing.
    """
    gc.freeze()
    gc.set_threshold(500_000, 20, 100)


def collect_young() -> None:
    """Collect what came since the last collection, some 30 ms for 100,000 messages.

    For libraries that leave few, large things in cycles: they hardly count for the threshold.
    """
    gc.collect(0)
