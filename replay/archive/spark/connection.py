"""Spark as a connection to PostgreSQL is, for those who only read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Self

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from sqlglot.errors import SqlglotError

from ledger.errors import Refused
from replay.archive.connection import (
    Described,
    Info,
    Parameters,
    Query,
    Row,
    json_value,
    with_values,
)
from replay.archive.spark.dialect import translated
from replay.archive.spark.session import first_line

_STATE = "state"
_NO_LIMIT = 2**31
"""Lists are written out, however long: Spark has no parameters that are lists."""


class SparkCursor:
    """The rows of one query at a time; a named cursor's come part by part as they are fetched."""

    def __init__(self, session: SparkSession, name: str = "") -> None:
        self._session, self._is_paged = session, bool(name)
        self._rows: Iterator[Row] = iter(())
        self._decoders: list[Callable[[Any], Any] | None] = []
        self.description: list[Described] | None = None
        self.itersize = 1
        """As psycopg's."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows = iter(())

    def __iter__(self) -> Iterator[Row]:
        return map(self._decoded, self._rows)

    def execute(
        self,
        query: Query,
        parameters: Parameters | None = None,
        *,
        binary: bool = True,  # noqa: ARG002 - as psycopg's
    ) -> SparkCursor:
        """Run a query of PostgreSQL. Raises Refused for one that Spark cannot answer."""
        text, _ = with_values(query, parameters, _NO_LIMIT)
        try:
            asked = translated(text)
            frame = self._session.sql(asked.text)
            if self._is_paged:
                self._rows = frame.toLocalIterator(prefetchPartitions=True)
            else:
                self._rows = iter(frame.collect())
        except (SqlglotError, PySparkException) as error:
            raise Refused(
                f"Spark cannot answer this question ({first_line(error)}): ask it of DuckDB, with"
                " --engine duckdb"
            ) from error
        self.description = [Described(name) for name in frame.columns]
        self._decoders = [_decoder(name, asked.json) for name in frame.columns]
        return self

    def fetchone(self) -> Row | None:
        """Return the next row, None after the last."""
        return next(iter(self), None)

    def fetchmany(self, size: int) -> list[Row]:
        """Return up to ``size`` rows, none after the last."""
        return list(islice(self, size))

    def fetchall(self) -> list[Row]:
        """Return all rows that are left."""
        return list(self)

    def _decoded(self, row: Row) -> Row:
        return tuple(
            value if value is None else decode(value) if decode is not None else _plain(value)
            for decode, value in zip(self._decoders, row, strict=True)
        )


class SparkConnection:
    """An archive on a cluster; see the module."""

    autocommit = True
    info = Info()

    def __init__(self, session: SparkSession) -> None:
        self.session = session

    def cursor(self, name: str = "", **_: object) -> SparkCursor:
        """Return a cursor; the rows of a named one are not all in memory at once."""
        return SparkCursor(self.session, name)

    def execute(self, query: Query, parameters: Parameters | None = None) -> SparkCursor:
        """Run a query on a cursor of its own."""
        return self.cursor().execute(query, parameters)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do nothing: an archive never changes."""
        yield


def _decoder(name: str, json: frozenset[str]) -> Callable[[Any], Any] | None:
    if name == _STATE:
        return str.encode
    return json_value if name in json else None


def _plain(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
