"""Checks a ledger's proofs offline: ``commissions-verify``.

This one file is all there is: it needs Python 3.11 and the package ``cryptography``, neither the
ledger's database nor its code. It reads what the ledger's keeper hands out, and trusts nothing in
it but what follows from a key that you were given before:

* a *checkpoint* says "my log had N events, and this is the root of the tree over them", and is
  signed (C2SP signed-note and tlog-checkpoint, Ed25519; witnesses by cosignature/v1);
* the root binds every event before it: *inclusion* shows that an event is among them,
  *consistency* that a later log begins with an earlier one (Merkle trees of RFC 9162);
* a *statement* is checked line by line against the events that it is made of;
* an *evidence package* holds all statements of some months, which their closes sealed.

Everything is plain JSON or text. Exit status 0: it is shown; 1: it is not; 2: wrong usage.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import lzma
import os
import re
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519, COSIGNATURE = 1, 4
"""Kinds of key: of the log itself, and of a witness who saw that it only ever grew."""

HASH_BYTES = 32
"""Bytes of a hash, and of a public key."""

DIRECT = {
    "CommissionPosted/1": "commission",
    "BonusPosted/1": "bonus",
    "ContestPosted/1": "contest",
    "RewardPosted/1": "reward",
    "OverridePosted/1": "override",
    "CreditPosted/1": "credit",
}
"""Events whose amount becomes payable, and the kind that a statement calls them."""

SHOWN = {"ClawbackWaived/1": "waiver", "MarginPosted/1": "margin", "WholesaleBooked/1": "wholesale"}
"""Events that a statement shows and that change nothing payable."""

MEMBERS = (
    *("rule", "service_end", "client_id", "subscription_id", "base", "rate"),
    *("payout_id", "line", "reason", "programme_version"),
)
"""Members of a line that stand in its event under the same name."""

DERIVED = ("position", "posting_date", "service_date", "kind", "amount", "tax", "effect")
"""Members of a line that are checked against its event in other ways; it has no more than these."""


class NotShown(Exception):
    """Something that is not as the keeper says; the message tells what."""


# --- signed notes -----------------------------------------------------------------------------


class Key(NamedTuple):
    """A public key as it is handed out: ``NAME+ID+BASE64``."""

    name: str
    id: bytes
    kind: int
    public: bytes


class Note(NamedTuple):
    """A signed text; of each signature the name, the id of its key and its bytes."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """The 4 bytes by which a signature names its key."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def read_key(line: str) -> Key:
    """Read a public key from a line ``NAME+ID+BASE64``."""
    try:
        name, told, encoded = line.strip().split("+", 2)
    except ValueError:
        raise NotShown(f"{line.strip()!r} is no key; a key is written NAME+ID+BASE64") from None
    raw = _base64(encoded, "the key")
    if len(raw) != 1 + HASH_BYTES or raw[0] not in {ED25519, COSIGNATURE}:
        raise NotShown(f"the key of {name} is no Ed25519 key")
    key = Key(name, key_id(name, raw[0], raw[1:]), raw[0], raw[1:])
    if told != key.id.hex():
        raise NotShown(f"the key of {name} is damaged: its id would be {key.id.hex()}, not {told}")
    return key


def read_keys(text: str) -> list[Key]:
    """Read the keys of a file: one a line; blank lines and lines that begin with # are left out."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise NotShown("the file of keys has no key in it")
    return [read_key(line) for line in lines]


def read_note(text: str) -> Note:
    """Read a signed note: a text that ends with a newline, an empty line, signatures."""
    body, found, tail = text.rpartition("\n\n")
    if not found or not tail.endswith("\n"):
        raise NotShown("this is no signed note: it needs a text, an empty line, and signatures")
    signatures = []
    for line in tail.splitlines():
        parts = re.fullmatch("\N{EM DASH} ([^ +]+) ([^ ]+)", line)
        if parts is None:
            raise NotShown(f"{line!r} is no signature line")
        raw = _base64(parts[2], f"the signature of {parts[1]}")
        signatures.append((parts[1], raw[:4], raw[4:]))
    return Note(body + "\n", tuple(signatures))


def signers(note: Note, keys: Iterable[Key]) -> list[str]:
    """Return who signed a note, of the keys given: the log's names first, then its witnesses.

    A signature that names one of the keys and is wrong makes all of it worthless.
    """
    log, witnesses = [], []
    for key in keys:
        for name, told, signature in note.signatures:
            if (name, told) != (key.name, key.id):
                continue
            if key.kind == ED25519:
                _check(key, signature, note.text.encode())
                log.append(name)
            else:
                at = int.from_bytes(signature[:8], "big")
                signed = f"cosignature/v1\ntime {at}\n{note.text}".encode()
                _check(key, signature[8:], signed)
                witnesses.append(f"{name} (witness, at {at})")
    if not log:
        named = ", ".join(f"{name}+{told.hex()}" for name, told, _ in note.signatures)
        raise NotShown(f"no key that you gave signed this; it was signed by {named}")
    return log + witnesses


def _check(key: Key, signature: bytes, signed: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, signed)
    except InvalidSignature:
        raise NotShown(f"the signature of {key.name} is not of this text: it is forged") from None


# --- checkpoints and trees --------------------------------------------------------------------


class Checkpoint(NamedTuple):
    """What a log says of itself: its name, how many events it has, and the root over them."""

    origin: str
    size: int
    root: bytes


def read_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint: origin, size, root, one a line; more lines may follow."""
    found = re.match(r"([^\n]+)\n(0|[1-9][0-9]*)\n([^\n]+)\n", text)
    root = _base64(found[3], "the root") if found else b""
    if found is None or len(root) != HASH_BYTES:
        raise NotShown("this is no checkpoint: it needs an origin, a size and a root, one a line")
    return Checkpoint(found[1], int(found[2]), root)


def trusted(text: str, keys: Iterable[Key]) -> tuple[Checkpoint, list[str]]:
    """Return a checkpoint and who signed it; NotShown unless the log did, with a key of yours.

    A key is of the log that has its name.
    """
    note, keys = read_note(text), list(keys)
    found = read_checkpoint(note.text)
    who = signers(note, keys)
    for key in keys:
        signed = (key.name, key.id) in {(name, told) for name, told, _ in note.signatures}
        if signed and key.kind == ED25519 and key.name != found.origin:
            raise NotShown(
                f"this is a checkpoint of another ledger: of {found.origin}, signed by {key.name}"
            )
    return found, who


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf (RFC 9162, 2.1.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node (RFC 9162, 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def check_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Show that a leaf hash stands at ``index``, from 0, of a tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        raise NotShown(f"position {index + 1} is not among the {size} events of the checkpoint")
    found, sides = leaf, _sides(index, size - 1, len(proof))
    for each, left in zip(proof, sides or [], strict=False):
        found = node_hash(each, found) if left else node_hash(found, each)
    if sides is None or found != root:
        raise NotShown(f"the event of position {index + 1} is not the one in the signed log")


def check_consistency(
    old: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes
) -> None:
    """Show that a tree of ``size`` begins with one of ``old`` leaves (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= size:
        raise NotShown(f"a log of {size} events cannot follow one of {old}")
    if old == size:
        grew = not proof and old_root == root
    else:
        # A tree that is one full subtree is not repeated in the proof.
        path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
        at, last = old - 1, size - 1
        while at & 1:
            at, last = at >> 1, last >> 1
        grew = bool(path) and _grew(path, _sides(at, last, len(path) - 1), old_root, root)
    if not grew:
        raise NotShown(
            f"the log of {size} events does not begin with the log of {old}: a fork, or history"
            " was rewritten"
        )


def _grew(path: list[bytes], sides: list[bool] | None, old_root: bytes, root: bytes) -> bool:
    """Whether the path leads to both roots."""
    if sides is None:
        return False
    before = after = path[0]
    for each, left in zip(path[1:], sides, strict=True):
        if left:
            before = node_hash(each, before)
        after = node_hash(each, after) if left else node_hash(after, each)
    return before == old_root and after == root


def _sides(at: int, last: int, count: int) -> list[bool] | None:
    """Of each hash of a path whether it stands to the left; None if it cannot have so many."""
    sides = []
    for _ in range(count):
        if last == 0:
            return None
        left = bool(at & 1) or at == last
        while left and at and not at & 1:
            at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1
        sides.append(left)
    return sides if last == 0 else None


# --- events -----------------------------------------------------------------------------------


def canonical(value: object) -> bytes:
    """JSON as RFC 8785 writes it, of what events hold: no fractions, names in ASCII."""
    text = json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return text.encode()


def leaf_of(event: Mapping[str, Any]) -> bytes:
    """The leaf hash of an event: of its place and the hash of its content."""
    content = {name: event[name] for name in ("data", "effective_at", "id", "source", "topic")}
    head = {
        "content": hashlib.sha256(canonical(content)).hexdigest(),
        **{name: event[name] for name in ("position", "recorded_at", "stream", "version")},
    }
    return leaf_hash(canonical(head))


def check_event(event: Mapping[str, Any], checkpoint: Checkpoint) -> None:
    """Show that an event with its ``proof`` is in the log of a checkpoint."""
    proof = _hashes(event["proof"])
    index = event["position"] - 1
    check_inclusion(leaf_of(event), index, checkpoint.size, proof, checkpoint.root)


# --- statements -------------------------------------------------------------------------------


def check_statement(statement: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> list[str]:
    """Show a closed month's statement from events whose inclusion was shown; what was shown."""
    place, partner, month = statement["position"], statement["partner_id"], statement["month"]
    by_position = {event["position"]: event for event in events}
    close = by_position.get(place)
    if close is None or not _closes(close, month):
        raise NotShown(f"position {place} is not the close of {month}")
    if statement["status"] != "closed":
        raise NotShown(f"the statement says that it is {statement['status']}; {month} is closed")
    lines = [(one["currency"], line) for one in statement["accounts"] for line in one["lines"]]
    _check_members(statement)
    for currency, line in lines:
        event = by_position.get(line["position"])
        if event is None or line["position"] > place:
            raise NotShown(f"line {line['position']} rests on no event of before the close")
        if line["posting_date"][:7] != month:
            raise NotShown(f"line {line['position']} was posted in another month than {month}")
        _check_line(line, event, partner, currency)
    for one in statement["accounts"]:
        total = one["opening"] + sum(line["effect"] for line in one["lines"])
        if total != one["closing"]:
            raise NotShown(f"{one['currency']}: opening and lines make {total}, not the closing")
    shown = [
        f"position {place} closes {month}, and is in the signed log",
        f"{len(lines)} lines are events of {partner}, with these amounts, and sum to the closing",
    ]
    return shown + _complete(events, {line["position"] for _, line in lines}, partner, month, place)


def _check_members(statement: Mapping[str, Any]) -> None:
    """Show that a statement says nothing twice, and nothing that its events do not vouch for."""
    accounts = statement["accounts"]
    lines = [line for one in accounts for line in one["lines"]]
    _once("the account in", (one["currency"] for one in accounts))
    _once("line", (line["position"] for line in lines))
    for what, known in (
        (statement, ("partner_id", "month", "status", "position", "root", "accounts")),
        *((one, ("currency", "opening", "lines", "closing")) for one in accounts),
        *((line, (*MEMBERS, *DERIVED)) for line in lines),
    ):
        for name in what.keys() - {*known}:
            raise NotShown(f"the statement says {name}, of which no signed event is proof")


def _once(what: str, names: Iterable[object]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise NotShown(f"{what} {name} is there more than once")


def _complete(
    events: Sequence[Mapping[str, Any]], stated: set[int], partner: str, month: str, place: int
) -> list[str]:
    """Show that the partner's account holds no line of the month that the statement leaves out.

    Events of a stream are numbered without gaps, and their numbers are in the leaves.
    """
    account = sorted(
        (event for event in events if event["stream"] == f"account:{partner}"),
        key=lambda event: int(event["version"]),
    )
    before = None
    for event in account:
        if before is not None and event["version"] != before["version"] + 1:
            raise NotShown(f"an event of {partner} after position {before['position']} is left out")
        if before is not None and event["position"] <= before["position"]:
            raise NotShown(f"position {event['position']}: the account's order is not the log's")
        posted = str(event["data"].get("posting_date", ""))
        if posted[:7] == month and event["position"] <= place and event["position"] not in stated:
            raise NotShown(f"the line of position {event['position']} is not in the statement")
        before = event
    if not account:
        return []
    first, last = account[0]["version"], account[-1]["version"]
    told = f"no line is left out among events {first} to {last} of the account"
    after = account[-1]["position"] > place
    return [told + (", the last of which is after the close" if after else "")]


def _closes(event: Mapping[str, Any], month: str) -> bool:
    """Whether an event closed a month: its close, that of a later one, or an opening after it."""
    if event["stream"] != "ledger":
        return False
    if event["topic"] == "ledger.opened/1":
        return str(event["data"]["day"])[:7] > month
    return bool(event["topic"] == "period.closed/1" and event["data"]["month"] >= month)


def _check_line(
    line: Mapping[str, Any], event: Mapping[str, Any], partner: str, currency: str
) -> None:
    data, position = event["data"], line["position"]
    told = {name: line.get(name) for name in (*MEMBERS, "kind", "amount", "effect", "tax")}
    known = {name: data.get(name) for name in MEMBERS} | _meaning(event)
    told |= {"partner_id": partner, "currency": currency, "posting_date": line["posting_date"]}
    known |= {name: data[name] for name in ("partner_id", "currency", "posting_date")}
    told["service_date"], known["service_date"] = line["service_date"], data["day"]
    for name, value in told.items():
        if value != known[name]:
            raise NotShown(
                f"line {position}: the statement says {name} {value!r},"
                f" the signed event {known[name]!r}"
            )


def _meaning(event: Mapping[str, Any]) -> dict[str, Any]:
    """The kind of a money event, its amount, its VAT, and what it adds to what is payable."""
    topic, data = event["topic"], event["data"]
    amount, tax, effect = data.get("amount"), data.get("tax"), 0
    kind = SHOWN.get(topic)
    if topic in DIRECT:
        kind, effect = DIRECT[topic], amount
    elif topic == "AdjustmentPosted/1":
        kind, effect = ("opening" if data["rule"] == "D8.3" else "adjustment"), amount
        if data.get("of_margin"):
            kind, effect = "margin_adjustment", 0
    elif topic == "PrizePosted/1":
        kind, effect = ("prize", amount) if data.get("cash", True) else ("prize_in_kind", 0)
    elif topic == "PayoutInitiated/1":
        kind, effect = "payout_initiated", -amount
    elif topic == "PayoutClosed/1":
        sign = -1 if data["outcome"] == "returned" else 1
        kind, amount, tax = f"payout_{data['outcome']}", sign * data["paid"], sign * tax
        effect = data["initiated"] - amount
    elif topic == "PaymentBooked/1":
        kind, amount, effect = "payment", data["paid"], -data["paid"]
    if kind is None:
        raise NotShown(f"position {event['position']}: {topic} is no line of a statement")
    return {"kind": kind, "amount": amount, "tax": tax, "effect": effect}


# --- evidence packages ------------------------------------------------------------------------


def check_sums(files: Mapping[str, bytes]) -> None:
    """Show that the files are those of the package's list of hashes, none more and none less."""
    lines = files["SHA256SUMS"].decode().splitlines()
    listed = {name: told for told, name in (line.split("  ", 1) for line in lines)}
    for name in sorted((listed.keys() | files.keys()) - {"SHA256SUMS"}):
        if name not in files:
            raise NotShown(f"{name} is missing from the package")
        if listed.get(name) != hashlib.sha256(files[name]).hexdigest():
            raise NotShown(f"{name} is not the file that the package was made with")


def evidence_shown(files: Mapping[str, bytes], found: Checkpoint) -> list[str]:
    """Check every closed month of a package against a checkpoint that is trusted; what it shows."""
    manifest, closes = _parsed(files["manifest.json"]), _parsed(files["closes.json"])
    if manifest["format"] != "commission-ledger/evidence/1":
        raise NotShown(f"this is {manifest['format']}, no evidence package of this kind")
    months = [one["month"] for one in closes["closes"]]
    follow = all(_month_after(month) == after for month, after in pairwise(months))
    if not follow or (months[0], months[-1]) != (manifest["from"], manifest["through"]):
        raise NotShown("the months are not those that the package says")
    adopted = [name for name in sorted(files) if name.startswith("programmes/")]
    for name in adopted:
        event = _parsed(files[name])
        check_event(event, found)
        if (event["topic"], event["stream"]) != ("programme.adopted/1", "ledger"):
            raise NotShown(f"{name} is no programme that was adopted")
    shown = [f"{len(adopted)} programme versions are as they were adopted, in the signed log"]
    before: dict[tuple[str, str], int] = {}
    _check_seals(closes["closes"])
    return shown + [_month_shown(files, one, found, before) for one in closes["closes"]]


def _month_after(month: str) -> str:
    year, number = map(int, month.split("-"))
    return f"{year + number // 12:04}-{number % 12 + 1:02}"


def _check_seals(closes: Sequence[Mapping[str, Any]]) -> None:
    """Show that no seal is left out: the first close alone closes months that have none."""
    sealed = False
    for one in closes:
        data = one["close"]["data"]
        sealed = sealed or "seal" in one or data.get("month") == one["month"]
        if sealed and "seal" not in one:
            raise NotShown(f"{one['month']}: the seal of its statements is left out")


def _month_shown(
    files: Mapping[str, bytes],
    proven: Mapping[str, Any],
    found: Checkpoint,
    before: dict[tuple[str, str], int],
) -> str:
    """Check a month's statements: all of them by its seal, each by its sums and its opening."""
    month, close = proven["month"], proven["close"]
    check_event(close, found)
    if not _closes(close, month):
        raise NotShown(f"position {close['position']} is not the close of {month}")
    digest, roots, count = hashlib.sha256(), set(), 0
    for name in _statements_of(files, month):
        digest.update(files[name])
        count += 1
        statement = _parsed(files[name])
        roots.add(statement["root"])
        if (statement["month"], statement["position"]) != (month, close["position"]):
            raise NotShown(f"{name} is of another month, or of another close")
        _check_sums_of(statement, before)
    if len(roots) > 1:
        raise NotShown(f"{month}: its statements name {len(roots)} roots, and a close has one")
    for root in map(bytes.fromhex, roots):
        way = _hashes(proven["consistency"])
        check_consistency(close["position"], found.size, way, root, found.root)
    if "seal" not in proven:
        return f"{month}: {count} statements add up; no close sealed them, ask for a proof of each"
    seal = proven["seal"]
    check_event(seal, found)
    data = seal["data"]
    if seal["topic"] != "StatementsSealed/1" or seal["stream"] != "ledger":
        raise NotShown(f"position {seal['position']} is no seal")
    if (data["month"], data["close"]) != (month, close["position"]):
        raise NotShown(f"position {seal['position']} seals {data['month']}, not {month}")
    if (data["statements"], data["sha256"]) != (count, digest.hexdigest()):
        raise NotShown(f"{month}: the statements are not all of those that the close sealed")
    return f"{month}: all {count} statements are as the close sealed them, and add up"


def _statements_of(files: Mapping[str, bytes], month: str) -> list[str]:
    """The names of a month's statements, in the order in which they were sealed."""
    folder = f"statements/{month}/"
    return [name for name in sorted(files) if name.startswith(folder) and name.endswith(".json")]


def _check_sums_of(statement: Mapping[str, Any], before: dict[tuple[str, str], int]) -> None:
    """Opening and lines make the closing, which is the next month's opening."""
    for one in statement["accounts"]:
        key = (statement["partner_id"], one["currency"])
        where = f"{key[0]}, {statement['month']}, {key[1]}"
        if one["opening"] + sum(line["effect"] for line in one["lines"]) != one["closing"]:
            raise NotShown(f"{where}: opening and lines do not make the closing")
        if before.get(key, one["opening"]) != one["opening"]:
            raise NotShown(f"{where}: the opening is not the closing of the month before")
        before[key] = one["closing"]


# --- the command ------------------------------------------------------------------------------


def verify_checkpoint(given: argparse.Namespace, keys: list[Key]) -> list[str]:
    """A checkpoint: who signed it."""
    found, who = trusted(_text(given.file), keys)
    return [f"{found.origin}: {found.size} events, signed by {', '.join(who)}"]


def verify_inclusion(given: argparse.Namespace, keys: list[Key]) -> list[str]:
    """One event: that it is in the log, with this content, at this place."""
    proof = _json(given.file, "inclusion")
    found, _ = _held(proof["checkpoint"], given.checkpoint, keys)
    event = proof["event"]
    check_event(event, found)
    return [f"position {event['position']} is in the log of {found.size} events: {event['topic']}"]


def verify_consistency(given: argparse.Namespace, keys: list[Key]) -> list[str]:
    """Two checkpoints: that the later log begins with the earlier."""
    proof = _json(given.file, "consistency")
    old, _ = _held(proof["old"], given.checkpoint, keys)
    new, _ = _held(proof["new"], given.later, keys)
    if old.origin != new.origin:
        raise NotShown(f"these are checkpoints of two ledgers: {old.origin} and {new.origin}")
    check_consistency(old.size, new.size, _hashes(proof["proof"]), old.root, new.root)
    return [f"the log of {new.size} events begins with the log of {old.size}"]


def verify_statement(given: argparse.Namespace, keys: list[Key]) -> list[str]:
    """A statement: that each of its lines is an event of the log, and that none is left out."""
    proof = _json(given.file, "statement")
    found, _ = _held(proof["checkpoint"], given.checkpoint, keys)
    return statement_shown(proof, found)


def statement_shown(proof: Mapping[str, Any], found: Checkpoint) -> list[str]:
    """Check the proof of a statement against a checkpoint that is trusted; what it shows."""
    statement = proof["statement"]
    root = bytes.fromhex(statement["root"])
    way = _hashes(proof["consistency"])
    check_consistency(statement["position"], found.size, way, root, found.root)
    for event in proof["events"]:
        check_event(event, found)
    shown = check_statement(statement, proof["events"])
    closing = [f"{one['closing']} {one['currency']}" for one in statement["accounts"]]
    said = (
        f"{statement['partner_id']}, {statement['month']}: closing {', '.join(closing) or 'none'}"
    )
    return [said, *shown, f"its root is that of the log's first {statement['position']} events"]


def verify_evidence(given: argparse.Namespace, keys: list[Key]) -> list[str]:
    """An evidence package: every file, and every statement of every closed month in it."""
    files = _package(given.file)
    check_sums(files)
    found, who = _held(files["checkpoint.txt"].decode(), given.checkpoint, keys)
    shown = evidence_shown(files, found)
    said = f"{len(files)} files are as listed; {found.size} events, signed by {', '.join(who)}"
    return [said, *shown]


def _package(file: str) -> dict[str, bytes]:
    """The files of a package, packed or unpacked."""
    path = Path(file)
    if path.is_dir():
        found = sorted(each for each in path.rglob("*") if each.is_file())
        return {each.relative_to(path).as_posix(): each.read_bytes() for each in found}
    try:
        with zipfile.ZipFile(path) as packed:
            _once("the file", packed.namelist())
            return {name: packed.read(name) for name in packed.namelist()}
    except OSError as error:
        raise NotShown(f"{file}: {error.strerror or error}") from None
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError):
        raise NotShown(f"{file} is no zip file that can be read, or it was cut off") from None


def _held(text: str, mine: str | None, keys: list[Key]) -> tuple[Checkpoint, list[str]]:
    """The checkpoint of a proof, which must be the one that the reader holds, if one is given."""
    found, who = trusted(text, keys)
    if mine is not None:
        held, _ = trusted(_text(mine), keys)
        if held != found:
            raise NotShown(
                f"the proof is for {found.origin} at {found.size} events, your checkpoint is of"
                f" {held.origin} at {held.size}" + (": a fork" if held.size == found.size else "")
            )
    return found, who


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except OSError as error:
        raise NotShown(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NotShown(f"{file} is not text") from None


def _json(file: str, kind: str) -> dict[str, Any]:
    try:
        found = _parsed(_text(file))
    except ValueError:
        raise NotShown(f"{file} is no JSON: it was cut off or is another file") from None
    if not isinstance(found, dict) or found.get("format") != f"commission-ledger/{kind}/1":
        raise NotShown(f"{file} is no proof of this kind; it should be commission-ledger/{kind}/1")
    return found


def _parsed(text: str | bytes) -> Any:
    """JSON without fractions: amounts are whole minor units."""
    return json.loads(text, parse_float=_no_number, parse_constant=_no_number)


def _no_number(text: str) -> None:
    raise NotShown(f"{text} is no number that a ledger writes: all of them are whole")


def _base64(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise NotShown(f"{what} is not written in base64") from None


def _hashes(texts: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one file; the exit status."""
    checks: dict[str, Callable[[argparse.Namespace, list[Key]], list[str]]] = {
        "checkpoint": verify_checkpoint,
        "inclusion": verify_inclusion,
        "consistency": verify_consistency,
        "statement": verify_statement,
        "evidence": verify_evidence,
    }
    parser = argparse.ArgumentParser("commissions-verify", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="what", required=True)
    for name, check in checks.items():
        command = commands.add_parser(name, help=check.__doc__)
        command.add_argument("file", help="the file to check, - for standard input")
        command.add_argument("--keys", required=True, help="the public keys that you trust")
        if name != "checkpoint":
            command.add_argument("--checkpoint", help="the checkpoint that you hold")
        if name == "consistency":
            command.add_argument("--later", help="the later checkpoint, if you hold that, too")
    given = parser.parse_args(arguments)
    try:
        shown = checks[given.what](given, read_keys(_text(given.keys)))
    except NotShown as error:
        sys.stderr.write(f"commissions-verify: NOT SHOWN: {error}\n")
        return 1
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        sys.stderr.write(f"commissions-verify: NOT SHOWN: {given.file} is malformed ({error!r})\n")
        return 1
    try:
        sys.stdout.write("".join(f"shown: {line}\n" for line in shown))
        sys.stdout.flush()
    except OSError as error:
        # What Python would flush on leaving goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"commissions-verify: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
