"""What the database finds out on a connection of its own, while events are looked through.

Folding projections, adding up accounts and following streams need nothing but the database, and
looking through events needs it little: of a long log they are done side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg import Connection

_AGAIN_S = 0.1
"""How long a cancelled question has to end before it is cancelled again."""

Found = TypeVar("Found")
Question: TypeAlias = "Callable[[Connection[Any]], Found]"


@contextmanager
def answers(
    connection: Connection[Any], questions: Sequence[Question[Found]], *, beside: bool
) -> Iterator[Callable[[], Iterator[Found]]]:
    """Give what yields the answers to questions, in their order; each is asked a connection.

    ``beside``: they are asked at once, one after the other, on another connection like this one;
    else on this one, when their answers are wanted.
    """
    if not beside:
        yield lambda: (ask(connection) for ask in questions)
        return
    info = connection.info
    with (
        psycopg.connect(info.dsn, password=info.password or None, autocommit=True) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        # The cores are busy: who shares a question out has more to do, and no sooner an answer. Nor
        # is any so long that it is worth compiling.
        other.execute("SET max_parallel_workers_per_gather = 0; SET jit = off")
        asked: list[Future[Found]] = [pool.submit(partial(ask, other)) for ask in questions]
        try:
            yield lambda: (each.result() for each in asked)
        finally:
            # Nobody waits for what is not answered by now.
            pool.shutdown(wait=False, cancel_futures=True)
            while running := [each for each in asked if not each.done()]:
                # It may be between two queries.
                other.cancel_safe()
                wait(running, timeout=_AGAIN_S)
