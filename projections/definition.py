"""What a read model is: one bare SELECT over a range of positions.

In the SQL files ``:events`` is the events table, ``:state`` the JSON of an event, ``:scope`` the
condition that limits the events read; ``:clients`` and the like name another read model. The same
text is used live, for a rebuild, as of a position and as a view.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal, LiteralString

from psycopg import sql

_MARK = re.compile(r"(?<!:):([a-z_]+)")
STATE = sql.SQL("CAST(convert_from(state, 'UTF8') AS jsonb)")
"""The JSON of an event, parsed from its row."""

EVERYTHING = sql.SQL("TRUE")
"""The scope of a view: all events."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a read model: its SQL type, and what it means to a reader of the database."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True, slots=True)
class ReadModel:
    """A named SELECT over the events, kept in ``<name>.sql`` beside this module."""

    name: str
    comment: str
    columns: tuple[Column, ...]
    order_by: tuple[str, ...] = ("position",)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def select(
        self,
        events: sql.Composable,
        scope: sql.Composable,
        relations: Mapping[str, sql.Composable] | None = None,
    ) -> sql.Composed:
        """Return the SELECT over ``events`` within ``scope``; ``relations``: what else it reads."""
        known = {"events": events, "scope": scope, "state": STATE, **(relations or {})}
        return fill(_text(self.name), known)

    @property
    def reads_state(self) -> bool:
        """Whether it reads the JSON of events, beside their columns."""
        return self.reads("state")

    def reads(self, mark: str) -> bool:
        """Whether a mark stands in it, such as the name of another read model."""
        return mark in _MARK.findall(_text(self.name))


@cache
def _text(name: str) -> str:
    return files("projections").joinpath(f"{name}.sql").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class StoredProjection(ReadModel):
    """A read model kept in a table and merged in the transaction that appends.

    ``topics`` are the only events that it reads. ``combine`` says how a row of a later range joins
    the row that stands: ``add`` sums all that is not key; ``last`` replaces it, if the columns
    ``latest`` are not smaller. ``removes``: the SELECT has a last column ``gone``, true for a key
    whose row goes. ``version`` is raised whenever the table or the meaning of a row changes.
    """

    version: int = 1
    key: tuple[str, ...] = ()
    topics: frozenset[str] = frozenset()
    combine: Literal["add", "last"] = "last"
    latest: tuple[str, ...] = ()
    removes: bool = False
    indexes: tuple[LiteralString, ...] = ()

    def rows(self, events: sql.Composable, scope: sql.Composable) -> sql.Composed:
        """Return the SELECT of the rows that stand after the events of ``scope`` alone."""
        bare = self.select(events, scope)
        if not self.removes:
            return bare
        return sql.SQL("SELECT {columns} FROM ({bare}) AS every WHERE NOT gone").format(
            columns=identifiers(self.names), bare=bare
        )

    def create(self, table: sql.Composable) -> sql.Composed:
        """Return the statement that makes the table, with its key."""
        return sql.SQL("CREATE TABLE {table} ({columns}, PRIMARY KEY ({key}))").format(
            table=table, columns=self._columns(), key=identifiers(self.key)
        )

    def create_temporary(self, table: sql.Composable) -> sql.Composed:
        """Return the statement that makes a table of the session's own; :meth:`add_key` later."""
        return sql.SQL("CREATE TEMPORARY TABLE {table} ({columns})").format(
            table=table, columns=self._columns()
        )

    def add_key(self, table: sql.Composable) -> sql.Composed:
        """Return the statement that gives a table its key."""
        return sql.SQL("ALTER TABLE {table} ADD PRIMARY KEY ({key})").format(
            table=table, key=identifiers(self.key)
        )

    def _columns(self) -> sql.Composed:
        columns = [
            sql.SQL("{} {}{}").format(
                sql.Identifier(column.name),
                sql.SQL(column.type),
                sql.SQL(" NOT NULL" if column.name in self.key else ""),
            )
            for column in self.columns
        ]
        return sql.SQL(", ").join(columns)


def fill(text: str, known: Mapping[str, sql.Composable]) -> sql.Composed:
    """Put ``known`` in the place of the marks ``:name`` of ``text``; other text stays as it is."""
    parts: list[sql.Composable] = []
    stripped = re.sub(r"--[^\n]*", "", text).strip()
    for index, piece in enumerate(_MARK.split(stripped)):
        parts.append(known[piece] if index % 2 else sql.SQL(piece))
    return sql.Composed(parts)


def identifiers(names: tuple[str, ...]) -> sql.Composed:
    """Return the quoted names, separated by commas."""
    return sql.SQL(", ").join(map(sql.Identifier, names))


LIVE = sql.SQL("position > %(after)s::bigint AND position <= %(through)s::bigint")
"""The scope of a merge, with parameters ``after`` and ``through``."""


def scope_of(
    *,
    through: int,
    after: int = 0,
    day: date | None = None,
    partner_id: str | None = None,
    client_id: str | None = None,
) -> sql.Composed:
    """Return the condition of events in (after, through] with a day up to ``day``.

    ``partner_id`` and ``client_id`` narrow it to events about one of them.
    """
    conditions: list[sql.Composable] = [
        sql.SQL("position > {}").format(sql.Literal(after)),
        sql.SQL("position <= {}").format(sql.Literal(through)),
    ]
    if day is not None:
        conditions.append(sql.SQL("day <= {}").format(sql.Literal(day)))
    if partner_id is not None:
        conditions.append(sql.SQL("partner_id = {}").format(sql.Literal(partner_id)))
    if client_id is not None:
        conditions.append(sql.SQL("client_id = {}").format(sql.Literal(client_id)))
    return sql.SQL(" AND ").join(conditions)
