"""Files that commands write: whole or not at all, and what is said where they cannot be."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

import pytest

from interfaces.cli.output import Row, write_csv
from interfaces.files import replace_file, replacing
from tests.interfaces.commands import Commands


def full(*_: object) -> int:
    """The answer of a disk without room."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_is_replaced_whole_or_left(tmp_path: Path) -> None:
    """After an error it holds what it held, and nothing lies beside it."""
    file = tmp_path / "file"
    replace_file(file, b"one")

    def half() -> None:
        with replacing(file) as beside:
            beside.write_bytes(b"tw")
            full()

    with pytest.raises(OSError, match="No space left") as told:
        half()
    assert told.value.filename == str(file)
    assert file.read_bytes() == b"one"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    """Where there is nothing yet, too."""
    file, link = tmp_path / "file", tmp_path / "link"
    link.symlink_to(file)
    for content in (b"one", b"two"):
        replace_file(link, content)
        assert (link.is_symlink(), file.read_bytes()) == (True, content)


def test_a_pipe_or_a_device_is_written_to(tmp_path: Path) -> None:
    """And is still there: root could replace even those of the system."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        replace_file(pipe, b"content")
        assert os.read(reading, 100) == b"content"
    finally:
        os.close(reading)
    assert pipe.is_fifo()
    assert [each.name for each in tmp_path.iterdir()] == ["pipe"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """Not the place beside the file, which nobody asked for."""
    with pytest.raises(FileNotFoundError) as told:
        replace_file(tmp_path / "none" / "file", b"")
    assert told.value.filename == str(tmp_path / "none")


def test_the_command_line_says_what_to_do(billing: Commands, tmp_path: Path) -> None:
    """The folder, what the system said, and advice."""
    told = billing.refused("export", "hledger", "--out", tmp_path / "none" / "journal")
    assert told == (
        f"commissions: {tmp_path / 'none'}: No such file or directory; make it, or name another"
        " place"
    )


def test_an_export_of_views_changes_all_files_or_none(
    billing: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full at the second view: the files of the earlier export are untouched."""
    billing.done("export", "csv", tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    billing.done("accrue", "--through", "2026-07-31")
    written: list[Path] = []

    def filling(rows: Iterable[Row], members: Sequence[str], stream: TextIO) -> int:
        written.append(Path(stream.name))
        return full() if len(written) == 2 else write_csv(rows, members, stream)

    monkeypatch.setattr("interfaces.cli.export.write_csv", filling)
    told = billing.refused("export", "csv", tmp_path)
    assert told.endswith("No space left on device; make room and run the command again")
    assert f"{tmp_path / 'commission_history.csv'}: " in told
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
