"""The database's disk is full, then freed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from interfaces.embedded import EmbeddedPostgres
from tests.conftest import install_schema
from tests.faults.consuming import Group, Oracle, produce, story, until
from tests.interfaces.commands import Commands
from tests.kafka.topics import Topics

SIZE_MIB = 192


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, which only root can make."""
    folder = tmp_path / "small"
    folder.mkdir()
    size = f"size={SIZE_MIB}m,mode=711"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.fault
@pytest.mark.timeout(180)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small file system")
def test_the_disk_of_the_database_is_full_then_freed(
    small_disk: Path,
    topics: Topics,
    oracle: Oracle,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is a dead letter, nothing is lost: the worker waits until there is room."""
    with EmbeddedPostgres(small_disk / "home") as url:
        install_schema(url)
        Commands(url, capsys).done("programme", "adopt", "izyinbox")
        group = Group(url, topics, topics.new(partitions=4), tmp_path)
        events = story(1_500)
        ballast = small_disk / "ballast"
        try:
            produce(topics, group.topic, events[:200])
            worker = group.start(settings={"batch_size": 100})
            until(lambda: group.facts() == 200)
            free = shutil.disk_usage(small_disk).free
            with ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, free - 2**16)
            produce(topics, group.topic, events[200:])
            until(lambda: bool(worker.lines("database away")))
            ballast.unlink()
            until(lambda: group.facts() == len(events))
            worker.leave()
            assert group.letters() == 0
            oracle.assert_exact(group, events)
        finally:
            group.end()
