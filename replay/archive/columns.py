"""The columns of an archived event: those of the events table, without what can be computed anew.

Hashes are left out: content and leaf are functions of the rest. ``state`` is text, byte for byte
the canonical JSON that was recorded. Instants are in UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import pyarrow as pa
import pyarrow.parquet as pq

from ledger.errors import Corrupt
from replay.findings import StoredRow

_INSTANT = pa.timestamp("us")
SCHEMA = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("recorded_at", _INSTANT, nullable=False),
        pa.field("originator_id", pa.string(), nullable=False),
        pa.field("originator_version", pa.int64(), nullable=False),
        pa.field("topic", pa.string(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("effective_at", _INSTANT),
        pa.field("day", pa.date32()),
        pa.field("source", pa.string()),
        pa.field("event_id", pa.string()),
        pa.field("partner_id", pa.string()),
        pa.field("client_id", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("currency", pa.string()),
        pa.field("amount", pa.int64()),
        pa.field("in_flight", pa.int64()),
        pa.field("tax", pa.int64()),
        pa.field("posting_day", pa.date32()),
    ]
)
MONEY = ("amount", "in_flight", "tax")

_DELTA = ("position", "recorded_at", "originator_version", "effective_at")
_DICTIONARY = [
    name
    for name in SCHEMA.names
    if name not in {*_DELTA, "state", "event_id", "amount", "in_flight", "tax"}
]
_ROW_GROUP = 122_880
"""Rows of a row group: what DuckDB gives one thread at a time."""
_PAGE_BYTES = 8 * 2**20


def owner(row: StoredRow) -> str:
    """Whose event it is: its own client's, else its partner's, else its stream's."""
    return row.client_id or row.partner_id or row.originator_id


def bucket_of(row: StoredRow, buckets: int) -> int:
    """The bucket of an owner, the same on every machine."""
    return crc32(owner(row).encode()) % buckets


def table_of(rows: Sequence[StoredRow]) -> pa.Table:
    """Return rows as a table; Corrupt for an event whose state is no text."""
    if not rows:
        return SCHEMA.empty_table()
    columns = dict(zip(StoredRow._fields, zip(*rows, strict=True), strict=True))
    try:
        columns["state"] = tuple(bytes(state).decode() for state in columns["state"])
    except UnicodeDecodeError:
        raise Corrupt(
            f"an event of positions {rows[0].position} to {rows[-1].position} is no text;"
            " run: commissions verify"
        ) from None
    for name in MONEY:
        columns[name] = tuple(None if each is None else int(each) for each in columns[name])
    for name in ("recorded_at", "effective_at"):
        columns[name] = tuple(
            None if each is None else each.replace(tzinfo=None) for each in columns[name]
        )
    arrays = [pa.array(columns[field.name], field.type) for field in SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def write_sorted(path: Path, rows: pa.Table) -> None:
    """Write a bucket: money events first, each by owner and position, so that like stands by like.

    Readers of balances skip the groups of rows that hold no money.
    """
    keys = pa.table(
        {
            "money": rows["kind"].is_null(),
            "owner": pa.compute.coalesce(
                rows["client_id"], rows["partner_id"], rows["originator_id"]
            ),
            "position": rows["position"],
        }
    )
    order = pa.compute.sort_indices(
        keys, sort_keys=[(name, "ascending") for name in keys.column_names]
    )
    pq.write_table(
        rows.take(order),
        path,
        row_group_size=_ROW_GROUP,
        data_page_size=_PAGE_BYTES,
        compression="zstd",
        compression_level=9,
        use_dictionary=_DICTIONARY,
        column_encoding=dict.fromkeys(_DELTA, "DELTA_BINARY_PACKED"),
        write_statistics=True,
        store_schema=False,
    )
