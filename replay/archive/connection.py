"""A connection to an archive that answers as one to PostgreSQL does, for those who only read.

What replays asks is a handful of things: a cursor, a query with parameters, rows with the values
of psycopg (days, instants in UTC, JSON as Python values, bytes). Nothing can be written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

import duckdb
import orjson
from psycopg import sql
from psycopg.pq import TransactionStatus

from replay.archive.dialect import translated

Query = str | sql.Composable
Parameters = Sequence[object] | Mapping[str, object]
Row = tuple[Any, ...]

WRITTEN_OUT = 200
"""Elements up to which a list stands in the text of a query: parsing a longer one takes longer."""


class Described(NamedTuple):
    """A column of an answer."""

    name: str


class Info(NamedTuple):
    """What is asked of a connection's state: it is always inside one snapshot."""

    transaction_status: TransactionStatus = TransactionStatus.INTRANS


class ArchiveCursor:
    """The rows of one query at a time."""

    def __init__(self, connection: ArchiveConnection) -> None:
        self.connection = connection
        self._database = connection.database.cursor()
        self._decoders: list[Any] = []
        self.description: list[Described] | None = None
        self.itersize = 1
        """As psycopg's: rows come from memory here."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def __iter__(self) -> Iterator[Row]:
        while row := self.fetchone():
            yield row

    def execute(
        self,
        query: Query,
        parameters: Parameters | None = None,
        *,
        binary: bool = True,  # noqa: ARG002 - as psycopg's
    ) -> ArchiveCursor:
        """Run a query of PostgreSQL; ``%s`` and ``%(name)s`` stand for the parameters."""
        text, lists = with_values(query, parameters)
        self._database.execute(translated(text), lists)
        told = self._database.description or []
        self.description = [Described(name) for name, *_ in told]
        self._decoders = [_DECODERS.get(str(kind)) for _, kind, *_ in told]
        return self

    def fetchone(self) -> Row | None:
        """Return the next row, None after the last."""
        row = self._database.fetchone()
        return None if row is None else self._decoded(row)

    def fetchmany(self, size: int) -> list[Row]:
        """Return up to ``size`` rows, none after the last."""
        return [self._decoded(row) for row in self._database.fetchmany(size)]

    def fetchall(self) -> list[Row]:
        """Return all rows that are left."""
        return [self._decoded(row) for row in self._database.fetchall()]

    def _decoded(self, row: Row) -> Row:
        return tuple(
            value if decode is None or value is None else decode(value)
            for decode, value in zip(self._decoders, row, strict=True)
        )


class ArchiveConnection:
    """An open archive; see the module."""

    autocommit = True
    info = Info()

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self.database = database

    def cursor(self, name: str = "", **_: object) -> ArchiveCursor:  # noqa: ARG002 - as psycopg's
        """Return a cursor; rows come page by page as they are fetched, named or not."""
        return ArchiveCursor(self)

    def execute(self, query: Query, parameters: Parameters | None = None) -> ArchiveCursor:
        """Run a query on a cursor of its own."""
        return self.cursor().execute(query, parameters)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do nothing: an archive never changes."""
        yield


def with_values(
    query: Query, parameters: Parameters | None, most: int = WRITTEN_OUT
) -> tuple[str, list[list[object]]]:
    """Return the text of a query with its values, and the lists of more than ``most`` elements.

    Those stay parameters: ``$1`` and so on.
    """
    text = query if isinstance(query, str) else query.as_string(None)
    lists: list[list[object]] = []
    if parameters is None:
        return text, lists

    def written(value: object) -> str:
        if not isinstance(value, list | tuple):
            return sql.Literal(value).as_string(None)
        if len(value) > most:
            lists.append(list(value))
            return f"${len(lists)}"
        listed = sql.SQL(", ").join(map(sql.Literal, value))
        return sql.SQL("ARRAY[{}]").format(listed).as_string(None)

    if isinstance(parameters, Mapping):
        return text % {name: written(value) for name, value in parameters.items()}, lists
    return text % tuple(map(written, parameters)), lists


def json_value(text: str) -> object:
    """Return what JSON says, its members in the order in which PostgreSQL gives them."""
    return _in_order(orjson.loads(text))


def _in_order(value: object) -> object:
    """Put the members of objects in the order of PostgreSQL's jsonb: by length, then by bytes."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
        return {key: _in_order(value[key]) for key in keys}
    if isinstance(value, list):
        return [_in_order(each) for each in value]
    return value


def _instant(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)


_DECODERS = {"JSON": json_value, "TIMESTAMP": _instant}
