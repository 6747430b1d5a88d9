"""Payouts: initiate what is due, hold a partner's, list what became of them."""

from __future__ import annotations

from datetime import date

import click

from events.payout_decisions import PayoutInitiated
from interfaces.cli.command import Command, Group
from interfaces.cli.options import (
    CODE,
    DAY,
    IDENTIFIER,
    Place,
    ahead_option,
    as_of_options,
    format_option,
)
from interfaces.cli.output import Column, Format, Row, to_json, write_csv, write_result, write_table
from interfaces.cli.proposed import write_proposed
from interfaces.cli.queries import Shape, answer
from interfaces.cli.runs import require_past
from interfaces.cli.session import Session
from ledger.engine.approvals import Proposed
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
    """Payouts: initiate what is due, hold a partner's, list what became of them."""


@payouts.command(cls=Command)
@click.option("--cutoff", type=DAY, required=True, help="Pay what was posted up to this day.")
@click.option("--partner", type=IDENTIFIER, help="Pay this partner alone, on any day.")
@ahead_option
@format_option
@click.pass_obj
def run(
    session: Session,
    cutoff: date,
    partner: str | None,
    ahead: bool,  # noqa: FBT001 - click passes flags by name
    format_: Format,
) -> None:
    """Initiate the payouts that are due on a cut-off; twice for one cut-off pays once.

    Who is held is not paid.
    """
    with session.ledger() as ledger:
        require_past(session, ledger, cutoff, ahead=ahead)
        initiated = ledger.run_payouts(cutoff, partner, ahead=ahead)
        held = partner is not None and partner in ledger.ledger.held
    if isinstance(initiated, Proposed):
        write_proposed(session, format_, initiated)
        return
    session.line.add(payouts=len(initiated))
    rows = [_row(payout) for payout in initiated]
    if format_ == "json":
        click.echo(to_json({"cutoff": cutoff, "payouts": len(rows), "rows": rows}))
    elif format_ == "csv":
        write_csv(rows, MEMBERS)
    else:
        why = f"; {partner} is held" if held else ""
        write_table(rows, COLUMNS, session.locale, empty=f"nothing is due on {cutoff}{why}")


def _row(payout: PayoutInitiated) -> Row:
    return {
        "payout_id": payout.payout_id,
        "partner_id": payout.partner_id,
        "currency": payout.currency,
        "cutoff": payout.day,
        "amount": payout.amount,
    }


@payouts.command(cls=Command)
@click.argument("partner", type=IDENTIFIER)
@click.option("--reason", type=CODE, required=True, help="A code, never free text.")
@format_option
@click.pass_obj
def hold(session: Session, partner: str, reason: str, format_: Format) -> None:
    """Suspend the payouts of PARTNER, until they are released."""
    with session.ledger() as ledger:
        position = ledger.hold(partner, reason)
    _write_switched(session, format_, "held", position, {"partner_id": partner, "reason": reason})


@payouts.command(cls=Command)
@click.argument("partner", type=IDENTIFIER)
@click.option("--reason", type=CODE, required=True, help="A code, never free text.")
@format_option
@click.pass_obj
def release(session: Session, partner: str, reason: str, format_: Format) -> None:
    """Resume the payouts of PARTNER; what was held goes with the next cut-off."""
    with session.ledger() as ledger:
        position = ledger.release(partner, reason)
    said = {"partner_id": partner, "reason": reason}
    _write_switched(session, format_, "released", position, said)


def _write_switched(
    session: Session, format_: Format, done: str, position: int, said: dict[str, str]
) -> None:
    session.line.add(position=position)
    sentence = f"{done} the payouts of {said['partner_id']}, at position {position}"
    write_result({"position": position, **said}, format_, sentence)


@payouts.command("list", cls=Command)
@as_of_options
@format_option
@click.pass_obj
def list_(session: Session, place: Place, format_: Format) -> None:
    """Every payout with what became of it."""
    answer(session, place, format_, SHAPE, lambda replay, at: replay.payouts(at))
