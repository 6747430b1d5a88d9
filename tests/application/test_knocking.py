"""Whether the database is there is seen at once, whatever became of the pool's connections."""

from __future__ import annotations

import psycopg
import pytest
from eventsourcing.persistence import PersistenceError

from interfaces.bootstrap import connect, open_ledger
from interfaces.settings import Settings
from tests.faults.proxy import Cut, database_socket, proxied, through


def refuse(_: bytes) -> Cut:
    """Drop a connection as soon as it speaks."""
    return "before"


def test_a_database_that_comes_back_is_seen_when_it_takes_connections(
    ledger_database_url: str,
) -> None:
    """While it is away the pool has nothing to give, and who knocks is told no."""
    with (
        proxied(lambda: database_socket(ledger_database_url)) as proxy,
        connect(Settings(), through(ledger_database_url, proxy)) as database,
        open_ledger(database, wait_seconds=0.5) as ledger,
    ):
        assert ledger.takes_connections()
        passed, proxy.judge = proxy.judge, refuse
        proxy.drop()
        with pytest.raises((PersistenceError, psycopg.OperationalError)), ledger.transaction():
            pass
        assert not ledger.takes_connections()
        proxy.judge = passed
        assert ledger.takes_connections()
