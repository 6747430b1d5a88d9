"""Whether an archive is of the ledger at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psycopg import Connection

from projections import DEFAULT_NAMES, Names
from replay.archive.manifest import BadArchive, Manifest
from replay.transparency.checkpoints import Checkpoints
from replay.transparency.subtrees import root_at


def require_same_ledger(
    manifest: Manifest, directory: Path, connection: Connection[Any], names: Names = DEFAULT_NAMES
) -> None:
    """Raise BadArchive unless the archive is of the beginning of this very ledger."""
    origin = Checkpoints(connection, names).origin()
    if origin != manifest.origin:
        raise BadArchive(
            f"{directory} is the archive of another ledger ({manifest.origin}, not {origin});"
            " name that ledger's with --database"
        )
    if root_at(connection, manifest.through, names).hex() != manifest.parts[-1].root:
        raise BadArchive(
            f"{directory} holds another history than the ledger up to position"
            f" {manifest.through}; run: commissions verify, and commissions archive --check"
        )
