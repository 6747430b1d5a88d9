"""D8.1, D10.2: what un-counts a client while a run works is of the next run."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from tests.application.test_paid_meanwhile import told_meanwhile
from tests.model.journal import Message
from tests.rules.dsl import Given, commission, contest_line
from tests.rules.facts import accrue, activated, changed, churned, enrolled
from tests.rules.ledger_adapter import open_ledger
from tests.rules.programmes import programme

SPRINT: dict[str, JsonValue] = {
    "code": "sprint", "start": "2024-01-01", "end": "2024-01-31", "amount": 700,
}  # fmt: skip


@pytest.mark.parametrize("fact", [churned("2024-01-10"), changed("2024-01-10", 0)])
def test_a_contest_pays_for_who_counted_as_the_run_began(fact: Message) -> None:
    """A churn or a price of 0 of the first day, told after the run began, is of the next."""
    with open_ledger() as ledger:
        story = Given(ledger)(
            enrolled("2024-01-01"),
            accrue("2024-01-05"),
            activated("2024-01-10", partner="p1"),
            programme=programme(contest=[SPRINT]),
        )
        with told_meanwhile(fact):
            story.when(accrue("2024-01-31")).then(
                commission("2024-01-10", 2_000), contest_line("2024-01-10", 700)
            )
