"""A journal on a fresh ledger, and a connection to look at what it made."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from projections import Projector
from tests.projections.journal import Journal, open_journal


@pytest.fixture
def journal(ledger_database_url: str) -> Iterator[Journal]:
    """A ledger that is written by hand."""
    with open_journal(ledger_database_url, Projector()) as opened:
        yield opened


@pytest.fixture
def connection(ledger_database_url: str) -> Iterator[psycopg.Connection]:
    """A connection of the owner, in autocommit mode."""
    with psycopg.connect(ledger_database_url, autocommit=True) as opened:
        yield opened
