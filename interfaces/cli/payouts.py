"""Payouts: initiate what is due, list what became of it."""

from __future__ import annotations

from datetime import date

import click

from events.payout_decisions import PayoutInitiated
from interfaces.cli.command import Command, Group
from interfaces.cli.options import DAY, Place, ahead_option, as_of_options, format_option
from interfaces.cli.output import Column, Format, Row, to_json, write_csv, write_table
from interfaces.cli.queries import Shape, answer
from interfaces.cli.runs import require_past
from interfaces.cli.session import Session
from projections.views import PAYOUTS

COLUMNS = (
    Column("payout_id", "payout"),
    Column("partner_id", "partner"),
    Column("cutoff", "cut-off"),
    Column("amount", kind="money"),
)
SHAPE = Shape(
    PAYOUTS,
    (*COLUMNS, Column("status"), Column("settled_amount", "settled", kind="money"), Column("flag")),
    "no payout yet",
)
MEMBERS = ("payout_id", "partner_id", "currency", "cutoff", "amount")


@click.group(cls=Group)
def payouts() -> None:
    """Payouts: initiate what is due, list what became of it."""


@payouts.command(cls=Command)
@click.option("--cutoff", type=DAY, required=True, help="Pay what was posted up to this day.")
@ahead_option
@format_option
@click.pass_obj
def run(
    session: Session,
    cutoff: date,
    ahead: bool,  # noqa: FBT001 - click passes flags by name
    format_: Format,
) -> None:
    """Initiate the payouts that are due on a cut-off; twice for one cut-off pays once."""
    with session.ledger() as ledger:
        require_past(session, ledger, cutoff, ahead=ahead)
        initiated = ledger.run_payouts(cutoff, ahead=ahead)
    session.line.add(payouts=len(initiated))
    rows = [_row(payout) for payout in initiated]
    if format_ == "json":
        click.echo(to_json({"cutoff": cutoff, "payouts": len(rows), "rows": rows}))
    elif format_ == "csv":
        write_csv(rows, MEMBERS)
    else:
        write_table(rows, COLUMNS, session.locale, empty=f"nothing is due on {cutoff}")


def _row(payout: PayoutInitiated) -> Row:
    return {
        "payout_id": payout.payout_id,
        "partner_id": payout.partner_id,
        "currency": payout.currency,
        "cutoff": payout.day,
        "amount": payout.amount,
    }


@payouts.command("list", cls=Command)
@as_of_options
@format_option
@click.pass_obj
def list_(session: Session, place: Place, format_: Format) -> None:
    """Every payout with what became of it."""
    answer(session, place, format_, SHAPE, lambda replay, at: replay.payouts(at))
