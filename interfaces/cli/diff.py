"""What changed between two instants, with sums that tie to both balances."""

from __future__ import annotations

import sys
from datetime import date, datetime
from typing import Any

import click

from interfaces.cli.command import Command
from interfaces.cli.options import (
    ANY_DAY,
    IDENTIFIER,
    INSTANT,
    Whole,
    archive_option,
    format_option,
)
from interfaces.cli.output import Column, Format, to_json, write_csv, write_table
from interfaces.cli.queries import CLIENT, PARTNER, POSITION, require_partner
from interfaces.cli.session import Session
from replay.as_of import AsOf, Replay
from replay.diff import MEMBERS, Difference, Ties, changes

CHANGE_COLUMNS = (
    POSITION,
    Column("change"),
    PARTNER,
    Column("kind"),
    Column("rule"),
    CLIENT,
    Column("service_date", "service"),
    Column("posting_date", "posted"),
    Column("amount", kind="money"),
    Column("payable", "on payable", kind="money"),
    Column("line", "to line", kind="place"),
    Column("reason"),
)
SUM_COLUMNS = (
    PARTNER,
    Column("payable_before", "payable before", kind="money"),
    Column("earned_change", "earned", kind="money"),
    Column("adjusted_change", "adjusted", kind="money"),
    Column("paid_change", "paid", kind="money"),
    Column("in_flight_change", "in flight", kind="money"),
    Column("payable_after", "payable after", kind="money"),
)


class _Moment(click.ParamType[int | datetime]):
    """A position, or an instant with an offset."""

    name = "position or instant"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | datetime:
        """Digits alone are a position."""
        if str(value).isdecimal():
            return Whole(0).convert(value, param, ctx)
        return INSTANT.convert(value, param, ctx)


@click.command(cls=Command)
@click.option(
    "--from",
    "before",
    type=_Moment(),
    required=True,
    metavar="POSITION|INSTANT",
    help="The earlier place: a position, or an instant (RFC 3339 with an offset).",
)
@click.option(
    "--to",
    "after",
    type=_Moment(),
    metavar="POSITION|INSTANT",
    help="The later place; by default everything recorded.",
)
@click.option(
    "--effective-at", type=ANY_DAY, metavar="DAY", help="Only what had happened by this day."
)
@click.option("--partner", type=IDENTIFIER, help="Only this partner.")
@archive_option
@format_option
@click.pass_obj
def diff(
    session: Session,
    *,
    before: int | datetime,
    after: int | datetime | None,
    effective_at: date | None,
    partner: str | None,
    format_: Format,
) -> None:
    """What was recorded between two places: new lines, late differences, corrections, payouts.

    The changes are added up and held against the balances at both; exit status 1 if they differ.
    """
    with session.replay() as replay:
        if partner is not None:
            require_partner(replay, partner)
        asked = Difference(
            _place(replay, before, effective_at), _place(replay, after, effective_at), partner
        )
        session.line.add(
            position=asked.after.position, rows=_write(session, replay, asked, format_)
        )


def _place(replay: Replay, moment: int | datetime | None, effective_at: date | None) -> AsOf:
    if isinstance(moment, datetime):
        return replay.resolve(known_at=moment, effective_at=effective_at)
    return replay.resolve(position=moment, effective_at=effective_at)


def _write(session: Session, replay: Replay, asked: Difference, format_: Format) -> int:
    ties = Ties(replay, asked)
    found = ties.following(changes(replay, asked))
    if format_ == "csv":
        return write_csv(found, MEMBERS)
    sums = list(ties.rows())
    if format_ == "table":
        rows = list(found)
        between = f"between positions {asked.before.position} and {asked.after.position}"
        empty = f"nothing changed {between}"
        write_table(rows, CHANGE_COLUMNS, session.locale, empty=empty)
        if sums:
            sys.stdout.write(f"\n{len(rows)} changes {between}, which tie to both balances:\n\n")
            write_table(sums, SUM_COLUMNS, session.locale)
        return len(rows)
    head = {"as_of": asked.after.answer(), "from": asked.before.answer(), "sums": sums}
    sys.stdout.write(f'{to_json(head)[:-1]},"rows":[')
    count = 0
    for row in found:
        sys.stdout.write(",\n" if count else "\n")
        sys.stdout.write(to_json(row))
        count += 1
    sys.stdout.write("\n]}\n" if count else "]}\n")
    return count
