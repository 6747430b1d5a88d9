"""Recorders on fresh databases, as the owner and as the role that may only write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eventsourcing.postgres import PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from ledger.store.migrations import migrate
from ledger.store.recorder import LedgerRecorder
from tests.conftest import database, made_once

OpenDatastore = Callable[..., PostgresDatastore]


def datastore_of(
    url: str, *, role: str | None = None, schema: str = "ledger", **options: Any
) -> PostgresDatastore:
    """A datastore on the database of an address; ``role`` is what its connections act as."""
    found = conninfo_to_dict(url)
    settings: dict[str, Any] = {
        "originator_id_type": "text",
        "pool_size": 1,
        "max_overflow": 20,
        **options,
    }
    datastore = PostgresDatastore(
        dbname=str(found["dbname"]),
        host=str(found.get("host", "")),
        port=str(found.get("port", "5432")),
        user=str(found.get("user", "")),
        password=str(found.get("password") or ""),
        schema=schema,
        **settings,
    )
    if role is not None:
        assert isinstance(datastore.pool.kwargs, dict)
        datastore.pool.kwargs["options"] = f"-c role={role}"
    return datastore


@pytest.fixture
def ledger_url(server_url: str) -> Iterator[str]:
    """The URL of a fresh database with the ledger's schema, and nothing that reads it."""
    yield from database(server_url, template=made_once(server_url, "template0", "store", migrate))


@pytest.fixture
def open_datastore() -> Iterator[OpenDatastore]:
    """Opens datastores (see ``datastore_of``) and closes them after the test."""
    opened: list[PostgresDatastore] = []

    def open_one(url: str, **options: Any) -> PostgresDatastore:
        datastore = datastore_of(url, **options)
        opened.append(datastore)
        return datastore

    yield open_one
    for datastore in opened:
        datastore.close()


@pytest.fixture(params=[None, "ledger_writer"], ids=["owner", "ledger_writer"])
def recorder(
    request: pytest.FixtureRequest, ledger_url: str, open_datastore: OpenDatastore
) -> LedgerRecorder:
    """The ledger's recorder, once as the owner of its tables and once as the writer."""
    datastore = open_datastore(ledger_url, role=request.param)
    return LedgerRecorder(datastore, events_table_name="events", tracking_table_name="tracking")
