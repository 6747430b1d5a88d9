"""The golden ledger in a database of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from tests.statements.golden_ledger import load


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def url(ledger_database_url: str) -> str:
    """The address of the golden ledger."""
    load(ledger_database_url)
    return ledger_database_url
