"""The whole log decided again, and every decision that is not as it was recorded."""

from __future__ import annotations

import sys

import click

from interfaces.cli.command import Command
from interfaces.cli.options import Whole, archive_option, format_option
from interfaces.cli.output import Column, Format, Row, to_json, write_csv, write_table
from interfaces.cli.session import Session, progress
from interfaces.money import format_count
from ledger.cores import cores
from replay.recompute import Explained, Recomputed
from replay.recompute import recompute as recompute_ledger

_MEMBERS = ("position", "cause", "stream", "type", "partner_id", "engine", "explained", "what")
_COLUMNS = (
    Column("position", kind="place"),
    Column("cause", "decided on", kind="place"),
    Column("partner_id", "partner"),
    Column("what", kind="prose"),
)


@click.command(cls=Command)
@click.option(
    "--processes",
    type=Whole(1, 256),
    help="Processes that decide parts of the log at the same time; by default one a core.",
)
@archive_option
@format_option
@click.pass_obj
def recompute(session: Session, *, processes: int | None, format_: Format) -> int:
    """Decide the whole log again, compare with what was recorded; exit status 1 if it differs.

    What another engine decided, by the number that its command names, is told apart and is no
    fault: exit status 0 if there is nothing else.
    """
    found = _decided_again(session, processes)
    session.line.add(position=found.position, differences=len(found.differences))
    if format_ == "json":
        sys.stdout.write(f"{to_json(_answer(found))}\n")
    elif format_ == "csv":
        write_csv([_row(one) for one in found.differences], _MEMBERS)
    else:
        _write(session, found)
    return 1 if found.unexplained else 0


def _decided_again(session: Session, processes: int | None) -> Recomputed:
    if session.archive is not None:
        with session.archived(session.archive) as archived, progress("deciding again") as step:
            return archived.recomputed(step, processes=processes)
    with session.replay() as replay, progress("deciding again") as step:
        return recompute_ledger(
            replay.connection,
            replay.names,
            step,
            processes=processes or cores(),
        )


def _write(session: Session, found: Recomputed) -> None:
    count, locale = format_count(found.position, session.locale), session.locale
    if not found.differences:
        sys.stdout.write(f"decided {count} events again: every decision is as it was recorded\n")
        return
    number = format_count(len(found.differences), locale)
    explained = format_count(len(found.differences) - found.unexplained, locale)
    sys.stdout.write(
        f"decided {count} events again: {number} decisions differ, the first at position"
        f" {found.differences[0].difference.place[0]}; {explained} of them by another engine\n\n"
    )
    write_table([_row(one) for one in found.differences], _COLUMNS, locale)


def _answer(found: Recomputed) -> Row:
    rows = [_whole(one) for one in found.differences]
    return {
        "position": found.position,
        "differences": len(rows),
        "unexplained": found.unexplained,
        "first": rows[0] if rows else None,
        "rows": rows,
    }


def _row(one: Explained) -> Row:
    difference = one.difference
    return {
        "position": difference.position,
        "cause": difference.cause,
        "stream": difference.stream,
        "type": difference.type,
        "partner_id": difference.partner_id,
        "engine": one.engines.before,
        "explained": one.is_explained,
        "what": one.what,
    }


def _whole(one: Explained) -> Row:
    """With all that was recorded and would be decided."""
    difference = one.difference
    return {
        **_row(one),
        "engine_after": one.engines.after,
        "programme_version": one.programme_version,
        "recorded": difference.was or None,
        "decided": difference.would_be or None,
    }
