"""A connection to look at a ledger with, kept for the next look.

A new one reads the catalogue and plans every query anew, which costs more than what is asked here.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.pq import TransactionStatus

_kept: dict[str, psycopg.Connection] = {}


@contextmanager
def looking(url: str) -> Iterator[psycopg.Connection]:
    """Give a connection in autocommit mode, to be left as it was found."""
    connection = _kept.pop(url, None)
    if connection is None or connection.closed:
        connection = psycopg.connect(url, autocommit=True)
    try:
        yield connection
    except BaseException:
        connection.close()
        raise
    if connection.autocommit and connection.info.transaction_status == TransactionStatus.IDLE:
        # The last ledger looked at is the one that will be.
        close()
        _kept[url] = connection
    else:
        connection.close()


def close() -> None:
    """Close what is kept."""
    while _kept:
        _kept.popitem()[1].close()


atexit.register(close)
