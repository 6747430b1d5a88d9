"""Somebody with all rights to the database and the code: tampers with a ledger, and is undone.

A forgery names the place that it touched, so that a test can ask whether verification does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import orjson
import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from ledger.store import merkle
from projections.registry import STORED
from replay.findings import StoredRow
from replay.integrity import content_of, leaf_of

OTHER_VALUES = {
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "originator_id": "originator_id || 'x'",
    "originator_version": "originator_version + 100",
    "effective_at": "effective_at + interval '1 microsecond'",
    "day": "day + 1",
    "source": "COALESCE(source, '') || 'x'",
    "event_id": "COALESCE(event_id, '') || 'x'",
    "partner_id": "COALESCE(partner_id, '') || 'x'",
    "client_id": "COALESCE(client_id, '') || 'x'",
    "kind": "CASE WHEN kind = 'credit' THEN 'bonus' ELSE 'credit' END",
    "currency": "CASE WHEN currency = 'CHF' THEN 'EUR' ELSE 'CHF' END",
    "amount": "COALESCE(amount, 0) + 1",
    "in_flight": "COALESCE(in_flight, 0) + 1",
    "tax": "COALESCE(tax, 0) + 1",
    "posting_day": "COALESCE(posting_day, day) + 1",
    "content": "sha256(content)",
    "leaf": "sha256(leaf)",
}
"""Columns of the events, and another value for each."""

POSITIONS = ("fact", "claim", "standing_claim", "cause", "line", "run", "command", "close")
"""Members that hold one position."""

_GUARDED = ("ledger.events", "ledger.ledger_head")


@dataclass(frozen=True)
class Forgery:
    """What was done, and what must be told: one of the checks, at one of the places.

    ``about`` must be part of what is told, where there is no position to name.
    """

    done: str
    checks: frozenset[str]
    positions: frozenset[int | None]
    about: str = ""


class Forger:
    """Tampers at random; ``undo`` puts back what was there. ``connection`` is the owner's."""

    def __init__(self, connection: psycopg.Connection[Any], random: Random) -> None:
        self._connection, self._random = connection, random
        self._tables = [
            sql.Identifier("ledger", "events"),
            sql.Identifier("ledger", "ledger_head"),
            *(sql.Identifier("projections", each.name) for each in STORED),
        ]
        for guarded in _GUARDED:
            self._execute(f"ALTER TABLE {guarded} DISABLE TRIGGER ALL")
        self._execute("ALTER TABLE ledger.events DROP CONSTRAINT events_position_check")
        for number, table in enumerate(self._tables):
            connection.execute(
                sql.SQL("CREATE TEMPORARY TABLE {} AS TABLE {}").format(_kept(number), table)
            )
        (self.last,) = self._one("SELECT position FROM ledger.ledger_head")

    def forgeries(self) -> Sequence[Callable[[], Forgery]]:
        """Each way to tamper."""
        return (
            self.change_byte,
            self.change_column,
            self.remove,
            self.add,
            self.insert,
            self.swap,
            self.renumber,
            self.change_projection,
            self.break_link,
            self.change_ranking,
        )

    def undo(self) -> None:
        """Put every row back as it was."""
        for number, table in enumerate(self._tables):
            parts = {"table": table, "kept": _kept(number)}
            self._connection.execute(
                sql.SQL(
                    "DELETE FROM {table} AS now WHERE NOT EXISTS ("
                    "SELECT FROM {kept} AS kept WHERE kept IS NOT DISTINCT FROM now)"
                ).format(**parts)
            )
            self._connection.execute(
                sql.SQL("INSERT INTO {table} (TABLE {kept} EXCEPT TABLE {table})").format(**parts)
            )

    def leave(self) -> None:
        """Put triggers and constraint back, and take the copies away."""
        for table in _GUARDED:
            self._execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER refuse_change")
        self._execute(
            "ALTER TABLE ledger.events ADD CONSTRAINT events_position_check CHECK (position > 0)"
        )
        for number, _ in enumerate(self._tables):
            self._connection.execute(sql.SQL("DROP TABLE {}").format(_kept(number)))

    # --- single rows -----------------------------------------------------------------------------

    def change_byte(self) -> Forgery:
        """Another byte somewhere in the state of an event."""
        position = self._any()
        (state,) = self._one("SELECT state FROM ledger.events WHERE position = %s", position)
        changed = bytearray(state)
        at = self._random.randrange(len(changed))
        changed[at] ^= self._random.randrange(1, 256)
        self._set("state", bytes(changed), position)
        return Forgery(f"byte {at} of {position}", frozenset({"content"}), frozenset({position}))

    def change_column(self) -> Forgery:
        """Another value in a typed column, beside an unchanged state."""
        position, column = self._any(), self._random.choice(sorted(OTHER_VALUES))
        self._execute(
            f"UPDATE ledger.events SET {column} = {OTHER_VALUES[column]} WHERE position = %s",
            position,
        )
        checks = {"columns", "content", "leaf", "days", "recorded_at"}
        return Forgery(f"{column} of {position}", frozenset(checks), frozenset({position}))

    def remove(self) -> Forgery:
        """A row less."""
        position = self._any()
        self._execute("DELETE FROM ledger.events WHERE position = %s", position)
        told: int | None = position
        if position == self.last:
            told = None
        return Forgery(f"without {position}", frozenset({"positions", "head"}), frozenset({told}))

    def add(self) -> Forgery:
        """A row more behind the last, or before the first, that the head does not know."""
        to = self._random.choice([0, self.last + 1])
        self._copy(self._any(), to)
        return Forgery(f"one more at {to}", frozenset({"positions"}), frozenset({to}))

    def insert(self) -> Forgery:
        """A row more in the middle: all behind it move down, and the head knows."""
        position = self._random.randint(2, self.last)
        self._move(position, 1)
        self._copy(position - 1, position)
        self._execute("UPDATE ledger.ledger_head SET position = position + 1")
        return Forgery(f"inserted {position}", frozenset({"leaf"}), frozenset({position}))

    def swap(self) -> Forgery:
        """Two rows that change places."""
        one, other = self._random.sample(range(1, self.last + 1), 2)
        for place, to in ((one, -1), (other, one), (-1, other)):
            self._execute("UPDATE ledger.events SET position = %s WHERE position = %s", to, place)
        return Forgery(f"{one} for {other}", frozenset({"leaf"}), frozenset({one, other}))

    def renumber(self) -> Forgery:
        """One is taken out, all behind it move up, and the head knows."""
        position = self._random.randrange(1, self.last)
        self._execute("DELETE FROM ledger.events WHERE position = %s", position)
        self._move(position + 1, -1)
        self._execute("UPDATE ledger.ledger_head SET position = position - 1")
        return Forgery(f"renumbered from {position}", frozenset({"leaf"}), frozenset({position}))

    def change_projection(self) -> Forgery:
        """A row of a projection that is gone, or says something else."""
        each = self._random.choice([each for each in STORED if self._count(each.name)])
        table = sql.Identifier("projections", each.name)
        key = self._row(
            sql.SQL("SELECT {} FROM {} ORDER BY random() LIMIT 1").format(
                sql.SQL(", ").join(map(sql.Identifier, each.key)), table
            )
        )
        where = sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value))
            for name, value in zip(each.key, key, strict=True)
        )
        column = self._random.choice([None, *(c for c in each.columns if c.name not in each.key)])
        if column is None:
            change = sql.SQL("DELETE FROM {table} WHERE {where}")
        else:
            change = sql.SQL("UPDATE {table} SET {name} = {value} WHERE {where}")
        self._connection.execute(
            change.format(
                table=table,
                where=where,
                name=sql.Identifier(column.name if column else ""),
                value=sql.SQL(_another(column.name, column.type) if column else ""),
            )
        )
        done = f"{each.name} of {key}: {column.name if column else 'gone'}"
        return Forgery(done, frozenset({"D18.6"}), frozenset({None}), f"projection {each.name}")

    # --- with all hashes made anew ---------------------------------------------------------------

    def break_link(self) -> Forgery:
        """A decision names another position: one that is not there, or of another kind."""
        rows = self._rows("SELECT position, topic, state FROM ledger.events ORDER BY position")
        types = {position: topic for position, topic, _ in rows}
        named = [
            (position, member, state)
            for position, topic, state in rows
            for member in POSITIONS
            if topic[0].isupper() and isinstance(orjson.loads(state).get(member), int)
        ]
        position, member, state = self._random.choice(named)
        members = orjson.loads(state)
        # A command is no fact and no decision; what names one here may name no enrolment.
        wrong = "partner.enrolled/1" if member in {"run", "command", "close"} else "accrual.run/1"
        if member in {"fact", "cause"}:
            wrong = "AccrualCompleted/1"
        others = [at for at, topic in types.items() if topic == wrong and at < position]
        members[member] = self._random.choice([self.last + 7, position, *others])
        self._set("state", orjson.dumps(members, option=orjson.OPT_SORT_KEYS), position)
        self.rehash()
        done = f"{member} of {position} is {members[member]}"
        return Forgery(done, frozenset({"D18.5"}), frozenset({position}))

    def change_ranking(self) -> Forgery:
        """A place, or a prize, of a recorded ranking."""
        rows = self._rows(
            "SELECT position, state FROM ledger.events"
            " WHERE topic IN ('RankingRecorded/1', 'PrizePosted/1')"
        )
        position, state = self._random.choice(rows)
        members = orjson.loads(state)
        if "places" in members:
            places = members["places"]
            if len(places) > 1 and self._random.random() < 0.5:
                places[0], places[1] = places[1], places[0]
            else:
                places[-1][1] += 1
        else:
            members["amount"] += self._random.randint(1, 1000)
            self._set("amount", members["amount"], position)
        self._set("state", orjson.dumps(members, option=orjson.OPT_SORT_KEYS), position)
        self.rehash()
        return Forgery(f"ranking {position}", frozenset({"D12.1", "D10.3"}), frozenset({position}))

    def rehash(self) -> None:
        """Make every hash fit what is there now, as whoever has the code can."""
        columns = sql.SQL(", ").join(map(sql.Identifier, StoredRow._fields))
        with self._connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            cursor.execute(
                sql.SQL("SELECT {} FROM ledger.events ORDER BY position").format(columns)
            )
            rows = [StoredRow(*row) for row in cursor]
        leaves = []
        for row in rows:
            new = row._replace(content=content_of(row))
            leaves.append(leaf_of(new))
            if (new.content, leaves[-1]) != (row.content, row.leaf):
                self._set("content", new.content, row.position)
                self._set("leaf", leaves[-1], row.position)
        self._execute("UPDATE ledger.ledger_head SET frontier = %s", merkle.append(b"", 0, leaves))

    # --- the database ----------------------------------------------------------------------------

    def _any(self) -> int:
        return self._random.randint(1, self.last)

    def _set(self, column: str, value: object, position: int) -> None:
        self._execute(
            f"UPDATE ledger.events SET {column} = %s WHERE position = %s", value, position
        )

    def _copy(self, position: int, to: int) -> None:
        """A copy of a row at another position, with keys of its own."""
        names = [*StoredRow._fields]
        other = {
            "position": sql.Literal(to),
            "originator_version": sql.SQL("originator_version + 1000"),
            "event_id": sql.SQL("event_id || '-again'"),
        }
        query = "INSERT INTO ledger.events ({}) SELECT {} FROM ledger.events WHERE position = {}"
        self._connection.execute(
            sql.SQL(query).format(
                sql.SQL(", ").join(map(sql.Identifier, names)),
                sql.SQL(", ").join(other.get(name, sql.Identifier(name)) for name in names),
                sql.Literal(position),
            )
        )

    def _move(self, first: int, by: int) -> None:
        """Renumber all rows from one on; past numbers that none has, for they are unique."""
        self._execute(
            "UPDATE ledger.events SET position = -(position + %s) WHERE position >= %s", by, first
        )
        self._execute("UPDATE ledger.events SET position = -position WHERE position < 0")

    def _count(self, name: str) -> int:
        (count,) = self._row(
            sql.SQL("SELECT COUNT(*) FROM {}").format(sql.Identifier("projections", name))
        )
        return int(count)

    def _execute(self, query: str, *values: object) -> None:
        self._connection.execute(query, values)

    def _one(self, query: str, *values: object) -> tuple[Any, ...]:
        return self._row(sql.SQL(query), *values)

    def _row(self, query: sql.SQL | sql.Composed, *values: object) -> tuple[Any, ...]:
        row = self._connection.execute(query, values).fetchone()
        assert row is not None
        return tuple(row)

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(query).fetchall()


def _kept(number: int) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"kept_{number}")


def _another(name: str, type_: str) -> str:
    """SQL of a value that a column does not have."""
    if type_.startswith("text"):
        return f"COALESCE({name}, '') || 'x'"
    if type_ == "date":
        return f"COALESCE({name}, DATE '2020-01-01') + 1"
    if type_ == "timestamptz":
        return f"COALESCE({name}, now()) + interval '1 second'"
    if type_ == "boolean":
        return f"NOT COALESCE({name}, FALSE)"
    return f"COALESCE({name}, 0) + 1"
