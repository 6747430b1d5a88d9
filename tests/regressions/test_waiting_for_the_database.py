"""Who waited for a database that had gone away waited in vain, though it came back meanwhile.

The pool gave up after a second, and nobody tried again until the caller's own time was over.
"""

from __future__ import annotations

from threading import Timer
from typing import Any

from eventsourcing.persistence import PersistenceError
from psycopg_pool import PoolTimeout

from interfaces.bootstrap import connect, open_ledger
from interfaces.settings import Settings
from tests.faults.proxy import Cut, database_socket, proxied, through


def test_a_database_that_comes_back_is_found_by_who_waits_for_it(ledger_database_url: str) -> None:
    """Sessions that died are noticed first, each once; a new one is waited for."""
    seen: list[bytes] = []

    def refuse(data: bytes) -> Cut:
        seen.append(data)
        return "before"

    def passed(_: bytes) -> Cut:
        return ""

    def mend(proxy: Any) -> None:
        proxy.judge = passed

    url = ledger_database_url
    with (
        proxied(lambda: database_socket(url)) as proxy,
        connect(Settings(), through(url, proxy)) as database,
        open_ledger(database, wait_seconds=10) as ledger,
    ):
        before, found = ledger.ledger, None
        causes: list[BaseException | None] = []
        proxy.judge = refuse
        proxy.drop()
        back = Timer(2, mend, [proxy])
        back.start()
        while found is None:
            try:
                found = ledger.ledger
            except PersistenceError as error:
                causes.append(error.__cause__)
        back.join()
    assert found == before
    assert seen
    assert not [cause for cause in causes if isinstance(cause, PoolTimeout)]
