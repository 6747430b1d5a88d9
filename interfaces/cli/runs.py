"""Runs that decide: accruals and closes."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import Literal

import click

from interfaces.cli.command import Command
from interfaces.cli.options import MONTH, RUN_DAY, ahead_option, format_option
from interfaces.cli.output import Format, write_result
from interfaces.cli.session import Session, progress, today_in
from interfaces.money import format_counted
from ledger.application import CommissionLedger
from ledger.errors import Refused


@click.command(cls=Command)
@click.option(
    "--through",
    type=RUN_DAY,
    required=True,
    help="The last day to accrue: a day, or today or yesterday in the ledger's time zone.",
)
@ahead_option
@format_option
@click.pass_obj
def accrue(
    session: Session,
    through: date | Literal["today", "yesterday"],
    ahead: bool,  # noqa: FBT001 - click passes flags by name
    format_: Format,
) -> None:
    """Decide tiers and post every line that is due, up to a day.

    A run that was interrupted is finished first.
    """
    with session.ledger() as ledger:
        day = run_day(ledger, through)
        require_past(session, ledger, day, ahead=ahead)
        with progress(f"accruing through {day}") as step:
            run = ledger.accrue(day, ahead=ahead, progress=step)
    session.line.add(run=run.run, partners=run.partners, lines=run.lines)
    members = {
        "run": run.run,
        "through": run.through,
        "partners": run.partners,
        "lines": run.lines,
    }
    lines = format_counted(run.lines, "line", session.locale)
    partners = format_counted(run.partners, "partner", session.locale)
    write_result(
        members,
        format_,
        f"accrued through {run.through}: {lines} for {partners}, run {run.run}",
    )


@click.command(cls=Command)
@click.argument("month", type=MONTH, metavar="YYYY-MM")
@click.option(
    "--acknowledge",
    is_flag=True,
    help="Close though dead letters or facts of the month are open; the close lists them.",
)
@ahead_option
@format_option
@click.pass_obj
def close(
    session: Session,
    *,
    month: str,
    acknowledge: bool,
    ahead: bool,
    format_: Format,
) -> None:
    """Close a month for good and seal its statements.

    Refused while a dead letter or an unresolved fact of it is open.
    """
    year, number = int(month[:4]), int(month[5:])
    last = date(year, number, monthrange(year, number)[1])
    with session.ledger() as ledger:
        require_past(session, ledger, last, ahead=ahead)
        with progress(f"closing {month}") as step:
            closed = ledger.close(month, ahead=ahead, acknowledge=acknowledge, progress=step)
    session.line.add(position=closed.position, statements=closed.statements)
    members = {
        "month": month,
        "position": closed.position,
        "statements": closed.statements,
        "sha256": closed.sha256,
    }
    count = format_counted(closed.statements, "statement", session.locale)
    write_result(
        members,
        format_,
        f"closed {month} at position {closed.position}: {count}, SHA-256 {closed.sha256}",
    )


def require_past(session: Session, ledger: CommissionLedger, day: date, *, ahead: bool) -> None:
    """Refuse a day after today in the ledger's time zone, unless it is meant.

    A day as far off as no fact may be is not meant: the ledger's clock would never go back.
    """
    today = today_in(ledger.ledger.time_zone)
    if day > today and not ahead:
        raise Refused(
            f"{day} is after today, {today}; give an earlier day, or --ahead if it is meant"
        )
    require_near(session, ledger, day)


def run_day(ledger: CommissionLedger, day: date | Literal["today", "yesterday"]) -> date:
    """The day meant, by the clock in the ledger's time zone where a word says it."""
    if isinstance(day, date):
        return day
    today = today_in(ledger.ledger.time_zone)
    return today if day == "today" else today - timedelta(days=1)


def require_near(session: Session, ledger: CommissionLedger, day: date) -> None:
    """Refuse a day so far off that its year is mistyped."""
    today = today_in(ledger.ledger.time_zone)
    most = session.settings.max_days_ahead
    if (day - today).days > most:
        raise Refused(
            f"{day} is more than {most} days after today, and the ledger's clock never goes back;"
            " check the year, or set COMMISSIONS_MAX_DAYS_AHEAD if it is meant"
        )
