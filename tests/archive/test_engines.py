"""The command line that names an engine: the same bytes by either, or a line that says why."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.archive.test_commands import Offline, _position
from tests.interfaces.commands import Commands

ENGINES = ("duckdb", "spark")


@pytest.fixture
def offline(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Offline:
    """Commands that name no database, and fail if they need one."""
    monkeypatch.setenv("COMMISSIONS_DATABASE_URL", "postgresql://127.0.0.1:1/nowhere")
    return Offline(capsys)


def test_an_archive_is_asked_with_its_engine_before_the_query(
    closed: Commands, archived: Path, offline: Offline
) -> None:
    """The same options, the same bytes, as without naming one."""
    at = ("--position", _position(archived), "--effective-at", "2026-04-30", "--format", "json")
    of_april = ("statement", "p-alpha", "--month", "2026-04")
    for query in (("balances",), ("history", "--all"), of_april):
        stored = closed.done(*query, *at)
        assert offline("replay", "--archive", archived, *query, *at) == (0, stored.out, "")


def test_an_archive_is_decided_again_as_the_ledger_is(closed: Commands, tmp_path: Path) -> None:
    """With the archive in the place of the ledger, or by way of its engine."""
    archive = tmp_path / "a"
    closed.done("archive", archive, "--through", closed.position() or 0)
    stored = closed.done("recompute", "--format", "json")
    assert closed.done("recompute", "--archive", archive, "--format", "json").out == stored.out
    by_engine = closed.done("replay", "--archive", archive, "recompute", "--format", "json")
    assert by_engine.out == stored.out


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("query", ["balances", "recompute"])
def test_a_damaged_archive_is_named_by_each_engine(
    engine: str, query: str, archived: Path, offline: Offline
) -> None:
    """Before anything is read: a byte changed, a file cut off, a file missing, no manifest."""
    asked = ("replay", "--engine", engine, "--archive", archived, query)
    file = next(archived.glob("part-*/events-*.parquet"))
    whole = file.read_bytes()
    middle = len(whole) // 2
    file.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    assert f"{file} was changed" in offline.refused(*asked)
    file.write_bytes(whole[:middle])
    assert f"{file} is cut off: {middle} bytes of {len(whole)}" in offline.refused(*asked)
    file.unlink()
    assert f"{file} is missing" in offline.refused(*asked)
    (archived / "manifest.json").unlink()
    assert "is no archive" in offline.refused(*asked)


def test_without_java_it_is_said_what_to_install(
    archived: Path, offline: Offline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """None where JAVA_HOME says, and none on the path."""
    asked = ("replay", "--engine", "spark", "--archive", archived, "balances")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    said = offline.refused(*asked)
    assert f"there is none in JAVA_HOME, which is {tmp_path}" in said
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt-get install openjdk-17-jre-headless" in offline.refused(*asked)


def test_without_the_package_it_is_said_which_extra_has_it(
    archived: Path, offline: Offline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever needs no cluster has not installed it."""
    for name in [
        each for each in sys.modules if each.startswith(("pyspark", "replay.archive.spark"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyspark", None)
    said = offline.refused("replay", "--engine", "spark", "--archive", archived, "balances")
    assert "need the package pyspark" in said
    assert "pip install 'commission-ledger[spark]'" in said


def test_the_archive_has_to_be_named(offline: Offline) -> None:
    """There is no engine over a ledger but its own database."""
    status, out, said = offline("replay", "balances")
    assert (status, out) == (2, "")
    assert "--archive" in said
