"""The command line over an archive: the same bytes as over the ledger, or a line that says why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from interfaces.cli.main import main
from replay.archive.manifest import described
from tests.interfaces.commands import BILLING, Commands

QUERIES = (
    ("balances",),
    ("history", "--all"),
    ("tiers",),
    ("tiers", "--history"),
    ("leaderboard", "--all-time"),
    ("badges",),
    ("statement", "p-alpha", "--month", "2026-05"),
    ("statement", "p-alpha", "--month", "2026-04", "--format", "csv"),
    ("trial-balance",),
    ("receivables",),
    ("claims",),
    ("conflicts",),
    ("territories",),
    ("unresolved",),
    ("payouts", "list"),
    ("programme", "show"),
    ("rules", "D7"),
    ("kpi", "--all"),
)


@pytest.fixture
def offline(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Offline:
    """Commands that name no database, and fail if they need one."""
    monkeypatch.setenv("COMMISSIONS_DATABASE_URL", "postgresql://127.0.0.1:1/nowhere")
    return Offline(capsys)


class Offline:
    """Runs commands without a database."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Return the exit status, what was written, and what was said of errors."""
        self._capture.readouterr()
        status = main(list(map(str, arguments)))
        captured = self._capture.readouterr()
        said = [line for line in captured.err.splitlines() if not line.startswith("{")]
        return status, captured.out, "\n".join(said)

    def refused(self, *arguments: str | Path) -> str:
        """Run a command that must fail with one line; returns the line."""
        status, out, said = self(*arguments)
        assert (status, out, len(said.splitlines())) == (1, "", 1), (status, out, said)
        return said


def _position(archive: Path) -> str:
    return str(_manifest(archive)["parts"][-1]["through"])


def _manifest(archive: Path) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = json.loads((archive / "manifest.json").read_text())
    return found


def _rewrite(archive: Path, manifest: dict[str, list[dict[str, object]]]) -> None:
    (archive / "manifest.json").write_text(json.dumps(manifest))


def test_queries_answer_the_same_bytes(closed: Commands, archived: Path, offline: Offline) -> None:
    """Without a database, as of the archive's end, as the ledger does as of that position."""
    at = ("--position", _position(archived), "--effective-at", "2026-04-30")
    for query in QUERIES:
        for place in (at[:2], at):
            form = () if "--format" in query else ("--format", "json")
            stored = closed.done(*query, *form, *place)
            found = offline(*query, *form, *place, "--archive", archived)
            assert found == (0, stored.out, ""), query


def test_reasons_and_differences_are_the_same_bytes(
    closed: Commands, archived: Path, offline: Offline
) -> None:
    """As of the archive's end; what came after it is refused."""
    at, end = ("--format", "json"), _position(archived)
    known = ("--position", end)
    line = closed.done("history", "p-alpha", *at).rows[0]["position"]
    for asked in (
        ("explain", str(line), *known),
        ("explain", "--client", "c-1", "--period", "2026-05-20", *known),
        ("explain", "--partner", "p-alpha", "--period", "2026-04", *known),
        ("diff", "--from", "10", "--to", end),
    ):
        stored = closed.done(*asked, *at)
        assert offline(*asked, *at, "--archive", archived) == (0, stored.out, ""), asked
    after = str(int(end) + 1)
    said = offline.refused("explain", after, "--archive", archived)
    # The ledger may well have it.
    assert f"is not among what is asked, which ends at {end}; give one from 1 to {end}" in said
    assert f"ends at {end}" in offline.refused(
        "diff", "--from", "10", "--to", after, "--archive", archived
    )


def test_an_archive_grows_and_keeps_its_parts(
    closed: Commands, archived: Path, offline: Offline
) -> None:
    """A later close adds a part; the part before stays, byte for byte, and all of it is checked."""
    before = {path: path.read_bytes() for path in archived.glob("part-*/*")}
    closed.done("close", "2026-06", "--acknowledge")
    written = closed.done("archive", archived, "--format", "json").json
    assert written["parts"] == 2
    assert {path: path.read_bytes() for path in before} == before
    assert closed.done("archive", archived, "--format", "json").json == written
    status, out, _ = offline("archive", "--check", archived, "--format", "json")
    assert (status, json.loads(out)) == (0, written)


def test_a_month_is_archived_through_its_close(closed: Commands, tmp_path: Path) -> None:
    """No further; and a month that is open is refused."""
    at = closed.done("archive", tmp_path / "a", "--period", "2026-05", "--format", "json").json
    statement = closed.done("statement", "p-alpha", "--month", "2026-05", "--format", "json").json
    assert statement["statement"]["position"] < at["position"] < (closed.position() or 0)
    assert "2026-06 is not closed yet" in closed.refused(
        "archive", tmp_path / "b", "--period", "2026-06"
    )


def test_checkpoints_go_along(
    closed: Commands,
    archived: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    offline: Offline,
) -> None:
    """Those of no more than the archive's events, held against its leaves by the check."""
    closed.done("checkpoint", "key", tmp_path / "key")
    monkeypatch.setenv("COMMISSIONS_CHECKPOINT_KEY_FILE", str(tmp_path / "key"))
    note = closed.done("checkpoint", "create", "--format", "json").json["note"]
    closed.done("archive", archived)
    assert _manifest(archived)["checkpoints"] == []
    closed.done("archive", archived, "--through", closed.position() or 0)
    manifest = _manifest(archived)
    assert [one["note"] for one in manifest["checkpoints"]] == [note]
    assert offline("archive", "--check", archived)[0] == 0

    manifest["checkpoints"][0]["position"] = 5
    _rewrite(archived, manifest)
    assert "at position 5: checkpoint, it says" in offline.refused("archive", "--check", archived)


@pytest.mark.parametrize("query", [("balances",), ("archive", "--check")], ids=" ".join)
def test_a_damaged_archive_is_named(
    query: tuple[str, ...], archived: Path, offline: Offline
) -> None:
    """A byte changed, a file cut off, a file missing, no manifest, one that cannot be read."""
    where = ("--archive", archived) if query == ("balances",) else (archived,)
    file = next(archived.glob("part-*/events-*.parquet"))
    whole = file.read_bytes()

    middle = len(whole) // 2
    file.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    assert f"{file} was changed" in offline.refused(*query, *where)
    file.write_bytes(whole[:middle])
    assert f"{file} is cut off: {middle} bytes of {len(whole)}" in offline.refused(*query, *where)
    file.unlink()
    assert f"{file} is missing" in offline.refused(*query, *where)
    (archived / "manifest.json").write_text("{")
    assert "cannot be read" in offline.refused(*query, *where)
    (archived / "manifest.json").unlink()
    assert "is no archive" in offline.refused(*query, *where)


@pytest.mark.parametrize(
    ("member", "value"), [("through", 5), ("first", 2), ("root", "00"), ("files", [])]
)
def test_a_manifest_that_contradicts_itself_is_named(
    member: str, value: object, archived: Path, offline: Offline
) -> None:
    """Positions without rows, parts that do not follow, a hash that is none."""
    manifest = _manifest(archived)
    manifest["parts"][0][member] = value
    _rewrite(archived, manifest)
    assert "manifest.json cannot be read" in offline.refused("balances", "--archive", archived)


@pytest.mark.parametrize("member", ["root", "frontier"])
def test_a_manifest_that_lies_is_found_by_the_check(
    member: str, archived: Path, offline: Offline
) -> None:
    """A root that is not of the events."""
    manifest = _manifest(archived)
    told = str(manifest["parts"][0][member])
    manifest["parts"][0][member] = told[:-1] + ("0" if told[-1] != "0" else "1")
    _rewrite(archived, manifest)
    said = offline.refused("archive", "--check", archived)
    assert f"at position {_position(archived)}: root" in said


@pytest.mark.parametrize(
    ("column", "check"),
    [("amount", "columns"), ("day", "days"), ("source", "root"), ("recorded_at", "root")],
)
def test_a_forged_column_with_its_hash_forged_is_found(
    column: str, check: str, archived: Path, offline: Offline
) -> None:
    """Whoever writes a file anew, and its hash into the manifest, still has to meet the root."""
    file = next(archived.glob("part-*/events-*.parquet"))
    table = pq.read_table(file)
    values = table[column].to_pylist()
    at = max(at for at, value in enumerate(values) if value is not None)
    other = values[at + 1 :] + values[:at]
    values[at] = next(each for each in other if each not in {None, values[at]})
    forged = table.set_column(
        table.schema.get_field_index(column),
        table.schema.field(column),
        [values],
    )
    pq.write_table(forged, file)
    manifest = _manifest(archived)
    manifest["parts"][0]["files"] = [described(file, len(values)).model_dump()]
    _rewrite(archived, manifest)
    said = offline.refused("archive", "--check", archived)
    assert f": {check}, " in said or "recorded before" in said, said


def _cut(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])


def _garbled(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:8] + bytes(len(whole) // 2) + whole[8 + len(whole) // 2 :])


def _of_another_column(file: Path) -> None:
    table = pq.read_table(file)
    names = [{"originator_version": "version"}.get(name, name) for name in table.column_names]
    pq.write_table(table.rename_columns(names), file)


@pytest.mark.parametrize("change", [_cut, _garbled, _of_another_column])
def test_a_file_that_cannot_be_read_is_named_though_its_hash_fits(
    change: Callable[[Path], None], archived: Path, offline: Offline
) -> None:
    """Cut off, garbled, of other columns, and the manifest says so: one line, no traceback."""
    file = next(archived.glob("part-*/events-*.parquet"))
    manifest = _manifest(archived)
    change(file)
    rows = manifest["parts"][0]["through"]
    assert isinstance(rows, int)
    manifest["parts"][0]["files"] = [described(file, rows).model_dump()]
    _rewrite(archived, manifest)
    said = offline.refused("archive", "--check", archived)
    assert "cannot be read (" in said or "at position" in said, said


def test_what_the_archive_cannot_answer_is_said(
    closed: Commands, archived: Path, offline: Offline
) -> None:
    """A position or an instant after its end: what is missing, not an answer of less."""
    after = str(int(_position(archived)) + 1)
    said = offline.refused("balances", "--archive", archived, "--position", after)
    assert f"position {after} is not in the archive" in said
    late = ("--known-at", "2999-01-01T00:00:00Z")
    assert "events recorded since are missing" in offline.refused(
        "balances", "--archive", archived, *late
    )
    assert closed.done("balances", *late).out


def test_an_instant_inside_an_append_is_not_of_an_archive_that_cuts_it(
    closed: Commands, tmp_path: Path, offline: Offline
) -> None:
    """All events of an append have one instant; an archive of the first of them ends before it."""
    with psycopg.connect(closed.url) as connection:
        row = connection.execute(
            "SELECT MIN(position), to_char(recorded_at AT TIME ZONE 'UTC',"
            ' \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\') FROM ledger.events'
            " GROUP BY recorded_at HAVING COUNT(*) > 1 ORDER BY 1 LIMIT 1"
        ).fetchone()
    assert row is not None
    position, instant = row
    archive = tmp_path / "cut"
    closed.done("archive", archive, "--through", position)
    assert "events recorded since are missing" in offline.refused(
        "balances", "--archive", archive, "--known-at", instant
    )
    assert offline("balances", "--archive", archive, "--position", str(position))[0] == 0


def test_an_archive_of_another_ledger_is_refused(
    closed: Commands, archived: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a database is named beside it, and where it is to be added to."""
    other = Commands(database_url, capsys)
    other.done("programme", "adopt", "izyinbox")
    assert "is the archive of another ledger" in other.refused("balances", "--archive", archived)
    assert "is the archive of another ledger" in other.refused(
        "archive", archived, "--through", "1"
    )
    assert closed.done("balances", "--archive", archived).out


def test_a_ledger_whose_hashes_do_not_hold_is_not_archived(
    closed: Commands, tmp_path: Path
) -> None:
    """Nothing is written that a check of the archive would refuse."""
    with psycopg.connect(closed.url, autocommit=True) as connection:
        connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER ALL")
        connection.execute("UPDATE ledger.events SET source = '/other' WHERE position = 3")
    said = closed.refused("archive", tmp_path / "a")
    assert "position 3 is not what was hashed; nothing is archived" in said
    assert not (tmp_path / "a" / "manifest.json").exists()


def test_what_a_killed_command_left_is_not_of_the_archive(
    closed: Commands, archived: Path, offline: Offline
) -> None:
    """A part without its manifest, and one half written: not read, and gone with the next."""
    part = next(archived.glob("part-*"))
    for name in ("part-000000000099-000000000100", ".unfinished-part-000000000099-000000000100"):
        shutil.copytree(part, archived / name)
    before = offline("balances", "--archive", archived)
    assert before[0] == 0
    closed.done("archive", archived)
    assert [path.name for path in sorted(archived.iterdir())] == ["manifest.json", part.name]
    assert offline("balances", "--archive", archived) == before


def test_a_directory_of_other_files_is_left_alone(closed: Commands, tmp_path: Path) -> None:
    """And an archive that is being written to is not written to twice."""
    (tmp_path / "letter.txt").write_text("dear partner")
    assert "holds other files" in closed.refused("archive", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_the_options_exclude_each_other(closed: Commands, tmp_path: Path) -> None:
    """Wrong usage."""
    said = closed.refused("archive", tmp_path, "--check", "--through", "1", status=2)
    assert "give one of --through, --period and --check" in said
    assert BILLING.exists()
