"""A ledger with everything in it that moves a balance, and topics to publish it to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog
from psycopg.rows import dict_row

from tests.conftest import CopyOf
from tests.faults.test_killed import write_round
from tests.interfaces.commands import Commands

ROUNDS = 8
TWO_PERSONS = ("--requested-by", "anna", "--approved-by", "bert")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def commissions(ledger_database_url: str, capsys: pytest.CaptureFixture[str]) -> Commands:
    """Commands on a fresh database."""
    return Commands(ledger_database_url, capsys)


@pytest.fixture
def ledger(copy_of: CopyOf, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    """A ledger with lines, adjustments, credits, payouts settled, failed and in flight."""
    return Commands(copy_of("moved", lambda url: fill(Commands(url, capsys), tmp_path)), capsys)


def fill(commissions: Commands, folder: Path) -> None:
    """Tell a new ledger all that."""
    commissions.done("programme", "adopt", "izyinbox")
    for number in range(ROUNDS):
        commissions.done("ingest", write_round(folder, number))
    commissions.done("accrue", "--through", "2026-03-31")
    adjust = ("--currency", "EUR", *TWO_PERSONS)
    commissions.done("adjust", "--partner", "p-1", "--amount", "-250", "--reason", "typo", *adjust)
    commissions.done("credit", "--partner", "p-2", "--amount", "900", "--reason", "fee", *adjust)
    commissions.done("payouts", "run", "--cutoff", "2026-03-31")
    payouts = commissions.done("payouts", "list", "--format", "json").rows
    assert len(payouts) >= 3
    settle(commissions, folder, payouts)


def settle(commissions: Commands, folder: Path, payouts: list[dict[str, Any]]) -> None:
    """One payout arrives, one fails, one arrives in part; and money comes that nobody expected."""
    first, second, third = payouts[:3]
    one = {"partner_id": first["partner_id"], "payout_id": first["payout_id"], "currency": "EUR"}
    told: list[tuple[str, dict[str, Any]]] = [
        ("payout.settled", {**one, "amount": first["amount"]}),
        ("payout.failed", {k: second[k] for k in ("partner_id", "payout_id")} | {"reason": "iban"}),
        (
            "payout.settled",
            {k: third[k] for k in ("partner_id", "payout_id")} | {"amount": 1, "currency": "EUR"},
        ),
        ("payout.settled", {"partner_id": "p-4", "amount": 77, "currency": "CHF"}),
    ]
    file = folder / "bank.jsonl"
    with file.open("w", encoding="utf-8") as out:
        for number, (type_, data) in enumerate(told):
            message = {
                "specversion": "1.0",
                "id": f"bank-{number}",
                "source": "/bank",
                "type": type_,
                "time": "2026-04-03T06:00:00Z",
                "data": data,
            }
            out.write(json.dumps(message) + "\n")
    commissions.done("ingest", file)


@pytest.fixture
def logged(ledger: Commands) -> list[dict[str, Any]]:
    """The decisions as they stand in the log, by position."""
    return decisions_in(ledger.url)


def decisions_in(url: str) -> list[dict[str, Any]]:
    """The decisions of a ledger: their topics begin with a capital, as no fact's does."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(
            "SELECT position, topic, state, leaf, partner_id, client_id, originator_id"
            " FROM ledger.events WHERE topic ~ '^[A-Z]' ORDER BY position"
        ).fetchall()
