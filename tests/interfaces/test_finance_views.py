"""The views of finance have the members of the command line's answers, in their order."""

from __future__ import annotations

import psycopg
import pytest

from tests.interfaces.commands import Commands

ANSWERS = {
    "partner_balances": ("balances",),
    "commission_history": ("history", "--all"),
    "tier_status": ("tiers",),
    "leaderboard": ("leaderboard", "--quarter", "2026Q2"),
    "statements": ("statement", "p-alpha", "--month", "2026-04"),
    "trial_balance": ("trial-balance",),
}


@pytest.mark.parametrize(("view", "query"), ANSWERS.items(), ids=ANSWERS)
def test_a_view_has_the_columns_of_its_command(
    billing: Commands, view: str, query: tuple[str, ...]
) -> None:
    """A script of finance finds in SQL what it found in JSON."""
    (row, *_) = billing.done(*query, "--format", "json").rows
    with psycopg.connect(billing.url) as connection:
        connection.execute("SET ROLE finance_reader")
        described = connection.execute(f"TABLE finance.{view}").description
    assert described is not None
    assert [column.name for column in described] == list(row)
