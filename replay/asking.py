"""Asks a read model of the figures: one query, with the relations that it reads before it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from psycopg import Connection, sql
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from projections import Names
from projections.clients import ASSIGNMENTS, CLIENTS, TERMS
from projections.definition import ReadModel, StoredProjection, identifiers, scope_of
from projections.figures import COUNTING, HOLDERS, PRICES, PROSPECTS, VOIDED
from replay.as_of import AsOf, Replay, Row, rows_of

Parameter = date | int | Collection[date]

_STORED: tuple[StoredProjection, ...] = (CLIENTS, TERMS, ASSIGNMENTS)
_SHARED: tuple[ReadModel, ...] = (VOIDED, PRICES, HOLDERS, COUNTING, PROSPECTS)
"""Relations that read models read, each computed once in a query, and only where it is read."""

PLAN_FOR_MANY = sql.SQL(
    "SELECT set_config('enable_nestloop', 'off', TRUE), set_config('jit', 'off', TRUE)"
)
"""For a transaction whose queries read many rows where the planner may take them for one.

It would go through all of one relation for each row of the other: of a WITH it cannot know how many
rows there are, and of a table its statistics may be of a ledger that was nearly empty.
"""


class Asking:
    """Asks one ledger as of one place; ``until`` is the last day that counts for stocks."""

    def __init__(self, replay: Replay, at: AsOf, until: date) -> None:
        self._connection: Connection[Any] = replay.connection
        self._names: Names = replay.names
        self._at, self._until = at, until
        self._known = scope_of(through=at.position)
        self._happened = scope_of(through=at.position, day=at.effective_at)

    def __call__(self, model: ReadModel, **parameters: Parameter) -> list[Row]:
        """Return the rows of a read model; the parameters are its marks."""
        alone = self._connection.info.transaction_status is TransactionStatus.IDLE
        with self._connection.transaction():
            if alone:
                # What is stored, and how far, are looked at in one snapshot.
                self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            self._connection.execute(PLAN_FOR_MANY)
            return list(rows_of(self._connection, self._query(model, parameters, alone=alone)))

    def _query(
        self, model: ReadModel, parameters: Mapping[str, Parameter], *, alone: bool
    ) -> sql.Composed:
        known: dict[str, sql.Composable] = {
            **{each.name: sql.Identifier(each.name) for each in (*_STORED, *_SHARED)},
            "known": self._known,
            "until": sql.Literal(self._until),
            **{name: _literal(value) for name, value in parameters.items()},
        }
        stored = alone and self._is_stored()
        relations: list[sql.Composable] = []
        for each in _read_by(model):
            if isinstance(each, StoredProjection):
                query = self._standing(each, stored=stored)
            else:
                query = each.select(self._names.events, self._happened, known)
            relations.append(sql.SQL("{} AS ({})").format(sql.Identifier(each.name), query))
        before = sql.SQL("WITH {} ").format(sql.SQL(", ").join(relations))
        return sql.SQL("{}SELECT * FROM ({}) AS answer ORDER BY {}").format(
            before if relations else sql.SQL(""),
            model.select(self._names.events, self._happened, known),
            identifiers(model.order_by),
        )

    def _standing(self, projection: StoredProjection, *, stored: bool) -> sql.Composed:
        """The rows of a projection as of the position: its table's, where it stands there."""
        if not stored:
            return projection.rows(self._names.events, self._known)
        return sql.SQL("SELECT {} FROM {}").format(
            identifiers(projection.names), self._names.stored(projection.name)
        )

    def _is_stored(self) -> bool:
        """Whether the stored projections stand at the very position that is asked for."""
        query = sql.SQL("SELECT name, version, position FROM {}").format(self._names.registry)
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            found = {name: place for name, *place in cursor.execute(query)}
        return all(found.get(p.name) == [p.version, self._at.position] for p in _STORED)


def _read_by(model: ReadModel) -> list[ReadModel]:
    """The relations that a read model reads, itself or by way of others, in their order."""
    readers = [model]
    for each in reversed((*_STORED, *_SHARED)):
        if any(reader.reads(each.name) for reader in readers):
            readers.append(each)
    return readers[:0:-1]


def _literal(value: Parameter) -> sql.Composable:
    if isinstance(value, date | int):
        return sql.Literal(value)
    return sql.SQL("(SELECT unnest({}::date[]) AS on_day)").format(sql.Literal(sorted(value)))
