"""D8.1, D8.2: what is paid or given back while a run works waits for the next run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import pytest
from psycopg import Cursor

from ledger import entities
from projections.accrual import LiveModels
from tests.model.journal import Message
from tests.rules.dsl import Given, commission, waiver
from tests.rules.facts import accrue, changed
from tests.rules.ledger_adapter import RealLedger, open_ledger
from tests.rules.test_paid_invoices import ON_INVOICES, START, paid, refunded


@pytest.fixture
def ledger() -> Iterator[RealLedger]:
    """A new real ledger."""
    with open_ledger() as opened:
        yield opened


def told_meanwhile(*messages: Message) -> AbstractContextManager[object]:
    """Record messages right after a run has begun, before it finds what it takes."""
    plan = LiveModels.plan_accrual
    waiting = list(messages)

    def recording(self: LiveModels, cursor: Cursor[Any], *run: Any, **more: Any) -> int:
        other, batch = RealLedger(), waiting.copy()
        waiting.clear()
        if batch:
            other.record(batch)
        return plan(self, cursor, *run, **more)

    return mock.patch.object(LiveModels, "plan_accrual", recording)


@pytest.mark.parametrize("limit", [3, entities.LIMIT])
def test_a_refund_told_meanwhile_is_of_the_next_run(ledger: RealLedger, limit: int) -> None:
    """The line is on what was paid as the run began; the next run waives."""
    scenario = Given(ledger)(*START, programme=ON_INVOICES)
    facts = (paid("2024-02-03", 9_000, "2024-02-01"), paid("2024-02-03", 50, "2024-02-01", "i2"))
    with (
        mock.patch.object(entities, "LIMIT", limit),
        told_meanwhile(refunded("2024-02-05", 4_000), changed("2024-02-09", 1)),
    ):
        scenario.when(*facts, accrue("2024-02-29")).then(
            commission("2024-02-01", 1_800, base=9_000), commission("2024-02-01", 10)
        )
    scenario.when(accrue("2024-02-29")).then(waiver("2024-02-01", 800))


def test_a_second_refund_told_meanwhile_hides_not_the_first(ledger: RealLedger) -> None:
    """The first lowers the base; the read model knows only the second by then."""
    scenario = Given(ledger)(*START, programme=ON_INVOICES)
    facts = (paid("2024-02-03", 9_000, "2024-02-01"), refunded("2024-02-04", 1_000))
    with told_meanwhile(refunded("2024-02-05", 4_000)):
        scenario.when(*facts, accrue("2024-02-29")).then(
            commission("2024-02-01", 1_600, base=8_000)
        )
    scenario.when(accrue("2024-02-29")).then(waiver("2024-02-01", 800))


def test_a_payment_told_meanwhile_is_of_the_next_run(ledger: RealLedger) -> None:
    """Though the client is taken, and the day of the payment lies in the days of the run."""
    scenario = Given(ledger)(*START, programme=ON_INVOICES)
    with told_meanwhile(paid("2024-02-04", 500, "2024-02-02", "i2")):
        scenario.when(paid("2024-02-03", 9_000, "2024-02-01"), accrue("2024-02-29")).then(
            commission("2024-02-01", 1_800)
        )
    scenario.when(accrue("2024-02-29")).then(commission("2024-02-02", 100))
