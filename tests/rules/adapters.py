"""The ledgers that rules and properties are tested on: the model, and the real one once it is here.

The real one is ``tests.rules.ledger_adapter.open_ledger``: called without arguments it gives a
context manager of a new, empty :class:`~tests.model.journal.LedgerUnderTest`.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from tests.model.journal import LedgerUnderTest
from tests.model.naive import NaiveLedger

OpenLedger = Callable[[], AbstractContextManager[LedgerUnderTest]]

_REAL = "tests.rules.ledger_adapter"


@contextmanager
def open_model() -> Iterator[LedgerUnderTest]:
    """Give a new, empty naive ledger."""
    yield NaiveLedger()


@contextmanager
def open_real() -> Iterator[LedgerUnderTest]:
    """Give a new, empty ledger on the real store."""
    opener: OpenLedger = importlib.import_module(_REAL).open_ledger
    with opener() as ledger:
        yield ledger


def real_exists() -> bool:
    """Whether there is an adapter for the real ledger."""
    return importlib.util.find_spec(_REAL) is not None


def ledgers() -> Mapping[str, OpenLedger]:
    """Every ledger that there is, by name."""
    return {"model": open_model} | ({"real": open_real} if real_exists() else {})
