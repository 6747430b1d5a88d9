"""What auditors run: rebuild every projection, verify the whole ledger."""

from __future__ import annotations

import sys

import click

from interfaces.cli.command import Command
from interfaces.cli.options import format_option
from interfaces.cli.output import Column, Format, Row, to_json, write_csv, write_result, write_table
from interfaces.cli.session import Session, progress
from interfaces.money import format_count
from projections import Projector
from projections.rebuild import rebuild as rebuild_projections
from replay.findings import Discrepancy
from replay.verify import verify as verify_ledger

MEMBERS = ("check", "position", "partner_id", "what")
COLUMNS = (
    Column("check"),
    Column("position", kind="place"),
    Column("partner_id", "partner"),
    Column("what", kind="prose"),
)


@click.command(cls=Command)
@format_option
@click.pass_obj
def rebuild(session: Session, format_: Format) -> None:
    """Make every projection anew from position 0; readers and writers go on meanwhile."""
    with session.replay() as replay, progress("rebuilding") as step:
        rebuilt = rebuild_projections(replay.connection, Projector(replay.names), step)
    repaired = sum(rebuilt.repaired.values())
    session.line.add(position=rebuilt.position, repaired=repaired)
    write_result(
        {"position": rebuilt.position, "repaired": repaired, **rebuilt.repaired},
        format_,
        f"rebuilt {len(rebuilt.repaired)} projections up to position"
        f" {format_count(rebuilt.position, session.locale)};"
        f" {format_count(repaired, session.locale)} rows were put right",
    )


@click.command(cls=Command)
@format_option
@click.pass_obj
def verify(session: Session, format_: Format) -> int:
    """Check hashes, invariants, projections and closed months; exit status 1 if one is wrong."""
    with session.replay(damaged=True) as replay, progress("verifying") as step:
        position = replay.last_position()
        found = [_row(one) for one in verify_ledger(replay.connection, progress=step)]
    return write_findings(session, format_, position, found, "verified {} events: nothing is wrong")


def write_findings(
    session: Session, format_: Format, position: int, found: list[Row], sentence: str
) -> int:
    """Write what is wrong, or the sentence if nothing is; the exit status."""
    session.line.add(position=position, discrepancies=len(found))
    if format_ == "json":
        members = {"position": position, "discrepancies": len(found), "rows": found}
        sys.stdout.write(f"{to_json(members)}\n")
    elif format_ == "csv":
        write_csv(found, MEMBERS)
    elif found:
        write_table(found, COLUMNS, session.locale)
    else:
        count = format_count(position, session.locale)
        sys.stdout.write(f"{sentence.format(count)}\n")
    return 1 if found else 0


def _row(one: Discrepancy) -> Row:
    return {name: getattr(one, name) for name in MEMBERS}
