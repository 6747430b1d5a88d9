"""D6.5: a change of tier says what each requirement or commitment measured, beside what it asks."""

from __future__ import annotations

from datetime import date

from events.codec import decode_state
from events.partner_decisions import TierChanged
from tests.rules.facts import activated, certified, enrolled, nps
from tests.rules.ledger_adapter import RealLedger, open_ledger
from tests.rules.programmes import small


def _changes(ledger: RealLedger) -> list[TierChanged]:
    rows = ledger._select(
        "SELECT topic, state FROM ledger.events WHERE topic LIKE 'TierChanged/%' ORDER BY position"
    )
    events = [decode_state(str(row["topic"]), bytes(row["state"])) for row in rows]  # type: ignore[call-overload]
    return [event for event in events if isinstance(event, TierChanged)]


def test_a_tier_change_lists_what_was_measured() -> None:
    """Certified with 2 clients and an NPS of 41, lost a year later with none of 2."""
    facts = [enrolled("2024-01-01"), certified("2024-01-02"), nps("2024-01-03", 41)]
    facts += [activated(day, f"c-{day}", partner="p1") for day in ("2024-02-10", "2024-02-11")]
    with open_ledger() as ledger:
        ledger.adopt(small(), None)
        ledger.record(facts)
        ledger.accrue(date(2025, 2, 12))
        changes = _changes(ledger)
    measured = [
        (change.cause, {m.name: (m.required, m.measured, m.met) for m in change.measures})
        for change in changes[1:]
    ]
    assert measured == [
        (
            "promotion",
            {
                "counted_clients_12_months": (2, 2, True),
                "certification": (1, 1, True),
                "nps_above": (40, 41, True),
            },
        ),
        ("review", {"counted_clients_per_year": (2, 0, False)}),
    ]
