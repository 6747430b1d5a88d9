"""One PostgreSQL for a whole run of the tests, and fresh databases in it.

The server is the embedded one in a home of the run's own, shared by all xdist workers and ended
with the last of them, or the server that ``COMMISSIONS_TEST_DATABASE_URL`` names (a role that may
create databases and roles). The Kafka broker is shared in the same way, or is the one that
``COMMISSIONS_TEST_KAFKA`` names (``host:port``; only topics that the tests make are touched).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import hypothesis
import psycopg
import pytest
from psycopg import sql

from interfaces.embedded import EmbeddedPostgres
from tests.home import Home, new_home
from tests.kafka import broker
from tests.kafka.topics import Topics

HOME_VARIABLE = "COMMISSIONS_TEST_HOME"
SERVER_VARIABLE = "COMMISSIONS_TEST_DATABASE_URL"
KAFKA_VARIABLE = "COMMISSIONS_TEST_KAFKA"
RUN_VARIABLE = "COMMISSIONS_TEST_RUN"
STORIES_VARIABLE = "COMMISSIONS_TEST_STORIES"
SOAK_VARIABLES = {"COMMISSIONS_TEST_SOAK_SECONDS", "COMMISSIONS_TEST_SOAK_SEED"}
_OURS = {
    HOME_VARIABLE,
    SERVER_VARIABLE,
    KAFKA_VARIABLE,
    RUN_VARIABLE,
    STORIES_VARIABLE,
    *SOAK_VARIABLES,
}
_BUILTIN_LOCALE_SINCE = 170000
_HOME = pytest.StashKey[Home]()

Fill: TypeAlias = Callable[[str], object]
"""Puts into the database of a URL what belongs in it."""
CopyOf: TypeAlias = Callable[[str, Fill], str]
"""From a name and what fills it to the URL of a copy."""

# Deadlines measure the machine, not the code, when two cores are shared by everybody.
hypothesis.settings.register_profile("dev", deadline=None, max_examples=50)
hypothesis.settings.register_profile(
    "ci", deadline=None, derandomize=False, max_examples=100, print_blob=True
)
hypothesis.settings.register_profile(
    "thorough", parent=hypothesis.settings.get_profile("ci"), max_examples=2000
)
hypothesis.settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)


def pytest_configure(config: pytest.Config) -> None:
    """Choose the run's home once, before any worker starts (workers inherit the variable)."""
    # No setting of the person who runs the tests reaches them.
    for name in list(os.environ):
        if name.startswith("COMMISSIONS_") and name not in _OURS:
            del os.environ[name]
    # Hundreds of interpreters are started, each of which would compile all that it imports.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if not hasattr(config, "workerinput"):
        config.stash[_HOME] = new_home()
        os.environ[HOME_VARIABLE] = str(config.stash[_HOME].path)
        os.environ[RUN_VARIABLE] = str(os.getpid())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many workers ``auto`` is: one a core, and one for the tests that mostly wait."""
    return (os.cpu_count() or 1) + 1


# Before xdist reads the groups.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long tests; those that wait for what they broke follow each other.

    Several of them at once would leave the others no core, one after the other they leave them all.
    """
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    for item in items:
        if item.get_closest_marker("fault"):
            item.add_marker(pytest.mark.xdist_group("faults"))


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the run's broker, and its server if a worker died on it; remove its home."""
    if not hasattr(config, "workerinput"):
        home = Path(os.environ.pop(HOME_VARIABLE))
        given = os.environ.get(SERVER_VARIABLE)
        if given:
            with psycopg.connect(given, autocommit=True) as admin:
                begin = (templates_name(home),)
                query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
                for (name,) in admin.execute(query, begin).fetchall():
                    drop_database(admin, name)
        broker.end(home)
        EmbeddedPostgres(home).stop()
        config.stash[_HOME].remove()


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The URL of a database of the run's server, with the right to create others."""
    given = os.environ.get(SERVER_VARIABLE)
    if given:
        yield given
        return
    with EmbeddedPostgres(Path(os.environ[HOME_VARIABLE]), durable=False) as url:
        yield url


@pytest.fixture(scope="session")
def ledger_template(server_url: str) -> str:
    """The name of a database in which the migrations ran, made once a run."""
    return made_once(server_url, "template0", "installed", install_schema)


@pytest.fixture
def database_url(server_url: str) -> Iterator[str]:
    """The URL of a fresh, empty database (UTF-8, C.UTF-8), dropped afterwards."""
    yield from database(server_url, template="template0")


@pytest.fixture
def ledger_database_url(server_url: str, ledger_template: str) -> Iterator[str]:
    """The URL of a fresh database with the ledger's and the projections' schemas in it."""
    yield from database(server_url, template=ledger_template)


@pytest.fixture
def copy_of(server_url: str, ledger_template: str) -> Iterator[CopyOf]:
    """Gives the URL of a fresh copy of a ledger, which is filled by the first who asks for it."""
    with ExitStack() as copies:

        def copy(name: str, fill: Fill) -> str:
            template = made_once(server_url, ledger_template, name, fill)
            copied = contextmanager(database)(server_url, template=template)
            return copies.enter_context(copied)

        yield copy


@pytest.fixture(scope="session")
def kafka_broker() -> str:
    """The bootstrap server (``host:port``) of the run's broker; topics are made by who uses them.

    Without one, and without what it takes to start one, the tests fail.
    """
    given = os.environ.get(KAFKA_VARIABLE)
    return given or _shared_broker()[0]


@pytest.fixture
def topics(kafka_broker: str) -> Iterator[Topics]:
    """Makes topics on the run's broker."""
    made = Topics(kafka_broker)
    yield made
    made.close()


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[broker.Broker]:
    """A broker of one test, that may be killed, and lose what it has."""
    home = tmp_path / "broker"
    home.mkdir()
    made = broker.Broker(home)
    made.start()
    yield made
    made.kill()


@pytest.fixture(scope="session")
def sasl_broker() -> str:
    """The address at which the run's own broker asks who is there."""
    return _shared_broker()[1]


def _shared_broker() -> list[str]:
    home = Path(os.environ[HOME_VARIABLE])
    own = broker.shared(home, int(os.environ[RUN_VARIABLE]))
    return (own / "address").read_text("utf-8").split()


def templates_name(home: Path) -> str:
    """How the names of a run's templates begin, told by the run's home."""
    return f"ledger_template_{home.name.rpartition('-')[2].lower()}"


def made_once(server_url: str, template: str, name: str, fill: Fill) -> str:
    """The name of a database that the first of a run who asks copies from a template and fills."""
    name = f"{templates_name(Path(os.environ[HOME_VARIABLE]))}_{name}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(hashtext(%s))", (name,))
        made = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if made is None:
            unfinished = f"{name}_unfinished"
            drop_database(admin, unfinished)
            create_database(admin, unfinished, template=template)
            fill(url_of(server_url, unfinished))
            admin.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                    sql.Identifier(unfinished), sql.Identifier(name)
                )
            )
    return name


def url_of(server_url: str, database: str) -> str:
    """The address of another database of the same server."""
    return urlsplit(server_url)._replace(path=f"/{database}").geturl()


def create_database(admin: psycopg.Connection, name: str, *, template: str = "template0") -> None:
    """Create a database, with C.UTF-8 from ``template0``, with its template's locale otherwise."""
    locale = sql.SQL("")
    if template == "template0":
        builtin = admin.info.server_version >= _BUILTIN_LOCALE_SINCE
        locale = sql.SQL(
            "ENCODING 'UTF8' LOCALE_PROVIDER builtin LOCALE 'C.UTF-8'"
            if builtin
            else "ENCODING 'UTF8' LOCALE 'C.UTF-8'"
        )
    admin.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY {}").format(
            sql.Identifier(name), sql.Identifier(template), locale
        )
    )


def drop_database(admin: psycopg.Connection, name: str) -> None:
    """Drop a database if it is there, whoever is still connected to it."""
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def database(server_url: str, *, template: str) -> Iterator[str]:
    """Give the URL of a fresh copy of a database, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        create_database(admin, name, template=template)
    yield url_of(server_url, name)
    with psycopg.connect(server_url, autocommit=True) as admin:
        drop_database(admin, name)


def install_schema(url: str) -> None:
    """Run every migration of the ledger and of the read models."""
    from ledger.store.migrations import migrate
    from projections import install

    migrate(url)
    install(url)
