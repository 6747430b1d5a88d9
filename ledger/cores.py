"""How many processes of the ledger may compute at the same time."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""What a container may use of the machine: the microseconds of each period, or ``max``."""


def cores() -> int:
    """Return how many cores this process may use, at least one: not how many the machine has.

    A container may be kept to some of them, or to a part of their time, which is rounded up.
    """
    if sys.platform != "linux":
        return os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0))
    try:
        quota, period = _QUOTA.read_text(encoding="ascii").split()
        return max(1, min(allowed, -(-int(quota) // int(period))))
    except (OSError, ValueError):
        # No group of its own, or no limit.
        return allowed
