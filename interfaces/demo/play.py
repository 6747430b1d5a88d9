"""Plays the demo year into a new ledger: deliveries, runs, closes, payouts, the bank's answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time, timedelta
from io import BytesIO
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from events.finance import ProgrammeAdopted
from interfaces.demo.settlements import Initiated, settle
from interfaces.demo.year import SANDBOX, Act, Assignment, Month, Retraction, year
from ledger.application import CommissionLedger
from ledger.engine.approvals import Proposed
from ledger.errors import Refused
from ledger.ingest.dead_letters import DeadLetters
from ledger.ingest.files import Source, batches, recorded
from ledger.policy.files import REFERENCE, load
from projections import DEFAULT_NAMES

OPERATOR = "commissions demo"
"""Who runs the demo's commands: no user of a system or database is called so."""

_SCHEMAS = (DEFAULT_NAMES.finance, DEFAULT_NAMES.projections, DEFAULT_NAMES.ledger)


@dataclass(frozen=True, slots=True)
class Played:
    """What the year took and decided."""

    accepted: int
    duplicates: int
    rejected: int
    lines: int
    payouts: int
    months: int


def play(
    ledger: CommissionLedger, letters: DeadLetters, progress: Callable[[int, int], None]
) -> Played:
    """Play the year; ``ledger`` is new, and its operator :data:`OPERATOR`.

    ``letters`` are its dead letters: finance settles what it can before it closes a month.
    """
    counts: Counter[str] = Counter()
    ledger.adopt(load(REFERENCE))
    answers: list[bytes] = []
    months = list(year())
    for done, month in enumerate(months):
        progress(done, len(months))
        _deliver(ledger, f"bank/{month.month}", answers, month, counts)
        _deliver(ledger, f"demo/{month.month}", month.lines, month, counts)
        _discard_tests(letters)
        answers = _finish_month(ledger, month, counts)
    progress(len(months), len(months))
    return Played(
        accepted=counts["accepted"],
        duplicates=counts["duplicates"],
        rejected=counts["rejected"],
        lines=counts["lines"],
        payouts=counts["payouts"],
        months=len(months),
    )


def _deliver(
    ledger: CommissionLedger,
    name: str,
    lines: Iterable[bytes],
    month: Month,
    counts: Counter[str],
) -> None:
    """Bring a delivery in through the door that real data comes through."""
    received_at = datetime.combine(month.through, time(), UTC) + timedelta(days=1)
    source = Source(name, BytesIO(b"".join(lines)))
    for _, result in recorded(ledger, batches([source], now=lambda: received_at)):
        for what in ("accepted", "duplicates", "rejected"):
            counts[what] += getattr(result, what)


def _discard_tests(letters: DeadLetters) -> None:
    """Close the letters that a system for tests sent by mistake: there is nothing to wait for."""
    for open_ in list(letters.all()):
        if SANDBOX.encode() in (letters.get(open_.id).payload or b""):
            letters.discard(open_.id, operator=OPERATOR, reason="test_system")


def _finish_month(ledger: CommissionLedger, month: Month, counts: Counter[str]) -> list[bytes]:
    """Accrue, correct, close and pay; gives what the bank will answer."""
    # Whatever day it is today: the demo's year is always the same.
    counts["lines"] += ledger.accrue(month.through, ahead=True).lines
    for act in month.acts:
        _carry_out(ledger, act)
    # Periods that finance must settle, and in June the bad line that is left: the closes list them.
    ledger.close(month.month, ahead=True, acknowledge=True)
    initiated = ledger.run_payouts(month.through, ahead=True)
    assert not isinstance(initiated, Proposed), "its programme has no controls"
    counts["payouts"] += len(initiated)
    return list(
        settle(Initiated(p.payout_id, p.partner_id, p.amount, p.currency, p.day) for p in initiated)
    )


def _carry_out(ledger: CommissionLedger, act: Act) -> None:
    members = asdict(act)
    if isinstance(act, Assignment):
        ledger.assign(**members)
    elif isinstance(act, Retraction):
        ledger.retract(**members)
    else:
        post = ledger.credit if members.pop("kind") == "credit" else ledger.adjust
        post(**members)


def is_demo(connection: Connection[Any]) -> bool | None:
    """Whether the ledger began as a demo: its first event says so; None for an empty ledger."""
    query = sql.SQL(
        "SELECT topic, convert_from(state, 'UTF8')::jsonb ->> 'operator' FROM {} WHERE position = 1"
    ).format(DEFAULT_NAMES.events)
    with connection.cursor(row_factory=tuple_row) as cursor:
        first = cursor.execute(query).fetchone()
    if first is None:
        return None
    return bool(first == (ProgrammeAdopted.topic(), OPERATOR))


def require_new(connection: Connection[Any], *, again: bool) -> None:
    """Refuse a ledger that is not new; with ``again`` remove an earlier demo, and only that."""
    demo = is_demo(connection)
    if demo is None:
        return
    if not demo:
        raise Refused(
            "this ledger is in use and stays as it is; give the demo a database of its own with"
            " --database or COMMISSIONS_HOME"
        )
    if not again:
        raise Refused(
            "the demo is in this ledger already; ask it with: commissions balances, or make it"
            " anew with: commissions demo --again"
        )
    with connection.transaction():
        # Nobody appends meanwhile; a ledger that began as a demo is one for good.
        connection.execute("SET LOCAL lock_timeout = '10s'")
        connection.execute("SET LOCAL client_min_messages = warning")
        connection.execute(sql.SQL("SELECT FROM {} FOR UPDATE").format(DEFAULT_NAMES.head))
        for schema in _SCHEMAS:
            connection.execute(
                sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema))
            )
