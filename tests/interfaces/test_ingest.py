"""Files in: what is wrong is told line by line, the rest goes in; dead letters afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from events.envelope import MAX_BYTES
from tests.interfaces.commands import BILLING, Commands

GOOD: Mapping[str, object] = {
    "specversion": "1.0",
    "id": "g-1",
    "source": "/billing",
    "type": "client.activated",
    "time": "2026-04-10T10:00:00+02:00",
    "data": {"client_id": "c-1", "plan": "pro", "price": 14900, "currency": "EUR"},
}


def line(data: Mapping[str, object] | None = None, **more: object) -> str:
    """The good message with other members."""
    told = {**GOOD, **more}
    if data is not None:
        told["data"] = {**told["data"], **data}  # type: ignore[dict-item]
    return json.dumps(told)


def write(path: Path, *told: str) -> Path:
    """A file of lines."""
    path.write_text("\n".join(told), encoding="utf-8")
    return path


def test_a_billing_file_written_by_hand_goes_in(adopted: Commands) -> None:
    """Every type of message, one told twice in other words."""
    result = adopted.done("ingest", BILLING, "--format", "json").json
    assert result == {
        "accepted": 31,
        "duplicates": 1,
        "quarantined": 0,
        "rejected": 0,
        "position": adopted.position(),
    }
    again = adopted.done("ingest", BILLING, "--format", "json").json
    assert (again["accepted"], again["duplicates"]) == (0, 32)
    assert again["position"] == result["position"]


BAD = {
    "not json": ("{", "not_json", None),
    "no event": ('{"hello": "world"}', "not_cloudevent", "specversion"),
    "a list": ("[]", "not_cloudevent", None),
    "unknown type": (line(type="client.renamed"), "unknown_type", "type"),
    "unknown version": (line(dataschema="x/client.activated/9"), "unknown_version", "dataschema"),
    "a decision": (line(type="CommissionPosted"), "not_a_fact", "type"),
    "a command": (line(type="accrual.run"), "not_a_fact", "type"),
    "a float price": (line({"price": 149.0}), "wrong_data", "data.price"),
    "a text price": (line({"price": "14900"}), "wrong_data", "data.price"),
    "a true price": (line({"price": True}), "wrong_data", "data.price"),
    "a negative price": (line({"price": -1}), "wrong_data", "data.price"),
    "a price too high": (line({"price": 10**15 + 1}), "wrong_data", "data.price"),
    "an unknown currency": (line({"currency": "EURO"}), "wrong_data", "data.currency"),
    "an unknown member": (line({"name": "Dupont"}), "wrong_data", "data.name"),
    "a name for an id": (line({"client_id": "Jean Dupont"}), "wrong_data", "data.client_id"),
    "no offset": (line(time="2026-04-10T10:00:00"), "wrong_time", "time"),
    "no such day": (line(time="2026-02-30T10:00:00Z"), "wrong_time", "time"),
    "a leap second": (line(time="2026-06-30T23:59:60Z"), "wrong_time", "time"),
    "a mistyped year": (line(time="2206-04-10T10:00:00Z"), "wrong_time", "time"),
    "an id too long": (line(id="x" * 129), "not_cloudevent", "id"),
    "too large": (line(subject="x" * MAX_BYTES), "too_large", None),
}


def test_bad_lines_are_told_and_the_others_go_in(adopted: Commands, tmp_path: Path) -> None:
    """Number, member and reason; nothing before or after is lost; --bad-lines keeps them."""
    good = [line(id=f"g-{number}", data={"client_id": f"c-{number}"}) for number in range(len(BAD))]
    told = [text for pair in zip(good, (bad for bad, _, _ in BAD.values()), strict=True)
            for text in pair]  # fmt: skip
    file, kept = write(tmp_path / "mixed.jsonl", *told), tmp_path / "bad.jsonl"
    outcome = adopted("ingest", file, "--bad-lines", kept, "--format", "json")
    assert outcome.status == 1
    assert (outcome.json["accepted"], outcome.json["rejected"]) == (len(good), len(BAD))
    said = outcome.err.splitlines()
    written = [json.loads(text) for text in kept.read_text("utf-8").splitlines()]
    letters = adopted.done("dead-letters", "list", "--format", "json").rows
    assert len(said) == len(written) == len(letters) == len(BAD)
    for at, (text, error, member) in enumerate(BAD.values()):
        number = 2 * at + 2
        place = f" in {member}" if member else ""
        assert said[at].startswith(f"{file}:{number}: {error}{place}: "), said[at][:200]
        assert (written[at]["file"], written[at]["line"]) == (str(file), number)
        assert (written[at]["error"], written[at]["member"]) == (error, member)
        assert text.startswith(written[at]["payload"])
        assert letters[at]["origin"] == f"{file}:{number}"
        assert letters[at]["kind"] == "rejected"
        assert letters[at]["status"] == "open"
    assert "Dupont" not in outcome.err


def test_no_bad_line_moves_the_ledger(adopted: Commands, tmp_path: Path) -> None:
    """Twice read, once kept."""
    file = write(tmp_path / "bad.jsonl", *(bad for bad, _, _ in BAD.values()))
    before = adopted.position()
    for _ in range(2):
        result = adopted("ingest", file, "--format", "json")
        assert result.status == 1
        assert result.json["position"] == before == adopted.position()
    assert len(adopted.done("dead-letters", "list", "--format", "json").rows) == len(BAD)


def test_bytes_that_are_no_text_are_kept_as_they_are(adopted: Commands, tmp_path: Path) -> None:
    """In base64."""
    file, kept = tmp_path / "bytes.jsonl", tmp_path / "bad.jsonl"
    file.write_bytes(b"\xff\xfe{}\n")
    assert adopted("ingest", file, "--bad-lines", kept).status == 1
    assert json.loads(kept.read_text("utf-8"))["payload_base64"] == "//57fQ=="
    (letter,) = adopted.done("dead-letters", "list", "--format", "json").rows
    shown = adopted.done("dead-letters", "show", letter["id"], "--format", "json").json
    assert shown["payload_base64"] == "//57fQ=="


def test_one_key_with_other_content_is_quarantined(adopted: Commands, tmp_path: Path) -> None:
    """Both are kept; the first goes on counting, the second never does."""
    adopted.done("ingest", write(tmp_path / "one.jsonl", line()))
    before = adopted.position()
    other = write(tmp_path / "other.jsonl", line({"price": 99}), line())
    outcome = adopted("ingest", other, "--bad-lines", tmp_path / "bad.jsonl", "--format", "json")
    assert outcome.status == 1
    assert (outcome.json["quarantined"], outcome.json["duplicates"]) == (1, 1)
    assert outcome.err.startswith(f"{other}:1: quarantined")
    assert adopted.position() == before
    (letter,) = adopted.done("dead-letters", "list", "--format", "json").rows
    assert (letter["kind"], letter["source"], letter["event_id"]) == (
        "quarantined", "/billing", "g-1",
    )  # fmt: skip
    assert letter["first_position"] == 2
    retried = adopted("dead-letters", "retry", letter["id"], "--format", "json")
    assert (retried.status, retried.rows[0]["outcome"]) == (1, "quarantined")
    assert json.loads((tmp_path / "bad.jsonl").read_text("utf-8"))["line"] == 1


def test_a_key_used_twice_in_one_file(adopted: Commands, tmp_path: Path) -> None:
    """The first line wins, within one transaction too."""
    file = write(tmp_path / "twice.jsonl", line(), line({"price": 99}))
    outcome = adopted("ingest", file, "--format", "json")
    assert (outcome.json["accepted"], outcome.json["quarantined"]) == (1, 1)


def test_a_rejected_message_does_not_use_up_its_key(adopted: Commands, tmp_path: Path) -> None:
    """Corrected, it goes in under the same one."""
    bad = write(tmp_path / "bad.jsonl", line({"price": 149.0}))
    assert adopted("ingest", bad).status == 1
    adopted.done("ingest", write(tmp_path / "good.jsonl", line()))


def test_files_are_recorded_in_the_order_given(adopted: Commands, tmp_path: Path) -> None:
    """A line sees the effect of those before it, over files."""
    enrol = line(id="p-1", type="partner.enrolled", data={"partner_id": "p-1", "kind": "tech"})
    enrolment = json.loads(enrol)
    enrolment["data"] = {"partner_id": "p-1", "kind": "tech"}
    claim = {**json.loads(line(id="r-1", type="referral.registered"))}
    claim["data"] = {"partner_id": "p-1", "client_id": "c-1"}
    first = write(tmp_path / "z.jsonl", json.dumps(enrolment))
    second = write(tmp_path / "a.jsonl", json.dumps(claim))
    adopted.done("ingest", first, second)
    (found,) = adopted.done("claims", "--format", "json").rows
    assert found["answer"] == "accepted"


def test_small_batches_give_the_same_ledger(
    adopted: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the size of a transaction."""
    monkeypatch.setenv("COMMISSIONS_BATCH_SIZE", "3")
    adopted.done("ingest", BILLING)
    adopted.done("accrue", "--through", "2026-06-30")
    rows = adopted.done("balances", "--format", "json").rows
    assert [row["earned"] for row in rows] == [23675, 11800, 1180]


def test_dead_letters_are_shown_and_discarded(adopted: Commands, tmp_path: Path) -> None:
    """Closed ones are listed on demand only, and are done with."""
    file = write(tmp_path / "bad.jsonl", "{", "[")
    assert adopted("ingest", file).status == 1
    first, second = adopted.done("dead-letters", "list", "--format", "json").rows
    shown = adopted.done("dead-letters", "show", first["id"], "--format", "json").json
    assert (shown["payload"], shown["error"], shown["origin"]) == ("{", "not_json", f"{file}:1")
    assert "not_json" in adopted.done("dead-letters", "show", first["id"]).out
    adopted.done("dead-letters", "discard", first["id"])
    (left,) = adopted.done("dead-letters", "list", "--format", "json").rows
    assert left["id"] == second["id"]
    everything = adopted.done("dead-letters", "list", "--all", "--format", "json").rows
    assert [row["status"] for row in everything] == ["discarded", "open"]
    assert everything[0]["operator"] == "postgres"
    adopted.refused("dead-letters", "discard", first["id"])
    adopted.refused("dead-letters", "retry", first["id"])
    adopted.refused("dead-letters", "show", 4711)
    adopted.refused("dead-letters", "show", "x", status=2)


def test_a_standard_input_that_is_closed_is_told(
    adopted: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number may be another file's by then, the database's even."""
    monkeypatch.setattr("sys.stdin", None)
    assert "standard input is closed" in adopted.refused("ingest", "-")


def test_what_was_discarded_stays_so_when_its_file_is_read_again(
    adopted: Commands, tmp_path: Path
) -> None:
    """Told as rejected each time, and no letter; from another place it is one of its own."""
    file = write(tmp_path / "bad.jsonl", "{")
    assert adopted("ingest", file).status == 1
    (letter,) = adopted.done("dead-letters", "list", "--format", "json").rows
    adopted.done("dead-letters", "discard", letter["id"])
    again = adopted("ingest", file, "--format", "json")
    assert (again.status, again.json["rejected"]) == (1, 1)
    assert adopted.done("dead-letters", "list", "--format", "json").rows == []
    assert adopted("ingest", write(tmp_path / "sent-anew.jsonl", "{")).status == 1
    assert len(adopted.done("dead-letters", "list", "--format", "json").rows) == 1


def test_a_dead_letter_is_tried_again(
    adopted: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was too far ahead goes in when that is allowed; once."""
    file = write(tmp_path / "ahead.jsonl", line(time="2060-01-01T00:00:00Z"))
    assert adopted("ingest", file).status == 1
    (letter,) = adopted.done("dead-letters", "list", "--format", "json").rows
    still = adopted("dead-letters", "retry", letter["id"], "--format", "json")
    assert (still.status, still.rows[0]["outcome"]) == (1, "rejected")
    monkeypatch.setenv("COMMISSIONS_MAX_DAYS_AHEAD", "36500")
    taken = adopted.done("dead-letters", "retry", letter["id"], "--format", "json")
    assert taken.rows[0]["outcome"] == "recorded"
    # The programme, the activation, and how the client stands by it.
    assert adopted.position() == 3
    assert adopted.done("dead-letters", "list", "--format", "json").rows == []


def test_a_rejected_letter_that_contradicts_by_now_says_so(
    adopted: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key was free when it was rejected; what was wrong then is right by now."""
    ahead = write(tmp_path / "ahead.jsonl", line(time="2060-01-01T00:00:00Z"))
    assert adopted("ingest", ahead).status == 1
    adopted.done("ingest", write(tmp_path / "right.jsonl", line()))
    (letter,) = adopted.done("dead-letters", "list", "--format", "json").rows
    monkeypatch.setenv("COMMISSIONS_MAX_DAYS_AHEAD", "36500")
    tried = adopted("dead-letters", "retry", letter["id"], "--format", "json")
    assert (tried.status, tried.rows[0]["outcome"]) == (1, "quarantined")
    assert "recorded with other content" in str(tried.rows[0]["reason"])


def test_what_is_read_is_never_overwritten(adopted: Commands, tmp_path: Path) -> None:
    """By naming it twice."""
    file = write(tmp_path / "one.jsonl", line())
    adopted.refused("ingest", file, "--bad-lines", file, status=2)
    assert file.read_text("utf-8") == line()
