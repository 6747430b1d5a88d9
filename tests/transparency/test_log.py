"""Checkpoints and proofs of a real ledger, checked by the one file that an outsider has."""

from __future__ import annotations

import ast
import base64
import copy
import json
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

from projections.names import Names
from replay.transparency import verifier
from replay.transparency.signing import new_key, sign
from replay.transparency.subtrees import LEAVES, Subtrees
from tests.interfaces.commands import Commands
from tests.store.test_merkle import naive_root
from tests.transparency.conftest import Verify


def trust(public: Path) -> list[verifier.Key]:
    """The keys of a file."""
    return verifier.read_keys(public.read_text())


def test_the_verifier_needs_nothing_of_ours() -> None:
    """It imports Python's own modules and cryptography, and nothing else."""
    tree = ast.parse(Path(verifier.__file__).read_text("utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
    assert found - sys.stdlib_module_names == {"cryptography"}


def test_a_statement_is_proven_and_checked_offline(
    commissions: Commands, key: Path, verify: Verify, tmp_path: Path
) -> None:
    """From a checkpoint that the auditor took home, to each line of a partner's month."""
    checkpoint = tmp_path / "checkpoint"
    checkpoint.write_text(commissions.done("checkpoint", "create", "--format", "json").json["note"])
    proof = tmp_path / "statement.json"
    commissions.done("prove", "statement", "p-alpha", "--month", "2026-05", "--out", proof)
    done = verify("statement", proof, "--keys", key, "--checkpoint", checkpoint)
    assert done.returncode == 0, done.stderr
    assert "no line is left out among events 1 to 4 of the account" in done.stdout
    assert "the last of which is after the close" in done.stdout
    assert "shown: p-alpha, 2026-05: closing 13700 EUR" in done.stdout
    told = json.loads(proof.read_text())["statement"]
    shown = commissions.done("statement", "p-alpha", "--month", "2026-05", "--format", "json").json
    assert told["root"] == shown["statement"]["root"]
    assert [line["amount"] for one in told["accounts"] for line in one["lines"]] == [
        row["amount"] for row in shown["rows"]
    ]


def test_what_cannot_be_proven_is_refused(commissions: Commands, key: Path, tmp_path: Path) -> None:
    """A partner that nobody knows; a file that is no checkpoint, of text or of bytes."""
    assert key.exists()
    commissions.done("checkpoint", "create")
    told = commissions.refused("prove", "statement", "p-nobody", "--month", "2026-05")
    assert "no partner 'p-nobody' is enrolled" in told
    file = tmp_path / "no-checkpoint"
    for content, said in ((b"\xdc\x00", "it is not text"), (b"hello", "this is no signed note")):
        file.write_bytes(content)
        for command in (("add", file), ("stamp-request", file, "--out", tmp_path / "asked")):
            told = commissions.refused("checkpoint", *command)
            assert f"{file} holds no checkpoint: {said}" in told
    assert not (tmp_path / "asked").exists()


def changes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all leaves of a JSON document."""
    if isinstance(value, dict):
        for name in value:
            yield from changes(value[name], (*path, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from changes(each, (*path, index))
    else:
        yield path


def changed(document: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """A copy of a document with one leaf changed a little."""
    copied = copy.deepcopy(document)
    at: Any = copied
    for part in path[:-1]:
        at = at[part]
    value = at[path[-1]]
    match value:
        case bool():
            at[path[-1]] = not value
        case int():
            at[path[-1]] = value + 1
        case str() if value and value[0].isdigit():
            at[path[-1]] = str((int(value[0]) + 1) % 10) + value[1:]
        case str():
            at[path[-1]] = f"x{value}"
        case _:
            at[path[-1]] = "x"
    return copied


def test_whatever_is_changed_in_a_proof_is_seen(
    commissions: Commands, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each value of a statement's proof, one at a time: never shown, never a traceback."""
    commissions.done("checkpoint", "create")
    document = json.loads(
        commissions.done("prove", "statement", "p-alpha", "--month", "2026-05").out
    )
    file = tmp_path / "changed.json"
    paths = list(changes(document))
    assert len(paths) > 100
    for path in paths:
        file.write_text(json.dumps(changed(document, path)))
        status = verifier.main(["statement", str(file), "--keys", str(key)])
        capsys.readouterr()
        assert status == 1, path
    # The keeper leaves a line out, and then its event, too: its number is missing.
    left_out = copy.deepcopy(document)
    account = left_out["statement"]["accounts"][0]
    line = account["lines"].pop(0)
    account["closing"] -= line["effect"]
    for events, said in (
        (document["events"], "is not in the statement"),
        ([e for e in document["events"] if e["position"] != line["position"]], "is left out"),
    ):
        file.write_text(json.dumps(left_out | {"events": events}))
        assert verifier.main(["statement", str(file), "--keys", str(key)]) == 1
        assert said in capsys.readouterr().err


def _twice(statement: dict[str, Any]) -> None:
    account = statement["accounts"][0]
    account["lines"].append(account["lines"][0])
    account["closing"] += account["lines"][0]["effect"]


def _of_two_accounts(statement: dict[str, Any]) -> None:
    account = statement["accounts"][0]
    statement["accounts"].append({**account, "lines": [], "opening": 0, "closing": 0})


def _with_a_fraction(statement: dict[str, Any]) -> None:
    account = statement["accounts"][0]
    account.update(opening=account["opening"] + 0.5, closing=account["closing"] + 0.5)


def _without_end(statement: dict[str, Any]) -> None:
    statement["accounts"][0].update(opening=float("inf"), closing=float("inf"))


def _with_more_words(statement: dict[str, Any]) -> None:
    statement["accounts"][0]["lines"][0]["paid_on"] = "2026-05-31"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_twice, "is there more than once"),
        (_of_two_accounts, "the account in EUR is there more than once"),
        (_with_a_fraction, "is no number that a ledger writes"),
        (_without_end, "Infinity is no number"),
        (_with_more_words, "says paid_on, of which no signed event is proof"),
    ],
)
def test_a_statement_says_nothing_beside_its_events(
    commissions: Commands,
    key: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[dict[str, Any]], None],
    said: str,
) -> None:
    """Each line is an event of the log and the sums fit: still it is not what the log says."""
    commissions.done("checkpoint", "create")
    document = json.loads(
        commissions.done("prove", "statement", "p-alpha", "--month", "2026-05").out
    )
    change(document["statement"])
    file = tmp_path / "changed.json"
    file.write_text(json.dumps(document))
    assert verifier.main(["statement", str(file), "--keys", str(key)]) == 1
    assert said in capsys.readouterr().err


def test_every_event_is_proven(
    commissions: Commands, key: Path, verify: Verify, tmp_path: Path
) -> None:
    """Facts, commands and decisions alike, from the first to the last."""
    made = commissions.done("checkpoint", "create", "--format", "json").json
    checkpoint, _ = verifier.trusted(made["note"], trust(key))
    for position in range(1, made["position"] + 1):
        proof = json.loads(commissions.done("prove", "inclusion", position).out)
        verifier.check_event(proof["event"], checkpoint)
    file = tmp_path / "last.json"
    commissions.done("prove", "inclusion", made["position"], "--out", file)
    assert verify("inclusion", file, "--keys", key).returncode == 0


def test_checkpoints_grow_from_each_other(
    commissions: Commands, key: Path, verify: Verify, tmp_path: Path
) -> None:
    """Published with the proofs between them; a checkpoint of another ledger is told."""
    folder = tmp_path / "public-log"
    sizes = []
    for month in ("2026-08", "2026-09", "2026-10"):
        sizes.append(commissions.done("checkpoint", "create", "--format", "json").json["position"])
        commissions.done("accrue", "--through", f"{month}-28", "--ahead")
    commissions.done("checkpoint", "publish", folder)
    commissions.done("checkpoint", "publish", folder)
    assert [
        row["position"] for row in commissions.done("checkpoint", "list", "--format", "json").rows
    ] == sizes
    assert (folder / "checkpoint").read_text() == (
        folder / "checkpoints" / str(sizes[-1])
    ).read_text()
    for old, new in pairwise(sizes):
        done = verify("consistency", folder / "consistency" / f"{old}-{new}.json", "--keys", key)
        assert done.returncode == 0, done.stderr
    far = tmp_path / "far.json"
    commissions.done("prove", "consistency", sizes[0], "--out", far)
    held = folder / "checkpoints" / str(sizes[0])
    assert verify("consistency", far, "--keys", key, "--checkpoint", held).returncode == 0
    last = folder / "checkpoints" / str(sizes[-1])
    both = ("--checkpoint", held, "--later", last)
    assert verify("consistency", far, "--keys", key, *both).returncode == 0
    other = folder / "checkpoints" / str(sizes[1])
    for wrong in (("--checkpoint", other), ("--checkpoint", held, "--later", other)):
        done = verify("consistency", far, "--keys", key, *wrong)
        assert done.returncode == 1
        assert "your checkpoint is of" in done.stderr
        assert f" at {sizes[1]}" in done.stderr
    assert commissions("verify").status == 0


def test_a_log_that_was_rewritten_is_not_signed_again(commissions: Commands, key: Path) -> None:
    """The owner swaps a leaf under a signed position: no new checkpoint, and verify tells."""
    assert key.exists()
    commissions.done("checkpoint", "create")
    with psycopg.connect(commissions.url) as owner:
        owner.execute("ALTER TABLE ledger.events DISABLE TRIGGER ALL")
        owner.execute("UPDATE ledger.events SET leaf = sha256(leaf) WHERE position = 3")
    refused = commissions("checkpoint", "create")
    assert refused.status == 1
    assert "not the one that was signed" in refused.err
    assert len(commissions.done("checkpoint", "list", "--format", "json").rows) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("note = replace(note, 'commission-ledger/', 'commission-ledger/0')", "of another ledger"),
        ("position = 1", "is kept as of 1"),
        ("note = 'nothing'", "no signed note"),
        (
            r"note = regexp_replace(note, E'\n[^\n]{44}\n', E'\n' || repeat('A', 43) || E'=\n')",
            "not the one that was signed",
        ),
    ],
)
def test_verify_tells_a_forged_checkpoint(
    commissions: Commands, key: Path, change: str, said: str
) -> None:
    """Of another ledger, of another place, of another history, or none at all."""
    assert key.exists()
    commissions.done("checkpoint", "create")
    with psycopg.connect(commissions.url) as owner:
        owner.execute("ALTER TABLE ledger.checkpoints DISABLE TRIGGER ALL")
        owner.execute(f"UPDATE ledger.checkpoints SET {change}".encode())
        owner.execute("ALTER TABLE ledger.checkpoints ENABLE ALWAYS TRIGGER refuse_change")
    found = commissions("verify", "--format", "json")
    assert found.status == 1
    assert [(row["check"], said in row["what"]) for row in found.rows] == [("checkpoint", True)]


def test_events_that_were_cut_off_are_missed(commissions: Commands, key: Path) -> None:
    """Fewer events than were signed: a backup was restored, or somebody cut the end off."""
    assert key.exists()
    size = commissions.done("checkpoint", "create", "--format", "json").json["position"]
    with psycopg.connect(commissions.url) as owner:
        owner.execute("ALTER TABLE ledger.events DISABLE TRIGGER ALL")
        owner.execute("DELETE FROM ledger.events WHERE position = %s", (size,))
    found = commissions("verify", "--format", "json")
    assert ("checkpoint", size) in {(row["check"], row["position"]) for row in found.rows}


def test_checkpoints_are_never_changed(commissions: Commands, key: Path) -> None:
    """Refused to the owner, too."""
    assert key.exists()
    commissions.done("checkpoint", "create")
    with psycopg.connect(commissions.url) as owner, pytest.raises(psycopg.Error, match="refused"):
        owner.execute("DELETE FROM ledger.checkpoints")


def test_what_cannot_be_signed_or_proven_is_said(
    commissions: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in one line that says what to do."""
    refusals: list[tuple[tuple[str | int | Path, ...], str]] = [
        (("checkpoint", "create"), "COMMISSIONS_CHECKPOINT_KEY_FILE"),
        (("prove", "inclusion", 1), "checkpoint create"),
        (("checkpoint", "publish", tmp_path / "log"), "checkpoint create"),
    ]
    for arguments, said in refusals:
        refused = commissions(*arguments)
        assert (refused.status, refused.err.count("\n")) == (1, 0)
        assert said in refused.err
    assert "no checkpoint yet" in commissions.done("checkpoint", "list").out
    commissions.done("checkpoint", "key", tmp_path / "key")
    monkeypatch.setenv("COMMISSIONS_CHECKPOINT_KEY", (tmp_path / "key").read_text())
    commissions.done("checkpoint", "create")
    commissions.done("accrue", "--through", "2026-08-31", "--ahead")
    head = commissions.done("balances", "--format", "json").json["as_of"]["position"]
    refusals = [
        (("prove", "inclusion", head), "checkpoint create"),
        (("prove", "inclusion", 1, "--checkpoint", 2), "checkpoint list"),
        (("prove", "statement", "p-alpha", "--month", "2026-07"), "is not closed"),
        (("prove", "consistency", 1, 2), "checkpoint list"),
        (("checkpoint", "key", tmp_path / "key"), "never overwritten"),
    ]
    for arguments, said in refusals:
        refused = commissions(*arguments)
        assert refused.status == 1, arguments
        assert said in refused.err
    monkeypatch.setenv("COMMISSIONS_CHECKPOINT_KEY", new_key("commission-ledger/other").line())
    refused = commissions("checkpoint", "create")
    assert (refused.status, "the key is of another ledger" in refused.err) == (1, True)


def test_a_key_of_another_ledger_shows_nothing() -> None:
    """Who signs for two logs could show one where the other is asked for."""
    root = base64.b64encode(bytes(32)).decode()
    mine, other = new_key("log"), new_key("other-log")
    keys = [verifier.read_key(key.verifier()) for key in (mine, other)]
    assert verifier.trusted(sign(f"log\n1\n{root}\n", [mine]), keys)[1] == ["log"]
    for signers in ([other], [mine, other]):
        with pytest.raises(verifier.NotShown, match="of another ledger: of log, signed by other"):
            verifier.trusted(sign(f"log\n1\n{root}\n", signers), keys)


def test_signatures_of_witnesses_are_kept_for_known_checkpoints_only(
    commissions: Commands, key: Path, tmp_path: Path
) -> None:
    """The text must be one that this ledger gave out."""
    assert key.exists()
    note = commissions.done("checkpoint", "create", "--format", "json").json["note"]
    signed = tmp_path / "signed"
    signed.write_text(note + "— witness.example AAAAAAAAAAAA\n")
    added = commissions.done("checkpoint", "add", signed, "--format", "json").json
    assert added["signers"][1] == "witness.example+00000000"
    signed.write_text(note.replace("commission-ledger/", "commission-ledger/x"))
    assert "gave out no such" in commissions("checkpoint", "add", signed).err
    signed.write_text(note.rpartition("— ")[0] + "— witness.example AAAAAAAAAAAA\n")
    assert "a signature of the checkpoint of" in commissions("checkpoint", "add", signed).err
    signed.write_text("nothing")
    assert "no signed note" in commissions("checkpoint", "add", signed).err


def test_wrong_files_are_told(key: Path, verify: Verify, tmp_path: Path) -> None:
    """Not there, cut off, of another kind, or no text: exit status 1 and one line."""
    cut = tmp_path / "cut.json"
    cut.write_text('{"format": "commission-ledger/inclusion/1", "eve')
    noise = tmp_path / "noise"
    noise.write_bytes(b"\xff\xfe\x00")
    empty = tmp_path / "empty.json"
    empty.write_text('{"format": "commission-ledger/inclusion/1"}')
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 200_000)
    for file in (tmp_path / "absent", cut, noise, empty, deep, key):
        done = verify("inclusion", file, "--keys", key)
        assert done.returncode == 1
        assert done.stderr.startswith("commissions-verify: NOT SHOWN: ")
        assert done.stderr.count("\n") == 1
    assert verify("inclusion", cut).returncode == 2


def test_kept_subtrees_give_the_same_roots(
    ledger_database_url: str,
) -> None:
    """With and without them, at every size around a full one; a wrong one is told by verify."""
    with psycopg.connect(ledger_database_url) as connection:
        size = 2 * LEAVES + 5
        leaves = [b"%032d" % n for n in range(size)]
        connection.execute("CREATE TEMPORARY TABLE events (position bigint, leaf bytea)")
        connection.execute(
            "CREATE TEMPORARY TABLE subtrees (number bigint PRIMARY KEY, root bytea)"
        )
        with (
            connection.cursor() as cursor,
            cursor.copy("COPY events FROM STDIN (FORMAT binary)") as copied,
        ):
            copied.set_types(["int8", "bytea"])
            for n, leaf in enumerate(leaves):
                copied.write_row((n + 1, leaf))
        tree = Subtrees(connection, names=Names(ledger="pg_temp"))
        sizes = (1, LEAVES - 1, LEAVES, LEAVES + 1, 2 * LEAVES, size)
        before = [tree.root(0, each) for each in sizes]
        assert before == [naive_root(leaves[:each]) for each in sizes]
        assert (tree.keep(size), tree.keep(size)) == (2, 0)
        assert [tree.root(0, each) for each in sizes] == before
        assert tree.root(LEAVES, 2 * LEAVES) == naive_root(leaves[LEAVES : 2 * LEAVES])
