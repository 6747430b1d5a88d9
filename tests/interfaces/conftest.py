"""A command line on a fresh database, and one on a ledger that a billing file was taken into."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from tests.conftest import CopyOf
from tests.interfaces.commands import BILLING, Commands


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def commissions(ledger_database_url: str, capsys: pytest.CaptureFixture[str]) -> Commands:
    """Commands on a database with the ledger's schema, but no programme."""
    return Commands(ledger_database_url, capsys)


@pytest.fixture
def adopted(copy_of: CopyOf, capsys: pytest.CaptureFixture[str]) -> Commands:
    """Commands on a ledger with the reference programme."""

    def fill(url: str) -> None:
        Commands(url, capsys).done("programme", "adopt", "izyinbox")

    return Commands(copy_of("adopted", fill), capsys)


@pytest.fixture
def billing(copy_of: CopyOf, capsys: pytest.CaptureFixture[str]) -> Commands:
    """Commands on a ledger with the hand-written billing file, accrued through June 2026."""

    def fill(url: str) -> None:
        commands = Commands(url, capsys)
        commands.done("programme", "adopt", "izyinbox")
        commands.done("ingest", BILLING)
        commands.done("accrue", "--through", "2026-06-30")

    return Commands(copy_of("billing", fill), capsys)
