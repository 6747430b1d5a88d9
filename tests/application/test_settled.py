"""D8.1, D9: how much of what is posted for a client a run compares, by what was told of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import psycopg
import pytest

from ledger.engine.contests import Claims
from ledger.engine.state import Run
from ledger.policy.versions import Programmes
from projections.accrual import LiveModels
from tests.model.journal import Entry
from tests.rules.commands import retract
from tests.rules.dsl import Given
from tests.rules.facts import accrue, activated, changed, churned, ended, enrolled, referred
from tests.rules.ledger_adapter import RealLedger, open_ledger

DONE = (
    enrolled("2024-01-01"),
    enrolled("2024-01-01", "p2"),
    referred("2024-01-02", id="claim"),
    activated("2024-01-10", id="active"),
    accrue("2024-02-20"),
)
L = "2024-02-20"


@pytest.fixture
def ledger() -> Iterator[RealLedger]:
    """A new real ledger."""
    with open_ledger() as opened:
        yield opened


def _settled_through(ledger: RealLedger, *, compares_all: bool = False) -> date | None:
    """Of the one client, as the next run would take it."""
    models = LiveModels()
    with psycopg.connect(ledger.url) as connection, connection.cursor() as cursor:
        [(head, last)] = cursor.execute(
            "SELECT max(position), max(position) FILTER (WHERE topic LIKE 'accrual.run/%')"
            " FROM ledger.events"
        ).fetchall()
        models.plan_accrual(
            cursor,
            Run(head + 1, date(2024, 3, 31), date.fromisoformat(L), last),
            every_partner=False,
            claims=Claims(Programmes()),
            accruals={"schedule"},
            compares_all=compares_all,
        )
        [found] = [each for each in models.candidates(cursor, 0, 100) if each.client_id]
        assert found.touched
    return found.settled_through


@pytest.mark.parametrize(
    ("told", "settled"),
    [
        pytest.param((changed("2024-02-05", 15_000),), "2024-02-04", id="a price"),
        pytest.param((changed("2024-02-28", 15_000),), L, id="a price after L"),
        pytest.param((changed("2024-01-10", 15_000),), "2024-01-09", id="a price from the start"),
        pytest.param(
            (changed("2024-02-15", 15_000), changed("2024-02-05", 15_000)),
            "2024-02-04",
            id="the first of two",
        ),
        pytest.param(
            (changed("2024-02-01", 15_000, interval="year"),), "2024-01-31", id="an interval"
        ),
        pytest.param((churned("2024-02-10"),), "2024-02-09", id="a churn"),
        pytest.param((churned("2024-01-20"), activated("2024-01-25")), "2024-01-19", id="a return"),
        pytest.param((activated("2024-02-01", sub="s2"),), "2024-01-31", id="a subscription more"),
        pytest.param(
            (churned("2024-01-05"), activated("2024-01-04")), None, id="a first activation"
        ),
        pytest.param((retract("claim"),), None, id="a claim that was never made"),
        pytest.param(
            (changed("2024-02-15", 15_000), ended("2024-02-01")), None, id="an agreement's end"
        ),
    ],
)
def test_what_is_compared(ledger: RealLedger, told: tuple[Entry, ...], settled: str | None) -> None:
    """From the first day on which terms differ, if nothing else changed; else all of it."""
    Given(ledger)(*DONE, *told)
    expected = None if settled is None else date.fromisoformat(settled)
    assert _settled_through(ledger) == expected


def test_all_is_compared_where_a_rule_may_look_back(ledger: RealLedger) -> None:
    """With a contest in place of commissions, a tail or invoices, whatever changed."""
    Given(ledger)(*DONE, changed("2024-02-05", 15_000))
    assert _settled_through(ledger, compares_all=True) is None
