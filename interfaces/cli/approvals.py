"""Four eyes: what waits for another operator, approved or rejected."""

from __future__ import annotations

import click

from interfaces.cli.command import Command
from interfaces.cli.options import CODE, Place, Whole, as_of_options, format_option
from interfaces.cli.output import Column, Format, write_result
from interfaces.cli.queries import Shape, answer
from interfaces.cli.session import Session
from interfaces.money import format_count
from projections.views import APPROVALS

SHAPE = Shape(
    APPROVALS,
    (
        Column("position", kind="place"),
        Column("type"),
        Column("partner_id", "partner"),
        Column("operator"),
        Column("status"),
        Column("decided_by", "decided by"),
        Column("decided_at", "at", kind="place"),
        Column("reason"),
    ),
    "nothing is proposed",
)


@click.command(cls=Command)
@click.argument("position", type=Whole(1))
@format_option
@click.pass_obj
def approve(session: Session, position: int, format_: Format) -> None:
    """Let the command that another operator proposed at POSITION take effect now.

    What it would say shows: commissions explain POSITION.
    """
    with session.ledger() as ledger:
        done = ledger.approve(position)
    decided = len(done.decisions)
    session.line.add(position=done.command, decisions=decided)
    members = {
        "proposal": position,
        "position": done.approval,
        "command": done.command,
        "type": done.type,
        "decisions": decided,
    }
    count = format_count(decided, session.locale)
    write_result(
        members,
        format_,
        f"approved {position}: {done.type} took effect at position {done.command}, decisions:"
        f" {count}",
    )


@click.command(cls=Command)
@click.argument("position", type=Whole(1))
@click.option("--reason", type=CODE, required=True, help="A code, never free text.")
@format_option
@click.pass_obj
def reject(session: Session, position: int, reason: str, format_: Format) -> None:
    """End the proposal at POSITION without effect; who made it may take it back so, too."""
    with session.ledger() as ledger:
        rejected = ledger.reject(position, reason)
    session.line.add(position=rejected)
    members = {"proposal": position, "position": rejected, "reason": reason}
    write_result(members, format_, f"rejected {position}, at position {rejected}: no effect")


@click.command("approvals", cls=Command)
@click.option("--waiting", is_flag=True, help="Only what nobody has decided on.")
@as_of_options
@format_option
@click.pass_obj
def approvals(
    session: Session,
    waiting: bool,  # noqa: FBT001 - click passes flags by name
    place: Place,
    format_: Format,
) -> None:
    """Every command that was proposed, by whom, and who approved or rejected it."""
    answer(
        session,
        place,
        format_,
        SHAPE,
        lambda replay, at: replay.approvals(at, waiting=waiting),
    )
