"""Evidence packages: the same bytes each time, and whatever is changed in one is told."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import psycopg
import pytest

from replay.evidence import Asked
from replay.transparency import verifier
from tests.interfaces.commands import Commands
from tests.transparency.conftest import Verify

PERIOD = "2026-06..2026-07"


@pytest.fixture
def package(commissions: Commands, key: Path, tmp_path: Path) -> Path:
    """Two closed months of a ledger whose log is signed."""
    assert key.exists()
    commissions.done("close", "2026-07", "--ahead")
    commissions.done("checkpoint", "create")
    file = tmp_path / "evidence.zip"
    said = commissions.done("evidence", "--period", PERIOD, "--out", file).out
    assert said.endswith("--keys KEYS --checkpoint CHECKPOINT\n")
    return file


def unpacked(package: Path) -> dict[str, bytes]:
    """The files of a package."""
    with zipfile.ZipFile(package) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def packed(files: dict[str, bytes], folder: Path, *, with_sums: bool = True) -> Path:
    """The files again, with hashes made anew as whoever changed them would."""
    if with_sums:
        sums = [
            f"{hashlib.sha256(content).hexdigest()}  {name}\n"
            for name, content in files.items()
            if name != "SHA256SUMS"
        ]
        files = files | {"SHA256SUMS": "".join(sums).encode()}
    out = folder / "changed.zip"
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out


def test_a_package_is_checked_without_the_ledger(
    package: Path, key: Path, verify: Verify, tmp_path: Path
) -> None:
    """Packed and unpacked, against the checkpoint in it and the one that the auditor holds."""
    files = unpacked(package)
    held = tmp_path / "held"
    held.write_bytes(files["checkpoint.txt"])
    done = verify("evidence", package, "--keys", key, "--checkpoint", held)
    assert done.returncode == 0, done.stderr
    assert "2026-06: all 2 statements are as the close sealed them" in done.stdout
    assert "2026-07: all 2 statements are as the close sealed them" in done.stdout
    folder = tmp_path / "folder"
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    assert verify("evidence", folder, "--keys", key).returncode == 0
    manifest = json.loads(files["manifest.json"])
    listed = {one["name"]: one for one in manifest["files"]}
    assert listed.keys() == files.keys() - {"manifest.json", "SHA256SUMS"}
    for name, one in listed.items():
        assert one["sha256"] == hashlib.sha256(files[name]).hexdigest()
        if one["rows"] is not None and name.endswith(".csv"):
            assert one["rows"] == files[name].decode().count("\n") - 1
    assert {"statements/2026-06/p-alpha.json", "statements/2026-06/p-alpha.txt"} <= files.keys()


def test_it_is_the_same_whatever_is_recorded_later(
    package: Path, commissions: Commands, tmp_path: Path
) -> None:
    """Byte for byte, after more lines, a close and another checkpoint."""
    commissions.done("accrue", "--through", "2026-09-30", "--ahead")
    commissions.done("close", "2026-08", "--ahead")
    commissions.done("checkpoint", "create")
    again = tmp_path / "again.zip"
    commissions.done("evidence", "--period", PERIOD, "--out", again)
    assert again.read_bytes() == package.read_bytes()


def test_every_file_is_under_a_hash(package: Path, key: Path, tmp_path: Path) -> None:
    """One byte of any file, a file more, a file less: not shown."""
    files = unpacked(package)
    for name, content in files.items():
        changed = files | {name: bytes([content[0] ^ 1]) + content[1:]}
        file = packed(changed, tmp_path, with_sums=False)
        assert verifier.main(["evidence", str(file), "--keys", str(key)]) == 1, name
        less = {each: it for each, it in files.items() if each != name}
        file = packed(less, tmp_path, with_sums=False)
        assert verifier.main(["evidence", str(file), "--keys", str(key)]) == 1, name
    file = packed(files | {"more.txt": b""}, tmp_path, with_sums=False)
    assert verifier.main(["evidence", str(file), "--keys", str(key)]) == 1


def _without_a_statement(files: dict[str, bytes]) -> None:
    del files["statements/2026-06/p-beta.json"]


def _with_more_money(files: dict[str, bytes]) -> None:
    name = "statements/2026-06/p-alpha.json"
    statement = json.loads(files[name])
    account = statement["accounts"][0]
    account["lines"][0]["amount"] += 1
    account["lines"][0]["effect"] += 1
    account["closing"] += 1
    files[name] = verifier.canonical(statement)


def _with_another_programme(files: dict[str, bytes]) -> None:
    name = "programmes/izyinbox-1.json"
    event = json.loads(files[name])
    event["data"]["document"]["founding"]["year_1"] = "0.26"
    files[name] = json.dumps(event).encode()


def _with_another_root(files: dict[str, bytes], *names: str) -> None:
    for partner in names or ("p-alpha",):
        name = f"statements/2026-06/{partner}.json"
        statement = json.loads(files[name])
        files[name] = verifier.canonical({**statement, "root": "0" * 64})


def _with_other_roots(files: dict[str, bytes]) -> None:
    _with_another_root(files, "p-alpha", "p-beta")


def _closes(files: dict[str, bytes], change: Any) -> None:
    closes = json.loads(files["closes.json"])
    change(closes["closes"])
    files["closes.json"] = json.dumps(closes).encode()


def _with_the_seal_of_another_month(files: dict[str, bytes]) -> None:
    _closes(files, lambda months: months[0].update(seal=months[1]["seal"]))


def _with_a_close_that_is_none(files: dict[str, bytes]) -> None:
    _closes(files, lambda months: months[0].update(close=months[0]["seal"]))


def _without_a_month(files: dict[str, bytes]) -> None:
    _closes(files, lambda months: months.pop())


def _without_a_seal(files: dict[str, bytes]) -> None:
    _closes(files, lambda months: months[0].pop("seal"))


def _with_a_later_close(files: dict[str, bytes]) -> None:
    """July as if a later close had closed it, which seals nothing of July."""
    _closes(files, lambda months: (months[1].pop("seal"), months[1]["close"]["data"].clear()))


def _with_a_month_twice(files: dict[str, bytes]) -> None:
    _closes(files, lambda months: months.insert(0, months[0]))


def _with_another_event_as_programme(files: dict[str, bytes]) -> None:
    seal = json.loads(files["closes.json"])["closes"][0]["seal"]
    files["programmes/izyinbox-2.json"] = json.dumps(seal).encode()


def _with_a_false_seal(files: dict[str, bytes]) -> None:
    _with_more_money(files)
    whole = b"".join(files[f"statements/2026-06/{name}.json"] for name in ("p-alpha", "p-beta"))
    told = hashlib.sha256(whole).hexdigest()
    _closes(files, lambda months: months[0]["seal"]["data"].update(sha256=told))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without_a_statement, "not all of those that the close sealed"),
        (_with_more_money, "not all of those that the close sealed"),
        (_with_another_root, "2026-06: its statements name 2 roots"),
        (_with_other_roots, "does not begin with"),
        (_with_another_programme, "not the one in the signed log"),
        (_with_the_seal_of_another_month, "seals 2026-07"),
        (_with_a_close_that_is_none, "is not the close of"),
        (_without_a_month, "the months are not those"),
        (_with_a_month_twice, "the months are not those"),
        (_without_a_seal, "2026-06: the seal of its statements is left out"),
        (_with_a_later_close, "2026-07: the seal of its statements is left out"),
        (_with_another_event_as_programme, "izyinbox-2.json is no programme that was adopted"),
        (_with_a_false_seal, "not the one in the signed log"),
    ],
)
def test_a_package_that_was_made_again_is_told(
    package: Path,
    key: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Any,
    said: str,
) -> None:
    """All its hashes fit, and yet it is not what the log holds."""
    files = unpacked(package)
    change(files)
    file = packed(files, tmp_path)
    assert verifier.main(["evidence", str(file), "--keys", str(key)]) == 1
    assert said in capsys.readouterr().err


def test_an_opening_that_is_no_closing_is_told() -> None:
    """From month to month, of each currency."""
    before: dict[tuple[str, str], int] = {}
    account = {"currency": "EUR", "opening": 0, "lines": [], "closing": 0}
    statement = {"partner_id": "p", "month": "2026-01", "accounts": [account]}
    verifier._check_sums_of(statement, before)
    later = {**statement, "accounts": [{**account, "opening": 5, "closing": 5}]}
    with pytest.raises(verifier.NotShown, match="the closing of the month before"):
        verifier._check_sums_of(later, before)


def test_packages_that_are_none(key: Path, verify: Verify, tmp_path: Path) -> None:
    """Not there, not a zip, cut off, empty, with a name twice, encrypted."""
    noise = tmp_path / "noise.zip"
    noise.write_bytes(b"PK\x03\x04 nothing")
    empty = tmp_path / "empty"
    empty.mkdir()
    twice = tmp_path / "twice.zip"
    with zipfile.ZipFile(twice, "w") as archive:
        archive.writestr("README.txt", "one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("README.txt", "another")
    locked = tmp_path / "locked.zip"
    with zipfile.ZipFile(locked, "w") as archive:
        archive.writestr("README.txt", "one")
    content = locked.read_bytes()
    # As if it were encrypted: the bit in the file's own head and in the directory.
    locked.write_bytes(content.replace(b"\x14\0\0\0\0\0", b"\x14\0\1\0\0\0"))
    for file in (tmp_path / "absent.zip", noise, empty, twice, locked, key):
        done = verify("evidence", file, "--keys", key)
        assert done.returncode == 1
        assert done.stderr.startswith("commissions-verify: NOT SHOWN: ")


def test_what_cannot_be_evidence_yet(commissions: Commands, key: Path, tmp_path: Path) -> None:
    """An open month, a log that is not signed, months the wrong way round."""
    assert key.exists()
    out = tmp_path / "evidence.zip"
    for period, status, said in (
        ("2026-07", 1, "2026-07 is open"),
        ("2026-06", 1, "checkpoint create"),
        ("2026-06..2026-05", 2, "earlier month first"),
        ("2026", 2, "YYYY-MM"),
    ):
        refused = commissions("evidence", "--period", period, "--out", out)
        assert (refused.status, said in refused.err) == (status, True), refused.err
    assert not out.exists()


def test_the_first_year_of_the_calendar_has_no_file_of_entries(
    commissions: Commands, key: Path, tmp_path: Path
) -> None:
    """The first close closed it with all others; there is no month before it to bring forward."""
    assert key.exists()
    commissions.done("checkpoint", "create")
    out = tmp_path / "evidence.zip"
    commissions.done("evidence", "--period", "0001-02..0001-03", "--out", out)
    assert b"give a later year" in unpacked(out)["fec/1-left-out.txt"]


def test_persons_and_dead_letters_are_in_it(
    commissions: Commands, key: Path, tmp_path: Path
) -> None:
    """Both persons of an adjustment, its operator, and the letters with their fate."""
    assert key.exists()
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"specversion": "1.0"}\n')
    commissions("ingest", bad)
    commissions.done(
        *("adjust", "--partner", "p-alpha", "--amount", "-100", "--currency", "EUR"),
        *("--reason", "typo", "--requested-by", "ann", "--approved-by", "bob"),
    )
    commissions.done(
        *("correct-partner", "p-alpha", "--founding", "true", "--sponsor", "none"),
        *("--requested-by", "ann", "--approved-by", "bob"),
    )
    letters = commissions.done("dead-letters", "list", "--format", "json").rows
    closed = commissions("close", "2026-07", "--ahead")
    if closed.status:
        commissions.done("close", "2026-07", "--ahead", "--acknowledge")
    commissions.done("checkpoint", "create")
    out = tmp_path / "evidence.zip"
    commissions.done("evidence", "--period", "2026-07", "--out", out)
    files = unpacked(out)
    commands = list(csv.DictReader(io.StringIO(files["commands.csv"].decode())))
    (adjusted,) = [row for row in commands if row["type"] == "adjustment.posted/1"]
    (corrected,) = [row for row in commands if row["type"] == "partner.corrected/1"]
    with psycopg.connect(commissions.url) as connection:
        user = connection.info.user
    persons = ("operator", "requested_by", "approved_by")
    assert [adjusted[name] for name in persons] == [user, "ann", "bob"]
    # What was corrected, not only that something was.
    assert (corrected["founding"], corrected["cleared"]) == ("true", "sponsor_id")
    assert files["dead-letters.csv"].decode().count("\n") == 1 + len(letters)


def test_the_months_of_a_package_are_each_written_with_four_digits() -> None:
    """Those of the first thousand years, too: a mistyped year is found open or empty, no more."""
    assert Asked("0999-12", "1000-01").months() == ["0999-12", "1000-01"]
    assert Asked("0999-11", "0999-12").months() == ["0999-11", "0999-12"]
