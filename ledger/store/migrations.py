"""Brings a database to the schema that this release needs: numbered SQL, run by yoyo.

The SQL stands in the folder ``migrations``, with names in braces so that several ledgers can live
in one schema. All files run in one transaction under an advisory lock: two processes may migrate at
once, and a killed one leaves nothing half done (why not yoyo's own lock: ``docs/adr``).
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import NamedTuple, Self

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row
from yoyo import read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend

from ledger.errors import NotReady

MAX_NAME_BYTES = 63
"""The longest name that PostgreSQL keeps; longer ones it cuts, silently."""

_INSIDE = (
    "events_stream_key",
    "events_position_key",
    "events_message_key",
    "events_client_idx",
    "events_partner_idx",
    "events_posting_idx",
    "events_standing_idx",
    "events_earnings_idx",
    "events_few_idx",
    "events_agreements_idx",
    "head_key",
    "dead_letters_origin_key",
    "dead_letters_erased_check",
    "dead_letters_unpublished_idx",
    "dead_letter_retries_idx",
    "relays_key",
    "relays_place_check",
    "ingest_offsets_key",
    "checkpoints_key",
    "subtrees_key",
)
"""Constraints and indexes, which stand in their table's schema without naming it."""

_FOLDER = resources.files("ledger.store") / "migrations"


class Names(NamedTuple):
    """What a ledger's objects are called, all derived from its events table.

    The table ``events`` has ``ledger_head`` and ``dead_letters`` beside it; another table puts its
    own name before these, so that several recorders can share a schema.
    """

    schema: str
    events: str
    tracking: str

    def derived(self, suffix: str) -> str:
        """The name of an object beside the events table; one too long is cut with a hash."""
        name = suffix if self.events == "events" else f"{self.events}_{suffix}"
        if len(name.encode()) <= MAX_NAME_BYTES:
            return name
        digest = hashlib.sha256(self.events.encode()).hexdigest()[:8]
        room = MAX_NAME_BYTES - len(suffix) - len(digest) - 2
        head = self.events.encode()[:room].decode(errors="ignore")
        return f"{head}_{digest}_{suffix}"

    def table(self, name: str) -> sql.Identifier:
        """A table, function or sequence of this ledger with its schema before it."""
        return sql.Identifier(self.schema, name)

    @property
    def head(self) -> str:
        """The table of the one row that appends lock."""
        return self.derived("ledger_head")

    @property
    def dead_letters(self) -> str:
        """The table of rejected and quarantined messages."""
        return self.derived("dead_letters")

    @property
    def dead_letter_retries(self) -> str:
        """The table of attempts to take dead letters in after all."""
        return self.derived("dead_letter_retries")

    @property
    def relays(self) -> str:
        """The table of how far decisions were published."""
        return self.derived("relays")

    @property
    def ingest_offsets(self) -> str:
        """The table of the places up to which Kafka's partitions were read."""
        return self.derived("ingest_offsets")

    @property
    def checkpoints(self) -> str:
        """The table of signed checkpoints."""
        return self.derived("checkpoints")

    @property
    def subtrees(self) -> str:
        """The table of roots of full subtrees."""
        return self.derived("subtrees")

    @property
    def applied(self) -> str:
        """The table in which yoyo keeps what was applied."""
        return self.derived("ledger_migrations")

    def identifiers(self) -> dict[str, sql.Identifier]:
        """The quoted names that the SQL files hold in braces."""
        return {
            "schema": sql.Identifier(self.schema),
            "events": self.table(self.events),
            "tracking": self.table(self.tracking),
            "head": self.table(self.head),
            "dead_letters": self.table(self.dead_letters),
            "dead_letter_retries": self.table(self.dead_letter_retries),
            "relays": self.table(self.relays),
            "ingest_offsets": self.table(self.ingest_offsets),
            "checkpoints": self.table(self.checkpoints),
            "subtrees": self.table(self.subtrees),
            "applied": self.table(self.applied),
            "refuse_change": self.table(self.derived("refuse_change")),
            **{name: sql.Identifier(self.derived(name)) for name in _INSIDE},
        }


def migrate(
    database: psycopg.Connection[object] | str,
    schema: str = "ledger",
    events_table: str = "events",
    tracking_table: str = "tracking",
) -> int:
    """Bring a database to the newest schema and return its number; does nothing when it is there.

    ``database`` is a connection outside a transaction, or an address for psycopg. Safe when several
    processes run it at once, and for a role that may only write, once the schema is there.

    Raises NotReady when a newer release made the database, and psycopg's errors for missing rights.
    """
    names = Names(schema, events_table, tracking_table)
    if isinstance(database, str):
        with psycopg.connect(database, autocommit=True) as connection:
            return _migrate(connection, names)
    with _autocommit(database):
        return _migrate(database, names)


def refusal() -> str:
    """The body of the function by which the database refuses a change, as it is installed."""
    text = (_FOLDER / "0001_ledger.sql").read_text(encoding="utf-8")
    return text.split("$refuse$")[1]


def schema_version(
    connection: psycopg.Connection[object], schema: str = "ledger", events_table: str = "events"
) -> int | None:
    """The number of the schema that the database has; None where there is no ledger."""
    names = Names(schema, events_table, "")
    with connection.cursor(row_factory=tuple_row) as cursor:
        head = names.table(names.head)
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (head.as_string(connection),))
        if cursor.fetchone() != (True,):
            return None
        cursor.execute(sql.SQL("SELECT schema_version FROM {}").format(head))
        row = cursor.fetchone()
        return None if row is None else int(row[0])


def latest_version() -> int:
    """The number of the schema that this release needs."""
    return len(_numbered())


def _numbered() -> list[Path]:
    with resources.as_file(_FOLDER) as folder:
        return sorted(folder.glob("[0-9]*.sql"))


@contextmanager
def _autocommit(connection: psycopg.Connection[object]) -> Iterator[None]:
    """Set a caller's connection to autocommit, which yoyo's own BEGIN needs, and set it back."""
    before = connection.autocommit
    connection.autocommit = True
    try:
        yield
    finally:
        connection.autocommit = before


def _migrate(connection: psycopg.Connection[object], names: Names) -> int:
    latest = latest_version()
    if schema_version(connection, names.schema, names.events) == latest and _granted(
        connection, names
    ):
        return latest
    key = ("commission-ledger", f"{names.schema}.{names.events}")
    connection.execute("SELECT pg_advisory_lock(hashtext(%s), hashtext(%s))", key)
    try:
        present = schema_version(connection, names.schema, names.events)
        if present is not None and present > latest:
            raise NotReady(
                f"the database has schema {present}, this release knows only up to {latest}; "
                "install the release that made it, or a later one"
            )
        _apply(connection, names, latest)
    finally:
        if not connection.broken:
            connection.execute("SELECT pg_advisory_unlock(hashtext(%s), hashtext(%s))", key)
    return latest


def _apply(connection: psycopg.Connection[object], names: Names, latest: int) -> None:
    with tempfile.TemporaryDirectory() as folder, resources.as_file(_FOLDER) as source:
        for path in _numbered():
            _render(path, Path(folder), connection, names)
        backend = _Backend(connection, names)
        with backend.transaction():
            backend.prepare()
            for migration in backend.to_apply(read_migrations(folder)):
                backend.apply_one(migration)
            _execute(connection, (source / "roles.sql").read_text(encoding="utf-8"), names)
            update = "UPDATE {head} SET schema_version = {latest} WHERE schema_version <> {latest}"
            _execute(connection, update.replace("{latest}", str(latest)), names)


def _render(path: Path, folder: Path, connection: psycopg.Connection[object], names: Names) -> None:
    text = sql.SQL(path.read_text(encoding="utf-8")).format(**names.identifiers())
    (folder / path.name).write_text(text.as_string(connection), encoding="utf-8")


def _execute(connection: psycopg.Connection[object], text: str, names: Names) -> None:
    connection.execute(sql.SQL(text).format(**names.identifiers()))


def _granted(connection: psycopg.Connection[object], names: Names) -> bool:
    """True when the writer has its rights, or when this user could not give them anyway."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(
            """
            SELECT CASE
                WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = 'ledger_writer')
                THEN has_table_privilege('ledger_writer', %(events)s, 'INSERT')
                     OR NOT pg_has_role(current_user, relowner, 'USAGE')
                ELSE NOT (SELECT rolcreaterole OR rolsuper FROM pg_roles
                          WHERE rolname = current_user)
            END
            FROM pg_class
            WHERE oid = %(events)s::regclass
            """,
            {"events": names.table(names.events).as_string(connection)},
        )
        return cursor.fetchone() == (True,)


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    """yoyo on a connection that is open already, with its bookkeeping in the ledger's schema.

    Everything stands in the caller's transaction, so that applying a file and noting it are one.
    """

    def __init__(self, connection: psycopg.Connection[object], names: Names) -> None:
        self._given = connection
        self._names = names
        super().__init__("", names.applied)

    def connect(self, dburi: str) -> psycopg.Connection[object]:  # noqa: ARG002 - yoyo passes it
        return self._given

    def cursor(self) -> psycopg.Cursor[tuple[object, ...]]:
        return self._given.cursor(row_factory=tuple_row)

    def copy(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Leave the connection to its owner."""

    @property
    def migration_table_quoted(self) -> str:
        return self._names.table(self._names.applied).as_string(self._given)

    def prepare(self) -> None:
        """Make the schema and yoyo's table; a schema that exists needs no right to make one."""
        self.execute("SET LOCAL lock_timeout = '60s'")
        exists = self.execute(
            "SELECT FROM pg_namespace WHERE nspname = :schema", {"schema": self._names.schema}
        )
        if exists.fetchone() is None:
            _execute(self._given, "CREATE SCHEMA {schema}", self._names)
        _execute(
            self._given,
            "CREATE TABLE IF NOT EXISTS {applied} (migration_hash text PRIMARY KEY, "
            "migration_id text NOT NULL, applied_at_utc timestamp NOT NULL)",
            self._names,
        )

    def ensure_internal_schema_updated(self) -> None:
        """Nothing to do: ``prepare`` made the one table that is used."""

    def log_migration(self, migration: object, operation: str) -> None:
        """Nothing to do: yoyo's log would keep the names of users and hosts."""
