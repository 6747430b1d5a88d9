"""D9.4: an adjustment that names what was taken back of a period names a line of it."""

from __future__ import annotations

import psycopg

from replay.as_of import Replay
from replay.what_if import compare
from tests.rules.commands import retract
from tests.rules.dsl import Given, by_hand, take_back
from tests.rules.facts import (
    accrue,
    activated,
    branded,
    certified,
    changed,
    enrolled,
    referred,
)
from tests.rules.ledger_adapter import RealLedger, open_ledger
from tests.rules.ledger_views import integer_of
from tests.rules.programmes import plain, quick


def test_d9_4_what_was_taken_back_for_a_retraction() -> None:
    """Finance gives 20.00 back; claimed anew, the period earns no second 20.00.

    Nor does it where the history is decided again, though positions are others there.
    """
    with open_ledger() as ledger:
        story = Given(ledger)(
            enrolled("2024-01-01"),
            referred("2024-01-05", id="claim"),
            activated("2024-01-10"),
            accrue("2024-01-31"),
        )
        story.when(retract("claim"), accrue("2024-02-05")).then(take_back("2024-01-10", -2_000))
        story.when()
        adjust_take_back(ledger, 2_000)
        story.then(by_hand("adjustment", "2024-02-05", 2_000))
        story.when(referred("2024-01-05", id="again"), accrue("2024-02-05")).then_nothing()
        story.then_balance(earned=2_000)
        assert listed(ledger) == ["adjusted"]
        with psycopg.connect(ledger.url, autocommit=True) as connection:
            same = compare(connection, plain())
        assert same.what_if == same.present


def test_d9_4_what_was_taken_back_of_a_margin() -> None:
    """Its base is what it was again, and the period stays finance's."""
    with open_ledger() as ledger:
        story = Given(ledger)(
            enrolled("2023-12-01", portfolio=201),
            certified("2023-12-01"),
            accrue("2023-12-31"),
            branded("2024-01-01"),
            activated("2024-01-10", partner="p1"),
            accrue("2024-01-31"),
            programme=quick(),
        )
        story.when(changed("2024-01-10", 8_000), accrue("2024-01-31"))
        story.then(take_back("2024-01-10", -800, "D13"))
        adjust_take_back(ledger, 800)
        story.when(changed("2024-01-10T13:00:00Z", 10_000), accrue("2024-01-31")).then_nothing()
        assert listed(ledger) == ["adjusted"]


def adjust_take_back(ledger: RealLedger, amount: int) -> None:
    """Adjust by the position of the only take-back."""
    [position] = [row["position"] for row in history(ledger) if row["kind"] == "adjustment"]
    ledger.application.adjust(
        partner_id="p1",
        amount=amount,
        currency="EUR",
        reason="kept",
        line=integer_of(position),
        requested_by="ann",
        approved_by="bob",
    )


def history(ledger: RealLedger) -> list[dict[str, object]]:
    """Every line."""
    with psycopg.connect(ledger.url) as connection:
        replay = Replay(connection)
        return [dict(row) for row in replay.history(replay.resolve())]


def listed(ledger: RealLedger) -> list[object]:
    """Why periods are listed for finance."""
    with psycopg.connect(ledger.url) as connection:
        replay = Replay(connection)
        rows = list(replay.unresolved(replay.resolve()))
    return [row["reason"] for row in rows if row["type"] == "DifferenceUnresolved"]
