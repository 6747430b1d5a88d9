"""Whether the database is there is seen at once, and no connection is left that died meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from interfaces.bootstrap import connect, open_ledger
from interfaces.settings import Settings
from ledger.application import CommissionLedger
from tests.faults.proxy import Cut, Proxy, database_socket, proxied, through


def refuse(_: bytes) -> Cut:
    """Drop a connection as soon as it speaks."""
    return "before"


@contextmanager
def behind_a_proxy(url: str) -> Iterator[tuple[CommissionLedger, Proxy]]:
    """A ledger whose database can be cut off."""
    with (
        proxied(lambda: database_socket(url)) as proxy,
        connect(Settings(), through(url, proxy)) as database,
        open_ledger(database) as ledger,
    ):
        yield ledger, proxy


def test_a_database_that_comes_back_is_seen_when_it_takes_connections(
    ledger_database_url: str,
) -> None:
    """Connections of before are given to nobody then: each would be taken for another outage."""
    with behind_a_proxy(ledger_database_url) as (ledger, proxy):
        assert answers(ledger)
        passed, proxy.judge = proxy.judge, refuse
        proxy.drop()
        assert not ledger.takes_connections()
        proxy.judge = passed
        assert ledger.takes_connections()
        assert answers(ledger)


def answers(ledger: CommissionLedger) -> bool:
    """Whether a transaction of the ledger's comes to an end."""
    with ledger.transaction() as cursor:
        return cursor.execute("SELECT 1").fetchone() is not None
