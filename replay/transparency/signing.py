"""Private keys of the log, and signed notes (C2SP signed-note, Ed25519).

A private key is one line, ``PRIVATE+KEY+NAME+ID+BASE64``. Several sign side by side, which is how
a key is changed: both sign until everybody who checks has the new one.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.errors import NotReady
from replay.transparency.verifier import ED25519, HASH_BYTES, key_id

_PREFIX = "PRIVATE+KEY+"
_NAME = re.compile(r"[^\s+]+")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key of the log and the name that it signs with."""

    name: str
    seed: bytes = field(repr=False)

    @property
    def public(self) -> bytes:
        """The 32 bytes of the public key."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()

    @property
    def id(self) -> bytes:
        """The 4 bytes that signatures name it by."""
        return key_id(self.name, ED25519, self.public)

    def verifier(self) -> str:
        """Return the public key as it is handed out: ``NAME+ID+BASE64``."""
        encoded = base64.b64encode(bytes([ED25519]) + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{encoded}"

    def line(self) -> str:
        """Return the private key as its file holds it."""
        encoded = base64.b64encode(bytes([ED25519]) + self.seed).decode()
        return f"{_PREFIX}{self.name}+{self.id.hex()}+{encoded}"

    def signature(self, text: str) -> str:
        """Return the signature line of a text that ends with a newline."""
        signed = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        return f"\N{EM DASH} {self.name} {base64.b64encode(self.id + signed).decode()}\n"


def new_key(name: str) -> SigningKey:
    """Return a key drawn by the system; NotReady for a name with spaces or a plus."""
    if not _NAME.fullmatch(name):
        raise NotReady(f"{name!r} cannot name a key; use one word without a plus")
    return SigningKey(name, secrets.token_bytes(32))


def read_keys(text: str) -> tuple[SigningKey, ...]:
    """Return the private keys of a text, one a line; NotReady if it has none."""
    keys = tuple(_read(line) for line in text.split("\n") if line.strip())
    if not keys:
        raise NotReady("there is no key; make one with: commissions checkpoint key FILE")
    return keys


def read_key_file(path: Path) -> tuple[SigningKey, ...]:
    """Return the keys of a file of mode 0600; NotReady for any other mode."""
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode != stat.S_IRUSR | stat.S_IWUSR:
            raise NotReady(f"{path} has mode {mode:04o}; a key is for one user: chmod 600 {path}")
        return read_keys(file.read().decode("utf-8", "replace"))


def write_key_file(path: Path, key: SigningKey) -> None:
    """Write a key to a new file of mode 0600, whole or not at all; NotReady where there is one."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise NotReady(f"{path} is there already; a key is never overwritten") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{key.line()}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        # Half a key is none, and would stand in the way of the next.
        path.unlink(missing_ok=True)
        raise


def sign(text: str, keys: Sequence[SigningKey]) -> str:
    """Return a signed note: the text, which ends with a newline, and a line for each key."""
    return "".join([text, "\n", *(key.signature(text) for key in keys)])


def _read(line: str) -> SigningKey:
    damaged = NotReady("a key is damaged; each is one line, PRIVATE+KEY+NAME+ID+BASE64")
    found = re.fullmatch(r"PRIVATE\+KEY\+([^\s+]+)\+([0-9a-f]{8})\+(\S+)", line.strip())
    if found is None:
        raise damaged
    try:
        raw = base64.b64decode(found[3], validate=True)
    except binascii.Error:
        raise damaged from None
    key = SigningKey(found[1], raw[1:])
    if len(key.seed) != HASH_BYTES or raw[0] != ED25519 or key.id.hex() != found[2]:
        raise damaged
    return key
