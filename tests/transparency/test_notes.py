"""Signed notes against the vectors of C2SP's signed-note and of Go's x/mod/sumdb/note."""

from __future__ import annotations

import base64
import errno
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.errors import NotReady
from replay.transparency import verifier
from replay.transparency.signing import (
    SigningKey,
    new_key,
    read_key_file,
    read_keys,
    sign,
    write_key_file,
)
from replay.transparency.verifier import COSIGNATURE, NotShown, key_id, read_checkpoint, read_note

PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
NOTE = (
    f"{TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqf"
    "qdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_the_known_note() -> None:
    """Signed to the byte, and accepted."""
    (key,) = read_keys(PRIVATE)
    assert sign(TEXT, [key]) == NOTE
    assert key.verifier() == PUBLIC
    assert key.line() == PRIVATE
    assert verifier.signers(read_note(NOTE), [verifier.read_key(PUBLIC)]) == ["PeterNeumann"]


def test_a_changed_text_is_forged() -> None:
    """One letter is enough."""
    note = read_note(NOTE.replace("think", "thank"))
    with pytest.raises(NotShown, match="forged"):
        verifier.signers(note, [verifier.read_key(PUBLIC)])


def test_a_key_that_did_not_sign() -> None:
    """The refusal tells who did."""
    other = verifier.read_key(new_key("PeterNeumann").verifier())
    with pytest.raises(NotShown, match=r"PeterNeumann\+c74f20a3"):
        verifier.signers(read_note(NOTE), [other])


def test_while_a_key_is_changed_both_sign() -> None:
    """Who has the old key and who has the new one accept the same note; one may have both."""
    old, new = new_key("log"), new_key("log")
    note = read_note(sign("log\n1\nroot\n", [old, new]))
    for keys in ([old], [new], [old, new]):
        trusted = [verifier.read_key(key.verifier()) for key in keys]
        assert verifier.signers(note, trusted) == ["log"] * len(keys)


def test_a_witness_signs_beside_the_log_and_never_instead_of_it() -> None:
    """cosignature/v1: over the time that it saw the checkpoint, and the text."""
    log, seed = new_key("log"), Ed25519PrivateKey.generate()
    public = seed.public_key().public_bytes_raw()
    told = key_id("witness.example", COSIGNATURE, public)
    text, at = "log\n1\nroot\n", 1_767_225_600
    signed = seed.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
    line = base64.b64encode(told + at.to_bytes(8, "big") + signed).decode()
    note = sign(text, [log]) + f"— witness.example {line}\n"
    encoded = base64.b64encode(bytes([COSIGNATURE]) + public).decode()
    witness = verifier.read_key(f"witness.example+{told.hex()}+{encoded}")
    mine = verifier.read_key(log.verifier())
    assert verifier.signers(read_note(note), [witness, mine]) == [
        "log",
        f"witness.example (witness, at {at})",
    ]
    with pytest.raises(NotShown, match="no key that you gave"):
        verifier.signers(read_note(note), [witness])
    later = base64.b64encode(told + (at + 1).to_bytes(8, "big") + signed).decode()
    with pytest.raises(NotShown, match="forged"):
        verifier.signers(read_note(note.replace(line, later)), [witness, mine])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no signature\n",
        "text\n\n",
        NOTE.rstrip("\n"),
        NOTE.replace("—", "-"),
        NOTE.replace("x08go", "!08go"),
        NOTE.replace(" x08go", "  x08go"),
    ],
)
def test_what_is_no_note(text: str) -> None:
    """Refused, whatever is wrong with it."""
    with pytest.raises(NotShown):
        verifier.signers(read_note(text), [verifier.read_key(PUBLIC)])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log\n",
        "log\n1\n",
        "log\n01\nAA==\n",
        "log\n-1\nAA==\n",
        "log\n1\nAA==\n",
        "\n1\nAA==\n",
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    """Size and root are written in one way only."""
    with pytest.raises(NotShown, match="no checkpoint"):
        read_checkpoint(text)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "name",
        "name+00000000",
        PUBLIC.replace("c74f20a3", "c74f20a4"),
        PUBLIC.replace("ARpc", "AhpC"),
        PUBLIC[:-4],
        PUBLIC.replace("ARpc", "AR!c"),
    ],
)
def test_what_is_no_public_key(line: str) -> None:
    """A damaged one is told by its id."""
    with pytest.raises(NotShown):
        verifier.read_key(line)


def test_a_file_of_keys() -> None:
    """One a line, with comments; an empty one would trust nobody."""
    assert len(verifier.read_keys(f"# of the ledger\n\n{PUBLIC}\n")) == 1
    with pytest.raises(NotShown, match="no key"):
        verifier.read_keys("# nothing\n")


@pytest.mark.parametrize(
    "text",
    ["", "\n", PUBLIC, PRIVATE[:-4], PRIVATE.replace("c74f20a3", "c74f20a4"), f"{PRIVATE} x"],
)
def test_what_is_no_private_key(text: str) -> None:
    """Refused without repeating it."""
    with pytest.raises(NotReady) as refusal:
        read_keys(text)
    assert "AYEKFALV" not in str(refusal.value)


def test_a_key_file_is_for_one_user(tmp_path: Path) -> None:
    """Made with mode 0600, never over another file, and refused when others may read it."""
    path, key = tmp_path / "key", new_key("log")
    write_key_file(path, key)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_key_file(path) == (key,)
    with pytest.raises(NotReady, match="never overwritten"):
        write_key_file(path, key)
    for mode in (0o640, 0o604, 0o400, 0o700):
        path.chmod(mode)
        with pytest.raises(NotReady, match="chmod 600"):
            read_key_file(path)


def test_a_key_that_could_not_be_written_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk, say: the next one may have its name."""

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("replay.transparency.signing.os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            write_key_file(tmp_path / "key", new_key("log"))
    write_key_file(tmp_path / "key", new_key("log"))


def test_a_key_is_never_shown() -> None:
    """Not in a representation, hence in no log."""
    key = SigningKey("log", b"\x07" * 32)
    assert "07" not in repr(key)
    assert "seed" not in repr(key)


@pytest.mark.parametrize("name", ["", "two words", "a+b"])
def test_names_that_no_key_has(name: str) -> None:
    """The format has no room for them."""
    with pytest.raises(NotReady, match="cannot name a key"):
        new_key(name)
