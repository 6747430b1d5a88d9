"""Rebuilds the stored projections from position 0 beside the live ones, and swaps in what differs.

The events are folded into temporary tables, a page of positions at a time. At one snapshot these
are compared with the live tables; then, under the head lock and in one transaction, the rows that
differ are put right. Rows that are equal stay untouched: a merge changes a row by the row and the
events alone, so rows that were equal at the snapshot are equal ever after. Nothing is renamed, so
readers never wait, views keep their tables, and open snapshots go on seeing their own state: a
table renamed into place is empty for them (docs/adr).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from psycopg import Connection, Cursor, IsolationLevel, sql
from psycopg.rows import tuple_row

from projections.definition import LIVE, StoredProjection, identifiers
from projections.merging import merge
from projections.names import Names
from projections.projector import Projector
from projections.registry import GROUPS, STORED

PAGE_POSITIONS = 1_000_000
"""Events folded in one transaction; bounds how long a snapshot stays open."""

Progress = Callable[[int, int], None]
"""Called with the positions done and the positions there are."""


Table = Callable[[StoredProjection], sql.Identifier]
"""Gives the table of a projection."""

Look = Callable[[Cursor[Any], int, Table], None]
"""Called with a cursor, a position, and what gives the tables of projections as of it."""


@dataclass(frozen=True, slots=True)
class Stops:
    """Positions, ascending, at which somebody looks at what was folded so far."""

    positions: Sequence[int]
    look: Look


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that the live table has otherwise than the events say; None: no row."""

    projection: str
    key: tuple[object, ...]
    stored: tuple[object, ...] | None
    rebuilt: tuple[object, ...] | None


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The position that was reached, and how many rows of each projection were put right."""

    position: int
    repaired: dict[str, int]


def rebuild(
    connection: Connection[Any],
    projector: Projector,
    progress: Progress | None = None,
    page: int = PAGE_POSITIONS,
) -> Rebuilt:
    """Make every stored projection equal to the fold of all events; ``connection`` must be idle.

    Appends go on meanwhile; they wait only while rows that differ are put right.
    """
    scratch = _Scratch(connection, projector, page)
    with scratch.tables():
        with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
            projector.align(cursor)
        scratch.fold_pages(progress)
        scratch.compare()
        with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
            position = projector.lock_head(cursor)
            scratch.fold(cursor, position)
            return Rebuilt(position, {each.name: scratch.repair(cursor, each) for each in STORED})


def differences(
    connection: Connection[Any],
    projector: Projector,
    progress: Progress | None = None,
    page: int = PAGE_POSITIONS,
    limit: int = 100,
    stops: Stops | None = None,
) -> list[Difference]:
    """Fold all events beside the live tables and return where they differ.

    At most ``limit`` rows of each projection are told. The fold pauses at ``stops``.
    """
    scratch = _Scratch(connection, projector, page)
    with scratch.tables():
        scratch.fold_pages(progress, stops)
        scratch.compare()
        with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
            return [found for each in STORED for found in scratch.differing(cursor, each, limit)]


def _table(projection: StoredProjection) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"rebuilt_{projection.name}")


def _keys(projection: StoredProjection) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"differing_{projection.name}")


@cache
def _merges(names: Names, *, empty: bool) -> tuple[str, ...]:
    """The statements that fold a page into the temporary tables, put together once a process."""
    return tuple(
        merge(group, _table, names.events, LIVE, small=False, empty=empty).as_string()
        for group in GROUPS
    )


class _Scratch:
    """Temporary tables of one connection that stand beside the live ones."""

    def __init__(self, connection: Connection[Any], projector: Projector, page: int) -> None:
        self._connection = connection
        self._projector = projector
        self._names = projector.names
        self._page = page
        self._position = 0
        self._differ: dict[str, int] = {}

    @contextmanager
    def tables(self) -> Iterator[None]:
        """Make the temporary tables, and drop them afterwards."""
        with self._connection.transaction():
            self._drop()
            for each in STORED:
                self._connection.execute(each.create_temporary(_table(each)))
        try:
            yield
        finally:
            if not self._connection.broken:
                with self._connection.transaction():
                    self._drop()

    def _drop(self) -> None:
        tables = [table for each in STORED for table in (_table(each), _keys(each))]
        self._connection.execute(
            sql.SQL("DROP TABLE IF EXISTS {}").format(sql.SQL(", ").join(tables))
        )

    def fold_pages(self, progress: Progress | None, stops: Stops | None = None) -> None:
        """Fold all events up to the present head, each page in a transaction of its own."""
        with self._connection.transaction():
            head = self._projector.last_position(self._connection.cursor())
        ahead = [] if stops is None else [at for at in stops.positions if at <= head]
        while self._position < head or ahead:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                through = min(self._after_gap(cursor) + self._page, head, *ahead[:1])
                self.fold(cursor, through)
                if stops is not None and ahead[:1] == [through]:
                    stops.look(cursor, ahead.pop(0), _table)
            if progress is not None:
                progress(self._position, head)

    def _after_gap(self, cursor: Cursor[Any]) -> int:
        """The position before the next event: one that was moved far off leaves no pages behind."""
        query = sql.SQL("SELECT MIN(position) FROM {} WHERE position > %s")
        with cursor.connection.cursor(row_factory=tuple_row) as own:
            row = own.execute(query.format(self._names.events), (self._position,)).fetchone()
        return self._position if row is None or row[0] is None else int(row[0]) - 1

    def fold(self, cursor: Cursor[Any], through: int) -> None:
        """Fold the events from where the scratch tables stand."""
        if through > self._position:
            # Sorts of a page fit in memory. See projector for the others.
            cursor.execute(
                "SET LOCAL work_mem = '64MB'; SET LOCAL jit = off; SET LOCAL enable_memoize = off"
            )
            for statement in _merges(self._names, empty=not self._position):
                cursor.execute(statement, {"after": self._position, "through": through})
            if not self._position:
                for each in STORED:
                    cursor.execute(each.add_key(_table(each)))
            self._position = through

    def compare(self) -> None:
        """At one snapshot, fold up to where the live tables stand; note which keys differ."""
        before = self._connection.isolation_level
        self._connection.isolation_level = IsolationLevel.REPEATABLE_READ
        try:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                self.fold(cursor, self._projector.last_position(cursor))
                # Not analysed: making its key told how many rows a table has.
                for each in STORED:
                    cursor.execute(self._comparison(each))
                    self._differ[each.name] = cursor.rowcount
        finally:
            self._connection.isolation_level = before

    def _comparison(self, projection: StoredProjection) -> sql.Composed:
        return sql.SQL(
            "CREATE TEMPORARY TABLE {keys} AS "
            "SELECT {key} FROM {live} AS live FULL JOIN {rebuilt} AS rebuilt USING ({key}) "
            "WHERE ({live_columns}) IS DISTINCT FROM ({rebuilt_columns})"
        ).format(
            keys=_keys(projection),
            key=identifiers(projection.key),
            live=self._names.stored(projection.name),
            rebuilt=_table(projection),
            live_columns=_of("live", projection.names),
            rebuilt_columns=_of("rebuilt", projection.names),
        )

    def repair(self, cursor: Cursor[Any], projection: StoredProjection) -> int:
        """Put the differing rows of a live table right; return how many there were."""
        if not self._differ[projection.name]:
            return 0
        parts = {
            "live": self._names.stored(projection.name),
            "keys": _keys(projection),
            "rebuilt": _table(projection),
            "key": identifiers(projection.key),
            "columns": identifiers(projection.names),
        }
        for statement in (
            "DELETE FROM {live} WHERE ({key}) IN (SELECT {key} FROM {keys})",
            (
                "INSERT INTO {live} ({columns}) SELECT {columns} FROM {rebuilt} "
                "WHERE ({key}) IN (SELECT {key} FROM {keys}) ORDER BY {key}"
            ),
        ):
            cursor.execute(sql.SQL(statement).format(**parts))
        return self._differ[projection.name]

    def differing(
        self, cursor: Cursor[Any], projection: StoredProjection, limit: int
    ) -> Iterator[Difference]:
        """Yield the rows that differ, in key order."""
        if not self._differ[projection.name]:
            return
        width = len(projection.names)
        cursor.execute(
            sql.SQL(
                "SELECT {ordered}, {live_columns}, {rebuilt_columns} FROM {keys} AS keys "
                "LEFT JOIN {live} AS live USING ({key}) "
                "LEFT JOIN {rebuilt} AS rebuilt USING ({key}) ORDER BY {ordered} LIMIT {limit}"
            ).format(
                key=identifiers(projection.key),
                ordered=_of("keys", projection.key),
                live_columns=_of("live", projection.names),
                rebuilt_columns=_of("rebuilt", projection.names),
                keys=_keys(projection),
                live=self._names.stored(projection.name),
                rebuilt=_table(projection),
                limit=sql.Literal(limit),
            )
        )
        for row in cursor.fetchall():
            at = len(projection.key)
            live, rebuilt = row[at : at + width], row[at + width :]
            yield Difference(
                projection.name,
                row[:at],
                live if live[0] is not None else None,
                rebuilt if rebuilt[0] is not None else None,
            )


def _of(alias: str, names: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(alias, name) for name in names)
