"""Keeps the stored projections: installs them, and merges what an append added."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from hashlib import sha256
from typing import Any

from psycopg import Cursor, sql
from psycopg.errors import InvalidTableDefinition
from psycopg.rows import tuple_row

from ledger.errors import Corrupt, NotReady
from projections import finance
from projections.definition import LIVE, StoredProjection
from projections.merging import Group, merge
from projections.names import DEFAULT_NAMES, Names
from projections.registry import GROUPS, STORED


@cache
def _merge_of(group: Group, names: Names) -> str:
    """The statement that folds a range into live tables, put together once a process."""
    return merge(group, lambda each: names.stored(each.name), names.events, LIVE).as_string()


class Projector:
    """The read models of one ledger in its database, under the given names."""

    def __init__(self, names: Names = DEFAULT_NAMES) -> None:
        self.names = names
        self._together = {group: _merge_of(group, names) for group in GROUPS}
        self._merges = {each.name: _merge_of((each,), names) for each in STORED}
        self._move = (
            sql.SQL(
                "UPDATE {} SET position = %(through)s::bigint "
                "WHERE position = %(after)s::bigint AND (name, version) IN ({}) "
                # The planner cannot know how few terms an event holds: it would compile, and keep
                # what it parsed of one event in case that another is the same.
                "RETURNING name, set_config('jit', 'off', TRUE), "
                "set_config('enable_memoize', 'off', TRUE)"
            )
            .format(
                names.registry,
                sql.SQL(", ").join(
                    sql.SQL("({}, {})").format(
                        sql.Literal(projection.name), sql.Literal(projection.version)
                    )
                    for projection in STORED
                ),
            )
            .as_string()
        )

    def merge(
        self,
        cursor: Cursor[Any],
        after: int,
        through: int,
        topics: Collection[str] | None = None,
    ) -> None:
        """Fold the events of positions in (after, through] into every stored projection.

        Call it under the head lock, in the transaction that appended them. ``topics``, if given,
        are all topics of the range: projections that read none of them only move. A projection
        that is behind ``after`` is caught up; one that is ahead raises :class:`Corrupt`.
        """
        span = {"after": after, "through": through}
        with cursor.connection.cursor(row_factory=tuple_row) as own:
            own.execute(self._move, span, prepare=True)
            moved = {row[0] for row in own.fetchall()}
            if len(moved) == len(STORED):
                for group, statement in self._together.items():
                    if topics is None or not group[0].topics.isdisjoint(topics):
                        own.execute(statement, span, prepare=True)
                return
            for projection in STORED:
                if projection.name in moved:
                    own.execute(self._merges[projection.name], span)
                else:
                    self._catch_up(own, projection, after, through)

    def _catch_up(
        self, own: Cursor[Any], projection: StoredProjection, after: int, through: int
    ) -> None:
        version, position = self.positions(own).get(projection.name, (None, 0))
        if version != projection.version:
            raise NotReady(
                f"the projection {projection.name!r} is of version {version}, this program writes "
                f"{projection.version}; install the database's schema again"
            )
        if position > after:
            raise Corrupt(
                f"the projection {projection.name!r} stands at position {position}, the ledger "
                f"stood at {after}; run 'commissions rebuild'"
            )
        own.execute(self._merges[projection.name], {"after": position, "through": through})
        self._moved(own, projection, through)

    def positions(self, cursor: Cursor[Any]) -> dict[str, tuple[int, int]]:
        """Return (version, position) of each stored projection, by name."""
        with cursor.connection.cursor(row_factory=tuple_row) as own:
            own.execute(
                sql.SQL("SELECT name, version, position FROM {}").format(self.names.registry)
            )
            return {name: (version, position) for name, version, position in own.fetchall()}

    def _moved(self, own: Cursor[Any], projection: StoredProjection, through: int) -> None:
        own.execute(
            sql.SQL("UPDATE {} SET position = %s WHERE name = %s").format(self.names.registry),
            (through, projection.name),
        )

    def align(self, cursor: Cursor[Any]) -> None:
        """Under the head lock, catch up what is behind the ledger and move back what is ahead.

        Whoever calls it puts the rows right afterwards: see :mod:`projections.rebuild`.
        """
        head = self.lock_head(cursor)
        cursor.execute(
            sql.SQL("UPDATE {} SET position = %s WHERE position > %s").format(self.names.registry),
            (head, head),
        )
        self.merge(cursor, head, head)

    def lock_head(self, cursor: Cursor[Any]) -> int:
        """Lock the head row until the transaction ends, and return the ledger's last position."""
        with cursor.connection.cursor(row_factory=tuple_row) as own:
            own.execute(sql.SQL("SELECT FROM {} FOR UPDATE").format(self.names.head))
            return self.last_position(own)

    def last_position(self, cursor: Cursor[Any]) -> int:
        """Return the position of the last event, 0 for an empty ledger."""
        with cursor.connection.cursor(row_factory=tuple_row) as own:
            own.execute(
                sql.SQL("SELECT COALESCE(MAX(position), 0) FROM {}").format(self.names.events)
            )
            row = own.fetchone()
            return int(row[0]) if row else 0

    def install(self, cursor: Cursor[Any]) -> None:
        """Make schemas, tables, functions, views, roles and grants; safe to repeat.

        The schemas of the ledger must be there. A projection of another version is made anew and
        folded from position 0. When all stands as this release wants it, one query is all it does.
        """
        with cursor.connection.cursor(row_factory=tuple_row) as own:
            if self._installed(own) == self._definition(own):
                return
            own.execute(
                "SELECT pg_advisory_xact_lock(hashtext(%s))",
                (f"install {self.names.projections}",),
            )
            own.execute("SET LOCAL client_min_messages = warning")
            schema = sql.Identifier(self.names.projections)
            own.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
            own.execute(
                sql.SQL(
                    "CREATE TABLE IF NOT EXISTS {} (name text PRIMARY KEY, "
                    "version integer NOT NULL, position bigint NOT NULL)"
                ).format(self.names.registry)
            )
            self._install_stored(own)
            self._install_finance(own)
            self._grant(own)
            own.execute(
                sql.SQL("COMMENT ON SCHEMA {} IS {}").format(
                    schema, sql.Literal(self._definition(own))
                )
            )

    def _definition(self, own: Cursor[Any]) -> str:
        """Name all that install makes, and for which roles: what the schema's comment then says."""
        digest = sha256()
        for statement in (*finance.statements(self.names), finance.reader_limits(self.names)):
            digest.update(statement.as_string().encode())
        for projection in STORED:
            digest.update(self._merges[projection.name].encode())
            digest.update(
                projection.create(self.names.stored(projection.name)).as_string().encode()
            )
        own.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s) ORDER BY rolname",
            ([self.names.reader, self.names.writer],),
        )
        roles = ", ".join(str(name) for (name,) in own.fetchall()) or "nobody"
        return f"Stored read models, for {roles}; definition {digest.hexdigest()[:16]}"

    def _installed(self, own: Cursor[Any]) -> str | None:
        own.execute(
            "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s",
            (self.names.projections,),
        )
        row = own.fetchone()
        return None if row is None else row[0]

    def _install_stored(self, own: Cursor[Any]) -> None:
        present = self.positions(own)
        missing = [
            projection
            for projection in STORED
            if present.get(projection.name, (None,))[0] != projection.version
        ]
        if not missing:
            return
        through = self.lock_head(own)
        self._drop_views(own)
        for projection in missing:
            table = self.names.stored(projection.name)
            own.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
            own.execute(projection.create(table))
            for index in projection.indexes:
                own.execute(sql.SQL("CREATE INDEX ON {} ({})").format(table, sql.SQL(index)))
            own.execute(
                sql.SQL(
                    "INSERT INTO {} VALUES (%s, %s, %s) ON CONFLICT (name) "
                    "DO UPDATE SET version = EXCLUDED.version, position = EXCLUDED.position"
                ).format(self.names.registry),
                (projection.name, projection.version, through),
            )
            own.execute(self._merges[projection.name], {"after": 0, "through": through})

    def _install_finance(self, own: Cursor[Any]) -> None:
        """Make the views anew where their columns changed; else replace them, unseen by readers."""
        try:
            with own.connection.transaction():
                for statement in finance.statements(self.names):
                    own.execute(statement)
        except InvalidTableDefinition:
            self._drop_views(own)
            for statement in finance.statements(self.names):
                own.execute(statement)

    def _drop_views(self, own: Cursor[Any]) -> None:
        for name in finance.VIEWS:
            view = sql.Identifier(self.names.finance, name)
            own.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(view))

    def _grant(self, own: Cursor[Any]) -> None:
        for role, grants in (
            (self.names.reader, finance.reader_grants),
            (self.names.writer, finance.writer_grants),
        ):
            own.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,))
            if own.rowcount:
                for grant in grants(self.names):
                    own.execute(grant)
        own.execute(finance.reader_limits(self.names))
