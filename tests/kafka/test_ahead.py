"""What is taken ahead comes in order, no further ahead than is said, and ends with who asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from ledger.ingest.kafka.ahead import Ahead
from tests.faults.consuming import until


def counting(made: list[int], last: int) -> Iterator[int]:
    """Numbers, each noted when it is made."""
    for number in range(last):
        made.append(number)
        yield number


def test_items_come_in_order_to_the_last() -> None:
    """Whoever takes them, all are there once."""
    with Ahead(counting([], 50), 2) as ahead:
        assert list(ahead) == list(range(50))


def test_so_many_are_made_before_they_are_asked_for_and_no_more() -> None:
    """Two, and two again behind each that is taken."""
    made: list[int] = []
    with Ahead(counting(made, 50), 2) as ahead:
        until(lambda: len(made) == 2)
        items = iter(ahead)
        assert next(items) == 0
        until(lambda: len(made) == 3)
        assert next(items) == 1
        until(lambda: len(made) == 4)
    assert made == [0, 1, 2, 3]


def test_an_error_comes_where_the_next_item_would() -> None:
    """What was made before it is there first."""

    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("the second is bad")

    found: list[int] = []
    with Ahead(failing(), 5) as ahead, pytest.raises(ValueError, match="second"):
        found.extend(ahead)
    assert found == [1]


def test_who_leaves_early_leaves_no_thread_behind() -> None:
    """Even when an error of its own makes it leave while an item is being made."""
    begun, goes_on = threading.Event(), threading.Event()
    made: list[int] = []

    def slow() -> Iterator[int]:
        for number in counting(made, 50):
            begun.set()
            goes_on.wait(10)
            yield number

    def fail() -> None:
        with Ahead(slow(), 2):
            begun.wait(10)
            threading.Timer(0.1, goes_on.set).start()
            raise KeyError

    before = threading.active_count()
    with pytest.raises(KeyError):
        fail()
    assert made == [0]
    until(lambda: threading.active_count() <= before)
