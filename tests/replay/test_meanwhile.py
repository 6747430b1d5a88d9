"""Questions that the database answers on a connection of its own, or on the one at hand."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from replay.meanwhile import answers


def backend(connection: psycopg.Connection[Any]) -> int:
    """Ask who answers."""
    return connection.info.backend_pid


def forever(connection: psycopg.Connection[Any]) -> int:
    """Ask what takes longer than anybody waits."""
    connection.execute("SELECT pg_sleep(86400)")
    return 0


def damaged(connection: psycopg.Connection[Any]) -> int:
    """Ask what cannot be answered."""
    connection.execute("SELECT 1 / 0")
    return 0


def test_questions_are_answered_in_their_order(connection: psycopg.Connection[Any]) -> None:
    """Beside, by one other connection; else by the one that is at hand."""
    here = backend(connection)
    with answers(connection, [backend, lambda _: 7], beside=False) as answered:
        assert [*answered()] == [here, 7]
    with answers(connection, [backend, lambda _: 7, backend], beside=True) as answered:
        first, seven, again = answered()
    assert (first, seven) == (again, 7)
    assert first != here


@pytest.mark.parametrize("beside", [True, False])
def test_what_cannot_be_answered_is_raised(
    connection: psycopg.Connection[Any], *, beside: bool
) -> None:
    """To whoever wants the answer."""
    connection.autocommit = True
    with (
        answers(connection, [backend, damaged], beside=beside) as answered,
        pytest.raises(psycopg.DataError),
    ):
        list(answered())


def test_nobody_waits_for_an_answer_that_is_not_wanted(
    connection: psycopg.Connection[Any],
) -> None:
    """Who stops is not kept: what runs is cancelled, the rest is not begun."""
    with answers(connection, [forever, forever], beside=True):
        pass
    (left,) = connection.execute(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(86400)'"
        " AND state = 'active' AND datname = current_database()"
    ).fetchone() or (None,)
    assert left == 0
