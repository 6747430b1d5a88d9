"""Every question that a ledger answers as of a place, by name: what the queries of the CLI ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date

from ledger.errors import LedgerError
from replay.as_of import AsOf, Replay, Row
from replay.figures import Figures
from replay.outlook import outlook_rows
from replay.statements import Statements
from tests.properties.play import QUARTERS

PARTNERS = ("p1", "p2", "p3")
MONTHS = ("2024-01", "2024-03", "2024-12")
YEAR = 2024

Answer = tuple[Row, ...] | str
"""Rows, or the words of a refusal."""
Question = Callable[[Replay, AsOf], Iterable[Row]]


def _statements(replay: Replay, at: AsOf) -> Iterable[Row]:
    statements = Statements(replay.connection, replay.names)
    for month in MONTHS:
        for partner_id in PARTNERS:
            yield statements.of(partner_id, month, at).document()


def _leaderboards(replay: Replay, at: AsOf) -> Iterable[Row]:
    for quarter in QUARTERS:
        yield from replay.leaderboard(at, quarter)
        yield from replay.leaderboard(at, quarter, "resellers")


QUESTIONS: Mapping[str, Question] = {
    "balances": lambda replay, at: replay.balances(at),
    "balances of a partner": lambda replay, at: replay.balances(at, "p1"),
    "history --all": lambda replay, at: replay.history(at),
    "history": lambda replay, at: replay.history(at, "p1"),
    "tiers": lambda replay, at: replay.tiers(at),
    "tiers --history": lambda replay, at: replay.tier_history(at),
    "tiers --explain": lambda replay, at: outlook_rows(replay, at, "p1"),
    "leaderboard": lambda replay, at: replay.leaderboard(at),
    "leaderboard --quarter": _leaderboards,
    "leaderboard --running": lambda replay, at: replay.leaderboard(at, replay.running_quarter(at)),
    "leaderboard --year": lambda replay, at: replay.standings(at, YEAR),
    "leaderboard --all-time": lambda replay, at: replay.standings(at),
    "badges": lambda replay, at: replay.badges(at),
    "statement": _statements,
    "trial-balance": lambda replay, at: replay.trial_balance(at),
    "receivables": lambda replay, at: replay.receivables(at),
    "clients": lambda replay, at: replay.clients(at),
    "claims": lambda replay, at: replay.claims(at),
    "conflicts": lambda replay, at: replay.conflicts(at),
    "territories": lambda replay, at: replay.territories(at),
    "territories --on": lambda replay, at: replay.territories(at, date(2024, 2, 10)),
    "unresolved": lambda replay, at: replay.unresolved(at),
    "payouts list": lambda replay, at: replay.payouts(at),
    "kpi --all": lambda replay, at: Figures(replay, at).of_all(),
    "kpi --programme": lambda replay, at: Figures(replay, at).of_programme(),
}


def ask(name: str, replay: Replay, at: AsOf) -> Answer:
    """The answer to one question: a refusal is one, too."""
    try:
        return tuple(QUESTIONS[name](replay, at))
    except LedgerError as refused:
        return f"{type(refused).__name__}: {refused}"
