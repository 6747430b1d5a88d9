"""The directory of a run of the tests is made where it should be, and none is left behind."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.home import new_home


@pytest.mark.skipif(sys.platform != "linux", reason="where memory is a directory")
def test_a_run_that_was_killed_leaves_its_home_to_the_next(tmp_path: Path) -> None:
    """Who is at work keeps its own."""
    killed, works = new_home(tmp_path, room=0), new_home(tmp_path, room=0)
    killed.path.joinpath("data").mkdir()
    os.close(killed.held)  # as the kernel does
    third = new_home(tmp_path, room=0)
    assert not killed.path.exists()
    assert works.path.is_dir()
    assert third.path.is_dir()
    works.remove()
    third.remove()
    assert list(tmp_path.iterdir()) == []


def test_without_room_in_memory_a_home_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where there is no such directory at all."""
    disk = tmp_path / "disk"
    disk.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(disk))
    for home in (new_home(tmp_path, room=1 << 60), new_home(tmp_path / "none", room=0)):
        assert home.path.parent == disk
        home.remove()
