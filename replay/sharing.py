"""Pages of a long log looked through by several processes, and in order.

Looking through a page is reading and computing, so it can be done anywhere. Events never change and
pages end at a head that was read before, so each process may read its pages at its own time.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from threading import Thread
from typing import Any

import psycopg
from psycopg import Connection, sql

from ledger.collecting import collect_seldom
from ledger.cores import cores
from replay.pages import Checked, Page, checked

WORTH_PROCESSES = 40
"""Pages from which on others help; a process takes half a second to be there."""

_AHEAD = 2
"""Pages for each process that are under way or wait to be put in order."""

_own: list[Connection[Any]] = []
"""The connection of a process that helps."""


def is_shared(pages: int, processes: int | None = None) -> bool:
    """Whether other processes help with so many pages."""
    count = cores() if processes is None else processes
    return pages >= WORTH_PROCESSES and count > 1


def all_checked(
    connection: Connection[Any],
    events: sql.Identifier,
    pages: Iterable[Page],
    processes: int | None = None,
) -> Iterator[Checked]:
    """Yield each page looked through, in their order.

    ``processes`` (by default one a core) do so if there are many pages. One that dies is no
    matter: what is left is done here.
    """
    waiting = iter(pages)
    first = list(islice(waiting, WORTH_PROCESSES))
    count = cores() if processes is None else processes
    if not is_shared(len(first), count):
        for page in (*first, *waiting):
            yield checked(connection, events, page)
        return
    yield from _shared(connection, events, _chained(first, waiting), count)


def _shared(
    connection: Connection[Any], events: sql.Identifier, pages: Iterator[Page], count: int
) -> Iterator[Checked]:
    pool = ProcessPoolExecutor(
        count,
        # Nothing of this process, its connection least of all, may be the other's too.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(connection.info.dsn, connection.info.password),
    )
    under_way: deque[tuple[Page, Future[Checked] | None]] = deque()

    def give(page: Page) -> None:
        try:
            under_way.append((page, pool.submit(_checked, events, page)))
        except BrokenProcessPool:
            under_way.append((page, None))

    try:
        for page in islice(pages, count * _AHEAD):
            give(page)
        while under_way:
            page, future = under_way.popleft()
            for following in islice(pages, 1):
                give(following)
            try:
                done = future.result() if future is not None else None
            except (BrokenProcessPool, psycopg.OperationalError):
                done = None
            yield checked(connection, events, page) if done is None else done
    finally:
        pool.shutdown(cancel_futures=True)


def _chained(first: Iterable[Page], then: Iterable[Page]) -> Iterator[Page]:
    yield from first
    yield from then


def _begin(conninfo: str, password: str) -> None:
    collect_seldom()
    # A parent that was killed says no goodbye, and a process would wait for its next page for ever.
    Thread(target=_end_with_parent, daemon=True).start()
    _own.append(psycopg.connect(conninfo, password=password or None, autocommit=True))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _checked(events: sql.Identifier, page: Page) -> Checked:
    return checked(_own[0], events, page)
