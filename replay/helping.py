"""The first moments of a process that helps to look through pages.

It is imported before anything else is, and imports little itself: what a page needs is loaded with
the first one, when garbage is collected seldom already. That is a tenth of what loading costs.
"""

from __future__ import annotations

import multiprocessing
import os
from threading import Thread
from typing import Any

import psycopg
from psycopg import Connection

from ledger.collecting import collect_seldom

_own: list[Connection[Any]] = []


def begin(conninfo: str, password: str) -> None:
    """Connect this process, which ends when the one that started it does."""
    collect_seldom()
    # A parent that was killed says no goodbye, and a process would wait for its next page for ever.
    Thread(target=_end_with_parent, daemon=True).start()
    _own.append(psycopg.connect(conninfo, password=password or None, autocommit=True))


def own_connection() -> Connection[Any]:
    """The connection of this process, once it began."""
    return _own[0]


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
