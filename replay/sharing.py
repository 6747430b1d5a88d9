"""Pages of a long log looked through by several processes, and in order.

Looking through a page is reading and computing, so it can be done anywhere. Events never change and
pages end at a head that was read before, so each process may read its pages at its own time.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection, sql

from ledger.cores import cores
from replay.helping import begin, own_connection
from replay.pages import Checked, Page, checked

WORTH_PROCESSES = 40
"""Pages from which on others help; a process takes half a second to be there."""

_AHEAD = 4
"""Pages that each other process has: enough to be busy while a month's statements are made here."""

_OUT_OF_ORDER = 16
"""Pages that may be done and wait for one before them: as many as are done here meanwhile."""


class Helpers(NamedTuple):
    """The other processes, and how many they are."""

    pool: ProcessPoolExecutor
    others: int


@contextmanager
def helpers(
    connection: Connection[Any], pages: int, processes: int | None = None
) -> Iterator[Helpers | None]:
    """Give what helps with so many pages, if that is worth while; it is on its way at once.

    ``processes`` (by default one a core), of which this is one, have each a connection like this.
    """
    others = (cores() if processes is None else processes) - 1
    if pages < WORTH_PROCESSES or others < 1:
        yield None
        return
    pool = ProcessPoolExecutor(
        others,
        # Nothing of this process, its connection least of all, may be the other's too.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=begin,
        initargs=(connection.info.dsn, connection.info.password),
    )
    try:
        for _ in range(others):
            _given(pool, _ready)
        yield Helpers(pool, others)
    finally:
        pool.shutdown(cancel_futures=True)


def all_checked(
    connection: Connection[Any],
    events: sql.Identifier,
    pages: Iterable[Page],
    helping: Helpers | None = None,
) -> Iterator[Checked]:
    """Yield each page looked through, in their order.

    A process of those that help may die: what is left is done here.
    """
    here = partial(checked, connection, events)
    if helping is None:
        return map(here, pages)
    return _shared(helping, events, iter(pages), here)


def _shared(
    helping: Helpers,
    events: sql.Identifier,
    pages: Iterator[Page],
    here: Callable[[Page], Checked],
) -> Iterator[Checked]:
    """Keep the other processes busy, and look through a page here while the next is not done."""
    under_way: deque[tuple[Page, Future[Checked]]] = deque()
    most = helping.others * _AHEAD
    while True:
        theirs = sum(not future.done() for _, future in under_way)
        for page in islice(pages, max(most - theirs, 0)):
            under_way.append((page, _given(helping.pool, _checked, events, page)))
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


def _given(
    pool: ProcessPoolExecutor, work: Callable[..., Checked | None], *what: object
) -> Future[Any]:
    try:
        return pool.submit(work, *what)
    except BrokenProcessPool as error:
        lost: Future[Any] = Future()
        lost.set_exception(error)
        return lost


def _made(done: Checked) -> Future[Checked]:
    made: Future[Checked] = Future()
    made.set_result(done)
    return made


def _ready() -> None:
    """Nothing is done: who is asked to has loaded this module by then, and what a page needs."""


def _checked(events: sql.Identifier, page: Page) -> Checked:
    return checked(own_connection(), events, page)
