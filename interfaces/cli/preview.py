"""What a run would decide now, without deciding it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Literal

import click

from events.base import Decision
from events.lines import Line
from events.partner_decisions import BadgeAwarded, TierChanged
from events.values import format_instant
from interfaces.cli.command import Command
from interfaces.cli.options import RUN_DAY, format_option
from interfaces.cli.output import Answer, Column, Format, Row, write_answer
from interfaces.cli.runs import require_near, run_day
from interfaces.cli.session import Session

_TOTALS = (
    Column("partner_id", "partner"),
    Column("what"),
    Column("rule"),
    Column("detail"),
    Column("day"),
    Column("count", kind="count"),
    Column("amount", kind="money"),
)
_LINES = (
    Column("partner_id", "partner"),
    Column("what"),
    Column("rule"),
    Column("detail"),
    Column("client_id", "client"),
    Column("day"),
    Column("base", kind="money"),
    Column("rate", kind="rate"),
    Column("amount", kind="money"),
)


@click.command(cls=Command)
@click.option(
    "--through", type=RUN_DAY, required=True, help="The last day of the run: a day, or today."
)
@click.option("--lines", "one_by_one", is_flag=True, help="Each line by itself, not their sums.")
@format_option
@click.pass_obj
def preview(
    session: Session,
    through: date | Literal["today", "yesterday"],
    one_by_one: bool,  # noqa: FBT001 - click passes flags by name
    format_: Format,
) -> None:
    """Show what an accrual run through a day would decide now; nothing is written.

    Changes of tier and badges, and for each partner its lines by kind and rule, with their sums.
    What is recorded until a run is made may change it.
    """
    with session.ledger() as ledger:
        day = run_day(ledger, through)
        require_near(session, ledger, day)
        with ledger.preview(day) as found:
            rows = _rows(found.decisions) if one_by_one else _sums(found.decisions)
            columns = _LINES if one_by_one else _TOTALS
            members = [column.name for column in columns]
            members.insert(-1 if one_by_one else len(members), "currency")
            answer = Answer(
                rows,
                columns,
                members,
                title=f"A run through {day} would decide",
                as_of={
                    "position": found.position,
                    "known_at": format_instant(found.known_at),
                    "effective_at": None,
                    "final": False,
                },
                empty=f"a run through {day} would decide nothing",
            )
            session.line.add(
                through=day.isoformat(), rows=write_answer(answer, format_, session.locale)
            )


def _rows(decisions: Iterable[Decision]) -> Iterator[Row]:
    """One row for each change of tier, badge and line, in the run's order; minor units."""
    for decision in decisions:
        if isinstance(decision, TierChanged):
            yield _row(decision, "tier", f"{decision.from_tier} to {decision.to_tier}")
        elif isinstance(decision, BadgeAwarded):
            yield _row(decision, "badge", decision.badge)
        elif isinstance(decision, Line):
            yield _row(decision, decision.kind, _about(decision))


def _row(decision: TierChanged | BadgeAwarded | Line, what: str, detail: str | None) -> Row:
    members = decision.__dict__
    names = ("partner_id", "rule", "client_id", "day", "base", "rate", "amount", "currency")
    rate = members.get("rate")
    row = {name: members.get(name) for name in names}
    return {**row, "what": what, "detail": detail, "rate": None if rate is None else str(rate)}


def _about(line: Line) -> str | None:
    members = line.__dict__
    return members.get("contest") or members.get("sponsored_id")


def _sums(decisions: Iterable[Decision]) -> list[Row]:
    """The lines of each partner by kind, rule and currency; tiers and badges one by one."""
    found: list[dict[str, object]] = []
    totals: dict[tuple[object, ...], dict[str, object]] = {}
    for row in _rows(decisions):
        if row["amount"] is None:
            found.append({**row, "count": 1})
            continue
        key = tuple(row[name] for name in ("partner_id", "what", "rule", "detail", "currency"))
        total = totals.get(key)
        if total is None:
            total = totals[key] = {**row, "day": None, "count": 0, "amount": 0}
            found.append(total)
        total["count"] = _integer(total["count"]) + 1
        total["amount"] = _integer(total["amount"]) + _integer(row["amount"])
    return list(found)


def _integer(value: object) -> int:
    assert isinstance(value, int)
    return value
