"""How many processes may compute at a time: what this process may use, not what there is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger import cores as asked
from ledger.cores import cores
from tests.test_architecture import ROOMS, modules

ON_ONE_CORE = (
    "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
    " from ledger.cores import cores; print(cores())"
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all cores may be used")


@linux
def test_a_process_that_is_kept_to_one_core_uses_one() -> None:
    """As ``docker run --cpuset-cpus`` does, however many the machine has."""
    told = subprocess.run(
        [sys.executable, "-c", ON_ONE_CORE], check=True, capture_output=True, text=True
    )
    assert told.stdout.strip() == "1"


@linux
@pytest.mark.parametrize(
    ("quota", "used"),
    [
        ("max 100000", 8),
        ("100000 100000", 1),
        ("150000 100000", 2),
        ("5000 100000", 1),
        ("9000000 100000", 8),
        ("what is this", 8),
        (None, 8),
    ],
)
def test_a_container_s_share_of_the_time_is_a_limit_too(
    quota: str | None, used: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As ``docker run --cpus`` does; a part of a core is one."""
    limit = tmp_path / "cpu.max"
    if quota is not None:
        limit.write_text(f"{quota}\n")
    monkeypatch.setattr(asked, "_QUOTA", limit)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert cores() == used


def test_nobody_else_counts_cores() -> None:
    """One function says it, so that one container has one answer."""
    counting = [
        path.name
        for path in modules(*ROOMS)
        if any(word in path.read_text("utf-8") for word in ("cpu_count", "sched_getaffinity"))
    ]
    assert counting == ["cores.py"]
