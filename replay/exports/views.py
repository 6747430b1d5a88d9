"""The views of ``finance`` as of a place, and their Parquet files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import sql

from ledger.errors import NotReady
from projections.definition import ReadModel, identifiers, scope_of
from projections.finance import VIEWS
from projections.views import STATEMENT_LINES, STATEMENTS
from replay.as_of import AsOf, Replay, Row, rows_of

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_ROWS = 65_536
"""Rows of a group of a Parquet file; so many are in memory at a time."""

__all__ = ["VIEWS", "view_rows", "write_parquet"]


def view_rows(replay: Replay, at: AsOf, name: str) -> Iterable[Row]:
    """Return the rows of a view of ``finance`` as of a place, in the view's own order."""
    ask: dict[str, Callable[[AsOf], Iterable[Row]]] = {
        "partner_balances": replay.balances,
        "commission_history": replay.history,
        "tier_status": replay.tiers,
        "leaderboard": replay.leaderboard,
        "trial_balance": replay.trial_balance,
        "clients": replay.clients,
        "receivables": replay.receivables,
        "approvals": replay.approvals,
    }
    return _statements(replay, at) if name == "statements" else ask[name](at)


def write_parquet(model: ReadModel, rows: Iterable[Row], path: Path) -> int:
    """Write rows as a Parquet file, the same bytes for the same rows; gives their number.

    Money is a decimal of whole minor units, JSON is text. Raises NotReady without pyarrow.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - of an extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError:
        raise NotReady("Parquet needs pyarrow: pip install 'commission-ledger[archive]'") from None
    schema = pa.schema([(column.name, _type(column.type)) for column in model.columns])
    nested = {column.name for column in model.columns if column.type == "jsonb"}
    count, left = 0, iter(rows)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := [_plain(row, nested) for row in islice(left, GROUP_ROWS)]:
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
            count += len(group)
    return count


def _statements(replay: Replay, at: AsOf) -> Iterator[Row]:
    scope = scope_of(through=at.position, day=at.effective_at)
    lines = sql.SQL("({})").format(STATEMENT_LINES.select(replay.names.events, scope))
    query = sql.SQL("SELECT * FROM ({}) AS answer ORDER BY {}").format(
        STATEMENTS.select(replay.names.events, scope, {"statement_lines": lines}),
        identifiers(STATEMENTS.order_by),
    )
    return rows_of(replay.connection, query, paged=True)


def _type(of: str) -> pa.DataType:
    import pyarrow as pa  # noqa: PLC0415

    types: dict[str, Any] = {
        "bigint": pa.int64(),
        "integer": pa.int32(),
        "smallint": pa.int16(),
        "boolean": pa.bool_(),
        "text": pa.string(),
        "jsonb": pa.string(),
        "date": pa.date32(),
        "timestamptz": pa.timestamp("us", tz="UTC"),
        "bigint[]": pa.list_(pa.int64()),
        # Totals are of any width in the database; 38 digits are more than all the money there is.
        "numeric": pa.decimal128(38, 0),
    }
    return types[of.partition("(")[0].partition(" ")[0]]


def _plain(row: Row, nested: set[str]) -> Row:
    return {
        name: json.dumps(value, sort_keys=True) if name in nested and value is not None else value
        for name, value in row.items()
    }
