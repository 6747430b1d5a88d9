"""The ledgers that rules are tested on: the model, the engine in memory, and the real one.

Each is opened by a function without arguments that gives a context manager of a new, empty
:class:`~tests.model.journal.LedgerUnderTest`. The real one is imported when it is opened: the
others need no database.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from tests.model.journal import LedgerUnderTest
from tests.model.naive import NaiveLedger
from tests.rules.memory_adapter import MemoryLedger

OpenLedger = Callable[[], AbstractContextManager[LedgerUnderTest]]

_REAL = "tests.rules.ledger_adapter"


@contextmanager
def open_model() -> Iterator[LedgerUnderTest]:
    """Give a new, empty naive ledger."""
    yield NaiveLedger()


@contextmanager
def open_memory() -> Iterator[LedgerUnderTest]:
    """Give a new, empty ledger of the engine in memory; at the end its decisions must be sound."""
    ledger = MemoryLedger()
    yield ledger
    ledger.check()


@contextmanager
def open_real() -> Iterator[LedgerUnderTest]:
    """Give a new, empty ledger on the real store."""
    opener: OpenLedger = importlib.import_module(_REAL).open_ledger
    with opener() as ledger:
        yield ledger


def ledgers() -> Mapping[str, OpenLedger]:
    """Every ledger that there is, by name."""
    return {"model": open_model, "memory": open_memory, "real": open_real}
