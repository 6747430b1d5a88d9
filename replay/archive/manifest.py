"""What an archive says of itself: ``manifest.json``, the one file that is ever replaced.

An archive is a manifest and the parts that it names; what it does not name is not of the archive.
"""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from ledger.errors import LedgerError

NAME = "manifest.json"
FORMAT = 1

Hex = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})+$")]
"""One hash of 32 bytes, or several."""
FileName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.\-]*$")]
Number = Annotated[int, Field(ge=0)]


class BadArchive(LedgerError):
    """What stands in the directory is not the archive that it should be."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ArchivedFile(_Model):
    """A file of a part: rows in it, bytes of it, and SHA-256 of them."""

    name: FileName
    rows: Number
    size: Number
    sha256: Hex


class Part(_Model):
    """Positions ``first`` to ``through``; ``root`` is the log's Merkle root at ``through``."""

    directory: FileName
    first: Annotated[int, Field(ge=1)]
    through: Annotated[int, Field(ge=1)]
    root: Hex
    frontier: Hex
    """Roots of the full subtrees of all positions up to ``through``, the largest first."""
    files: tuple[ArchivedFile, ...]
    """Events by bucket."""
    subtrees: ArchivedFile
    """Roots of each full 4,096 leaves that end in this part, 32 bytes each."""


class ArchivedCheckpoint(_Model):
    """A checkpoint as the ledger gave it out."""

    position: Annotated[int, Field(ge=1)]
    created_at: Annotated[datetime, Field(strict=False)]
    operator: str
    note: str


class Manifest(_Model):
    """A whole archive; ``origin`` is the log's name, made from the leaf of its first event.

    ``known_until`` is the last instant at which the ledger knew no more than the archive does.
    """

    format: int
    schema_version: int
    origin: str
    known_until: Annotated[datetime, Field(strict=False)]
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]
    checkpoints: tuple[ArchivedCheckpoint, ...] = ()

    @model_validator(mode="after")
    def _parts_follow(self) -> Self:
        expected = 1
        for part in self.parts:
            if part.first != expected or part.through < part.first:
                raise ValueError(f"no part has position {expected}")
            rows = sum(each.rows for each in part.files)
            if rows != part.through - part.first + 1:
                raise ValueError(f"part {part.directory} has {rows} rows for its positions")
            expected = part.through + 1
        return self

    @property
    def through(self) -> int:
        """The last position."""
        return self.parts[-1].through


def read_manifest(directory: Path) -> Manifest:
    """Read the manifest of an archive; BadArchive says what is wrong with it."""
    path = directory / NAME
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise BadArchive(
            f"{directory} is no archive: it has no {NAME}; write one with: commissions archive"
        ) from None
    try:
        found = Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BadArchive(
            f"{path} cannot be read ({f'{where}: ' if where else ''}{first['msg']}); take the"
            " archive from where it was kept, or write it anew"
        ) from None
    if found.format != FORMAT:
        raise BadArchive(
            f"{path} has format {found.format}, this release reads {FORMAT}; use the release that"
            " wrote it"
        )
    return found


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Put a manifest in the place of the one before, whole or not at all."""
    temporary = directory / f".{NAME}.{os.getpid()}"
    with temporary.open("wb") as file:
        file.write(manifest.model_dump_json(indent=1).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(directory / NAME)
    sync(directory)


def sync(path: Path) -> None:
    """Let what was written to a file, or renamed in a directory, outlast a fall of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def described(path: Path, rows: int) -> ArchivedFile:
    """Return what the manifest says of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ArchivedFile(name=path.name, rows=rows, size=path.stat().st_size, sha256=digest)


def files_of(directory: Path, manifest: Manifest) -> list[Path]:
    """Return the Parquet files of an archive."""
    return [
        directory / part.directory / each.name for part in manifest.parts for each in part.files
    ]


def check_files(directory: Path, manifest: Manifest) -> None:
    """Raise BadArchive for the first file that is not there or not as it was written."""
    for part in manifest.parts:
        for told in (*part.files, part.subtrees):
            path = directory / part.directory / told.name
            try:
                found = described(path, told.rows)
            except FileNotFoundError:
                raise BadArchive(f"{path} is missing; {_AGAIN}") from None
            if found.size < told.size:
                raise BadArchive(f"{path} is cut off: {found.size} bytes of {told.size}; {_AGAIN}")
            if found != told:
                raise BadArchive(f"{path} was changed: its SHA-256 is not the manifest's; {_AGAIN}")


_AGAIN = "take the archive from where it was kept, or write it anew"
