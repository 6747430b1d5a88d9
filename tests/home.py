"""The directory of one run of the tests: in memory where there is room for it.

A fresh database is some three hundred files: on a disk's file system, making and removing them
takes twenty times the CPU that it takes in memory. Nothing in it is to outlive the machine.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import psutil

MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of the run's own is made in it
ROOM = 4 * 1024**3
"""Bytes that must be free where the homes are: a run needs about one GiB, and others may run."""

_PREFIX = "commissions-tests-"


class Home(NamedTuple):
    """A run's directory, held for as long as the process that made it lives."""

    path: Path
    held: int
    """An open file with the directory's lock."""

    def remove(self) -> None:
        """Remove the directory and let go of it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.held)


def new_home(memory: Path = MEMORY, room: int = ROOM) -> Home:
    """Make the directory of a run, in ``memory`` if ``room`` bytes are free there, else on disk."""
    parent = memory if _has(memory, room) else Path(tempfile.gettempdir())
    door = _lock(parent, fcntl.LOCK_EX)
    try:
        _remove_left_behind(parent)
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        return Home(path, _lock(path, fcntl.LOCK_EX))
    finally:
        os.close(door)


def _has(memory: Path, room: int) -> bool:
    if not os.access(memory, os.W_OK | os.X_OK):
        return False
    return min(shutil.disk_usage(memory).free, psutil.virtual_memory().available) >= room


def _remove_left_behind(parent: Path) -> None:
    """Remove the directories of runs that were killed: nobody holds them."""
    for path in parent.glob(f"{_PREFIX}*"):
        try:
            held = _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # in use, or another user's
            continue
        Home(path, held).remove()


def _lock(directory: Path, how: int) -> int:
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, how)
    except OSError:
        os.close(opened)
        raise
    return opened
