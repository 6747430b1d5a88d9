"""The hashes that an archive leaves out, computed anew where a query reads them."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from replay.findings import StoredRow
from replay.integrity import content_of, leaf_of

_OUTPUT = pa.struct([("content", pa.binary()), ("leaf", pa.binary())])
_KINDS = (
    "BIGINT",
    "TIMESTAMP",
    "VARCHAR",
    "BIGINT",
    "VARCHAR",
    "VARCHAR",
    "TIMESTAMP",
    "VARCHAR",
    "VARCHAR",
)
_BLANK = StoredRow(**dict.fromkeys(StoredRow._fields))  # type: ignore[arg-type]


def hash_columns(database: duckdb.DuckDBPyConnection) -> None:
    """Make the function ``hashes``: content and leaf of an event, from its columns."""
    database.create_function(
        "hashes",
        _hashes,
        [duckdb.sqltype(kind) for kind in _KINDS],
        duckdb.sqltype("STRUCT(content BLOB, leaf BLOB)"),
        type="arrow",
        null_handling="special",
    )


def _hashes(  # noqa: PLR0913, PLR0917 - one for each column that is hashed
    position: pa.ChunkedArray,
    recorded_at: pa.ChunkedArray,
    stream: pa.ChunkedArray,
    version: pa.ChunkedArray,
    topic: pa.ChunkedArray,
    state: pa.ChunkedArray,
    effective_at: pa.ChunkedArray,
    source: pa.ChunkedArray,
    event_id: pa.ChunkedArray,
) -> pa.Array:
    columns = (position, recorded_at, stream, version, topic, state, effective_at, source, event_id)
    rows = zip(*(column.to_pylist() for column in columns), strict=True)
    return pa.array([_of(*row) for row in rows], _OUTPUT)


def _of(  # noqa: PLR0913, PLR0917 - as above
    position: int,
    recorded_at: datetime,
    stream: str,
    version: int,
    topic: str,
    state: str,
    effective_at: datetime | None,
    source: str | None,
    event_id: str | None,
) -> dict[str, bytes]:
    row = _BLANK._replace(
        position=position,
        recorded_at=recorded_at.replace(tzinfo=UTC),
        originator_id=stream,
        originator_version=version,
        topic=topic,
        state=state.encode(),
        effective_at=None if effective_at is None else effective_at.replace(tzinfo=UTC),
        source=source,
        event_id=event_id,
    )
    content = content_of(row)
    return {"content": content, "leaf": leaf_of(row._replace(content=content))}
