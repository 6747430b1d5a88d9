"""Who read what is recorded, where the programme wants it (D16.3)."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from events.codec import decode_state
from events.controls import DocumentRead
from tests.interfaces.commands import BILLING, Commands

STATEMENT = ("statement", "p-alpha", "--month", "2026-04", "--format", "json")


@pytest.fixture
def recording(commissions: Commands, tmp_path: Path) -> Commands:
    """A ledger whose programme records reading, with a closed month."""
    path = tmp_path / "recorded.toml"
    text = (Path(__file__).parents[2] / "ledger/policy/programmes/izyinbox.toml").read_text()
    path.write_text(f'{text}\n[controls]\nreading = "recorded"\n')
    commissions.done("programme", "adopt", path)
    commissions.done("ingest", BILLING)
    commissions.done("accrue", "--through", "2026-06-30")
    commissions.done("close", "2026-04", "--acknowledge")
    return commissions


def readings(url: str) -> list[DocumentRead]:
    """What was recorded of reading."""
    query = (
        "SELECT topic, state FROM ledger.events WHERE topic = 'document.read/1' ORDER BY position"
    )
    with psycopg.connect(url) as connection:
        found = [decode_state(topic, bytes(state)) for topic, state in connection.execute(query)]
    return [each for each in found if isinstance(each, DocumentRead)]


def test_d16_3_a_reading_is_recorded_and_changes_nothing(
    recording: Commands, tmp_path: Path
) -> None:
    """Its operator, months, format and hash; balances and the statement stay as they are."""
    balances = recording.done("balances", "--format", "csv").out
    first = recording.done(*STATEMENT).out
    again = recording.done(*STATEMENT, "--out", tmp_path / "april.json")
    assert again.out == ""
    assert (tmp_path / "april.json").read_text(encoding="utf-8") == first
    told = readings(recording.url)
    assert [(one.document, one.partner_id, one.first, one.last) for one in told] == [
        ("statement", "p-alpha", "2026-04", "2026-04")
    ] * 2
    assert {one.sha256 for one in told} == {sha256(first.encode()).hexdigest()}
    assert {one.format for one in told} == {"json"}
    assert all(one.operator for one in told)
    assert recording.done("balances", "--format", "csv").out == balances
    assert recording.done("verify").status == 0
    assert recording.done("recompute").status == 0


def test_a_reading_finishes_no_run_and_waits_for_nothing(recording: Commands) -> None:
    """The statement of an open month, too, as of the position before the reading."""
    position = recording.position() or 0
    open_ = recording.done("statement", "p-alpha", "--month", "2026-05", "--format", "json").json
    assert open_["as_of"]["position"] == position
    (told,) = readings(recording.url)
    assert told.position == position
    assert recording.position() == position + 1


def test_by_default_reading_leaves_nothing(billing: Commands) -> None:
    """Neither an event nor a position."""
    position = billing.position()
    billing.done(*STATEMENT)
    assert billing.position() == position
    assert readings(billing.url) == []


def test_an_evidence_package_is_a_reading_too(
    recording: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of no one partner; the next package of the same months is the same, byte for byte."""
    key = tmp_path / "key"
    recording.done("checkpoint", "key", key)
    monkeypatch.setenv("COMMISSIONS_CHECKPOINT_KEY_FILE", str(key))
    recording.done("checkpoint", "create")
    packages = [tmp_path / name for name in ("one.zip", "two.zip")]
    for package in packages:
        recording.done("evidence", "--period", "2026-04", "--out", package)
    told = readings(recording.url)
    assert [(one.document, one.partner_id, one.format) for one in told] == [
        ("evidence", None, "zip")
    ] * 2
    hashes = [sha256(package.read_bytes()).hexdigest() for package in packages]
    assert [one.sha256 for one in told] == hashes
    assert len(set(hashes)) == 1
