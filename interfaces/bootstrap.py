"""Wires a command to its ledger: settings → database → schema → recorder, projections, application.

The only place where everything is put together; nothing here decides anything.
"""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from eventsourcing.postgres import PostgresDatastore
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row, tuple_row

from interfaces.embedded import EmbeddedPostgres
from interfaces.settings import Settings
from ledger.application import CommissionLedger
from ledger.errors import Corrupt, NotReady
from ledger.store.migrations import Names as LedgerNames
from ledger.store.migrations import latest_version, migrate, schema_version
from ledger.store.recorder import LedgerRecorder
from projections import DEFAULT_NAMES, install
from projections.accrual import LiveModels
from replay.as_of import Replay
from replay.statements import seal

if TYPE_CHECKING:
    from replay.archive.opening import ArchivedReplay

LEDGER_NAMES = LedgerNames("ledger", "events", "tracking")
"""Where the ledger's own tables are."""

OLDEST_POSTGRES = 150000
"""PostgreSQL 15."""

_CONNECT_TIMEOUT_S = 10
_CONNECTIONS = {
    "application_name": "commissions",
    "connect_timeout": str(_CONNECT_TIMEOUT_S),
    # A network that went away is noticed in a minute, not in hours.
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}


class DatabaseUnreachable(NotReady):
    """No PostgreSQL answers at the address."""


@dataclass(frozen=True, slots=True)
class Database:
    """An open connection in autocommit mode, its address, and who works through it.

    ``operator`` is the system's user, or the database's where an address was given: never typed.
    """

    connection: psycopg.Connection[Any]
    conninfo: str
    operator: str


@contextmanager
def connect(settings: Settings, url: str | None = None) -> Iterator[Database]:
    """Connect to the database of an address, of the settings, or to the embedded one.

    Raises :class:`DatabaseUnreachable`, and NotReady for a PostgreSQL that cannot hold a ledger.
    """
    given = url
    if given is None and settings.database_url is not None:
        given = settings.database_url.get_secret_value()
    if given is not None and not given.strip():
        raise NotReady(
            "the database's address is empty; give one, or leave --database out to use the embedded"
            " PostgreSQL"
        )
    if given is not None:
        with _connected(given) as connection:
            yield Database(connection, conninfo_of(given), connection.info.user)
        return
    with EmbeddedPostgres(settings.home) as address, _connected(address) as connection:
        yield Database(connection, conninfo_of(address), system_user())


@contextmanager
def open_ledger(
    database: Database,
    *,
    operator: str | None = None,
    patience_seconds: float = 60,
    wait_seconds: float = 30,
) -> Iterator[CommissionLedger]:
    """The ledger of a database, its schema made or brought up to date.

    A transaction that stands still for ``patience_seconds`` is ended by the server; a database that
    is not there is waited for as long as ``wait_seconds``, whenever it is asked.
    """
    prepare(database.connection)
    datastore = _datastore(database.conninfo, patience_seconds, wait_seconds)
    recorder = LedgerRecorder(
        datastore,
        events_table_name=LEDGER_NAMES.events,
        tracking_table_name=LEDGER_NAMES.tracking,
    )
    try:
        yield CommissionLedger(recorder, LiveModels(), seal, operator=operator or database.operator)
    finally:
        datastore.close()


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Bring schemas and read models to what this release needs; nothing when they are.

    Raises NotReady for a user who may use the ledger, but not upgrade it.
    """
    try:
        migrate(connection)
        install(connection)
    except errors.InsufficientPrivilege as error:
        # Who may not even read the schema's number is no user of the ledger, as the error says.
        with contextlib.suppress(errors.InsufficientPrivilege):
            if schema_version(connection) is not None:
                raise NotReady(
                    "the database is of another release, and its user may not upgrade it; run one"
                    " command of this release as the owner: commissions tiers"
                ) from error
        raise


def open_replay(database: Database, *, damaged: bool = False) -> Replay:
    """What a ledger that exists knew, to be read only.

    ``damaged``: also one whose programme is gone, if it was there. Raises NotReady where there is
    no ledger, or one of another release.
    """
    if not (damaged and has_traces(database.connection)):
        require_ledger(database.connection)
    prepare(database.connection)
    return Replay(database.connection)


@contextmanager
def open_archived(directory: Path, master: str | None = None) -> Iterator[ArchivedReplay]:
    """What an archive knows, to be read only: by DuckDB, or by Spark on the cluster ``master``.

    NotReady without the packages that read one.
    """
    opening: AbstractContextManager[ArchivedReplay]
    try:
        if master is None:
            from replay.archive.opening import open_archive  # noqa: PLC0415 - packages of an extra

            opening = open_archive(directory)
        else:
            from replay.archive.spark.opening import open_on_spark  # noqa: PLC0415 - as above

            opening = open_on_spark(directory, master)
    except ModuleNotFoundError as error:
        raise lacking(error, "archive" if master is None else "spark") from None
    with opening as replay:
        yield replay


def require_archive_of(database: Database, directory: Path, replay: ArchivedReplay) -> None:
    """Raise BadArchive unless an archive is of this database's ledger."""
    from replay.archive.identity import require_same_ledger  # noqa: PLC0415 - as above

    ledger = open_replay(database)
    require_same_ledger(replay.manifest, directory, ledger.connection, ledger.names)


def lacking(error: ModuleNotFoundError, extra: str = "archive") -> NotReady:
    """What to say where the packages of archives are not installed."""
    return NotReady(
        f"archives need the package {error.name} for this; install it with:"
        f" pip install 'commission-ledger[{extra}]'"
    )


def require_ledger(connection: psycopg.Connection[Any]) -> None:
    """Raise NotReady unless a programme has been adopted in this database.

    Raises Corrupt for a ledger that had one, or has events without a head.
    """
    if has_programme(connection):
        return
    if _has_events(connection):
        raise Corrupt(
            "the ledger's programme or its head is gone, and it has events: rows were removed;"
            " 'commissions verify' tells which, restore what was lost"
        )
    raise NotReady(
        "there is no ledger yet: adopt a programme first, such as the reference programme:"
        " commissions programme adopt izyinbox"
    )


def _has_events(connection: psycopg.Connection[Any]) -> bool:
    events = DEFAULT_NAMES.events
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (events.as_string(connection),))
        if cursor.fetchone() != (True,):
            return False
        query = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(events)
        return cursor.execute(query, ()).fetchone() == (True,)


def has_programme(connection: psycopg.Connection[Any]) -> bool:
    """Whether the ledger exists and holds an adoption; refuses one of a newer release."""
    version = schema_version(connection)
    if version is None:
        return False
    if version > latest_version():
        raise NotReady(
            f"the database has schema {version}, this release knows only up to"
            f" {latest_version()}; install the release that made it, or a later one"
        )
    query = sql.SQL(
        "SELECT EXISTS (SELECT FROM {} WHERE originator_id = 'ledger'"
        " AND topic LIKE 'programme.adopted/%%')"
    ).format(DEFAULT_NAMES.events)
    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(query, ()).fetchone() == (True,)


def has_traces(connection: psycopg.Connection[Any]) -> bool:
    """Whether there are events, or word of some, in a database of this release."""
    if schema_version(connection) != latest_version():
        return False
    query = sql.SQL(
        "SELECT EXISTS (SELECT FROM {events}) OR EXISTS (SELECT FROM {head} WHERE position > 0)"
        " OR EXISTS (SELECT FROM {checkpoints})"
    ).format(
        events=DEFAULT_NAMES.events,
        head=DEFAULT_NAMES.head,
        checkpoints=DEFAULT_NAMES.checkpoints,
    )
    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(query, ()).fetchone() == (True,)


def system_user() -> str:
    """Who runs this process, by the system's own word; no variable can say otherwise."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"


def conninfo_of(url: str) -> str:
    """The address with what every connection of ours has; what it says itself stands.

    Raises NotReady for what is no address of a PostgreSQL, without repeating it.
    """
    try:
        said = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise NotReady(
            "the database's address cannot be read; write it as postgresql://user@host:5432/name"
        ) from None
    return make_conninfo(url, **{key: _CONNECTIONS[key] for key in _CONNECTIONS.keys() - said})


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    conninfo = conninfo_of(url)
    try:
        connection = psycopg.connect(conninfo, autocommit=True)
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split())
        raise DatabaseUnreachable(
            f"the database cannot be reached ({reason}); start it, or correct --database"
        ) from None
    with connection:
        check_server(connection)
        yield connection


def check_server(connection: psycopg.Connection[Any]) -> None:
    """Raise NotReady for a PostgreSQL that cannot hold a ledger; days and instants are in UTC."""
    if connection.info.server_version < OLDEST_POSTGRES:
        major = connection.info.server_version // 10_000
        raise NotReady(
            f"this is PostgreSQL {major}; a ledger needs 15 or later: upgrade the server, or leave"
            " --database out to use the embedded one"
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise NotReady(
            f"the database's encoding is {encoding}; make one for the ledger with:"
            " CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0"
        )
    connection.execute("SET TIME ZONE 'UTC'")


def _datastore(conninfo: str, patience_seconds: float, wait_seconds: float) -> PostgresDatastore:
    """A pool for one command.

    An accrual run reads on one connection and appends on two, beside the one with the commands'
    lock.
    """
    datastore = PostgresDatastore(
        dbname="",
        host="",
        port="",
        user="",
        password="",
        connect_timeout=wait_seconds,
        pool_size=1,
        max_overflow=3,
        lock_timeout=60,
        idle_in_transaction_session_timeout=patience_seconds,
        schema=LEDGER_NAMES.schema,
        originator_id_type="text",
    )
    # The library knows only five parts of an address; a socket or an SSL mode needs the others.
    # The pool tries for as long as whoever asked waits, not ever later by itself.
    datastore.pool.reconnect_timeout = wait_seconds
    datastore.pool.kwargs = {**conninfo_to_dict(conninfo), "row_factory": dict_row}
    return datastore
