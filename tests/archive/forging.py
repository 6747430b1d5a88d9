"""Somebody who changes an event in an archive, and makes the manifest say so."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pyarrow.parquet as pq

from replay.archive.manifest import described, files_of, read_manifest


def plant(url: str, archive: Path, position: int, state: bytes) -> None:
    """Put other JSON in the place of an event's, in the ledger of an address and in its archive.

    The archive's files are again those of its manifest. ``position`` is that of the event.
    """
    manifest = read_manifest(archive)
    told = json.loads((archive / "manifest.json").read_text())
    by_name = {
        (part["directory"], file["name"]): file for part in told["parts"] for file in part["files"]
    }
    for path in files_of(archive, manifest):
        table = pq.read_table(path)
        positions = table["position"].to_pylist()
        if position in positions:
            states = table["state"].to_pylist()
            states[positions.index(position)] = state.decode()
            index = table.schema.get_field_index("state")
            pq.write_table(table.set_column(index, table.schema.field(index), [states]), path)
            by_name[path.parent.name, path.name].update(
                described(path, table.num_rows).model_dump()
            )
    (archive / "manifest.json").write_text(json.dumps(told))
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("ALTER TABLE ledger.events DISABLE TRIGGER refuse_change")
        owner.execute("UPDATE ledger.events SET state = %s WHERE position = %s", (state, position))
        owner.execute("ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER refuse_change")
