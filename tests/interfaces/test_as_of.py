"""Both axes at the command line: every query of docs/as-of.md takes them, alone and together.

::

    position   0        1            48          ...      head
               |        adopted      told                 accrued through June
    day        0001-01-01            2026-05-31           2026-12-31
"""

from __future__ import annotations

import re
from pathlib import Path

from interfaces.cli.main import COMMANDS
from tests.interfaces.commands import Commands

DOCUMENT = Path(__file__).parents[2] / "docs" / "as-of.md"

QUERIES: dict[str, tuple[str, ...]] = {
    "balances": ("balances",),
    "history": ("history", "p-alpha"),
    "history --all": ("history", "--all"),
    "tiers": ("tiers",),
    "tiers --history": ("tiers", "--history"),
    "tiers --explain": ("tiers", "--explain", "p-alpha"),
    "leaderboard": ("leaderboard",),
    "--quarter": ("leaderboard", "--quarter", "2026Q2"),
    "--running": ("leaderboard", "--running"),
    "leaderboard --year": ("leaderboard", "--year", "2026"),
    "--all-time": ("leaderboard", "--all-time"),
    "badges": ("badges",),
    "statement": ("statement", "p-alpha", "--month", "2026-05"),
    "trial-balance": ("trial-balance",),
    "receivables": ("receivables",),
    "clients": ("clients",),
    "claims": ("claims",),
    "conflicts": ("conflicts",),
    "territories": ("territories",),
    "unresolved": ("unresolved",),
    "payouts list": ("payouts", "list"),
    "kpi": ("kpi", "--programme"),
    "programme show": ("programme", "show"),
    "rules": ("rules",),
}
NEEDS_MORE = {"kpi", "tiers --explain", "--running", "rules"}
"""What needs a programme, a partner or a day to answer, and says so where there is none."""


def test_every_query_takes_both_axes(billing: Commands) -> None:
    """Its answer says where it stands; a place at which it has nothing to say is told in a line."""
    head = billing.position()
    assert head is not None
    places = (
        (0, None),
        (1, "2026-05-31"),
        (48, None),
        (48, "0001-01-01"),
        (head, "2026-05-31"),
        (head, "2026-12-31"),
    )
    for name, query in QUERIES.items():
        for position, day in places:
            place = ("--position", str(position), *(("--effective-at", day) if day else ()))
            outcome = billing(*query, *place, "--format", "json")
            if outcome.status == 0:
                as_of = outcome.json["as_of"]
                assert (as_of["position"], as_of["effective_at"]) == (position, day), name
                assert (as_of["final"], as_of["checkpoint"]) == (True, None)
            else:
                assert outcome.status == 1
                assert name in NEEDS_MORE, (name, place, outcome.err)
                assert len(outcome.err.splitlines()) == 1
                assert outcome.err.startswith("commissions: ")


def test_the_document_has_every_query() -> None:
    """Each is in the table of what the effective axis means for it, and nothing else is."""
    text = DOCUMENT.read_text(encoding="utf-8")
    table = text.partition("## What each axis means for each query")[2].partition("\n## ")[0]
    first = "\n".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    named = set(re.findall(r"`([a-z-]+(?: [a-z-]+)*)`", first))
    assert named == set(QUERIES)
    assert {query[0] for query in QUERIES.values()} <= set(COMMANDS)


def test_clients(billing: Commands) -> None:
    """Who holds and counts each, as of a day too; those of a partner alone."""
    rows = billing.done("clients", "--format", "json").rows
    assert [
        (row["client_id"], row["partner_id"], row["counted_by"], row["open_subscriptions"])
        for row in rows
    ] == [
        ("c-1", "p-alpha", "p-alpha", 1),
        ("c-2", "p-beta", "p-beta", 0),
        ("c-3", "p-beta", "p-beta", 1),
        ("c-4", None, None, 1),
    ]
    may = billing.done("clients", "--effective-at", "2026-05-15", "--format", "json").rows
    assert [(row["client_id"], row["open_subscriptions"]) for row in may] == [
        ("c-1", 1), ("c-2", 1), ("c-3", 1), ("c-4", 1),
    ]  # fmt: skip
    held = billing.done("clients", "--partner", "p-beta", "--format", "json").rows
    assert [row["client_id"] for row in held] == ["c-2", "c-3"]
    assert "commissions tiers" in billing.refused("clients", "--partner", "p-nobody")
    assert "c-3" in billing.done("clients").out
