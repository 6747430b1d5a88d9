"""Pages of a long log looked through by several processes, and in order.

Looking through a page is reading and computing, so it can be done anywhere. Events never change and
pages end at a head that was read before, so each process may read its pages at its own time.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
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
"""Pages that each other process has, the one that it looks through and those after it."""

_OUT_OF_ORDER = 16
"""Pages that may be done and wait for one before them: as many as are done here meanwhile."""

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

    ``processes`` (by default one a core), of which this is one, do so if there are many pages. One
    that dies is no matter: what is left is done here.
    """
    waiting = iter(pages)
    first = list(islice(waiting, WORTH_PROCESSES))
    count = cores() if processes is None else processes
    if not is_shared(len(first), count):
        for page in (*first, *waiting):
            yield checked(connection, events, page)
        return
    here = partial(checked, connection, events)
    with _pool(connection, count - 1) as pool:
        yield from _shared(pool, events, _chained(first, waiting), here, count - 1)


@contextmanager
def _pool(connection: Connection[Any], others: int) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(
        others,
        # Nothing of this process, its connection least of all, may be the other's too.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(connection.info.dsn, connection.info.password),
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _shared(
    pool: ProcessPoolExecutor,
    events: sql.Identifier,
    pages: Iterator[Page],
    here: Callable[[Page], Checked],
    others: int,
) -> Iterator[Checked]:
    """Keep the other processes busy, and look through a page here while the next is not done."""
    under_way: deque[tuple[Page, Future[Checked]]] = deque()
    most = others * _AHEAD
    while True:
        theirs = sum(not future.done() for _, future in under_way)
        for page in islice(pages, max(most - theirs, 0)):
            under_way.append((page, _given(pool, events, page)))
        if not under_way:
            return
        page, future = under_way[0]
        ours = None
        if not future.done() and len(under_way) < most + _OUT_OF_ORDER:
            ours = next(pages, None)
        if ours is not None:
            under_way.append((ours, _made(here(ours))))
            continue
        under_way.popleft()
        try:
            done = future.result()
        except (BrokenProcessPool, psycopg.OperationalError):
            done = here(page)
        yield done


def _given(pool: ProcessPoolExecutor, events: sql.Identifier, page: Page) -> Future[Checked]:
    try:
        return pool.submit(_checked, events, page)
    except BrokenProcessPool as error:
        lost: Future[Checked] = Future()
        lost.set_exception(error)
        return lost


def _made(done: Checked) -> Future[Checked]:
    made: Future[Checked] = Future()
    made.set_result(done)
    return made


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
