"""Another programme over the real history, and what it would have changed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import date
from typing import Literal, get_args

import click

from interfaces.cli.command import Command
from interfaces.cli.options import DAY, format_option
from interfaces.cli.output import Answer, Column, Format, Row, to_json, write_answer, write_table
from interfaces.cli.programme import read_programme
from interfaces.cli.session import Session, progress
from replay.what_if import Comparison, Heading, compare

By = Literal["line", "partner", "rule", "month", "tier"]

_FIELDS: dict[By, tuple[str, ...]] = {
    "line": ("partner_id", "kind", "rule", "month", "currency", "in_balance"),
    "partner": ("partner_id", "currency"),
    "rule": ("kind", "rule", "currency", "in_balance"),
    "month": ("month", "currency"),
    "tier": ("partner_id", "day", "end"),
}
_OF_TIERS = ("present", "what_if")
_AMOUNTS = ("present", "what_if", "difference")
_COLUMNS = {
    "partner_id": Column("partner_id", "partner"),
    "kind": Column("kind"),
    "rule": Column("rule"),
    "month": Column("month"),
    "present": Column("present", kind="money"),
    "what_if": Column("what_if", "what if", kind="money"),
    "difference": Column("difference", kind="money"),
}
_TIER_COLUMNS = [
    Column("partner_id", "partner"),
    Column("day", "from"),
    Column("end", "to the eve of"),
    Column("present"),
    Column("what_if", "what if"),
]


@click.command("what-if", cls=Command)
@click.option(
    "--programme",
    "file",
    metavar="FILE|izyinbox",
    required=True,
    help="The other programme; it takes the place of the one of its name, else of the first.",
)
@click.option("--from", "from_day", type=DAY, help="In force from this day on; by default ever.")
@click.option(
    "--by",
    type=click.Choice(get_args(By)),
    default="line",
    show_default=True,
    help="What is summed: a line each for partner, rule and month, or one of them alone; or tiers.",
)
@click.option("--all", "everything", is_flag=True, help="What would be the same, too.")
@format_option
@click.pass_obj
def what_if(
    session: Session,
    *,
    file: str,
    from_day: date | None,
    by: By,
    everything: bool,
    format_: Format,
) -> None:
    """Run another programme over the real history and show the difference; nothing is written.

    The month is that of the day that a line is for. Sums by partner and by month are of what is
    in balances; by line and by rule waivers and margins are told, too. By tier it shows on which
    days partners would have another one.
    """
    programme = read_programme(file)
    with session.replay() as replay, progress("deciding again") as step:
        found = compare(replay.connection, programme, from_day, names=replay.names, progress=step)
    if by == "tier":
        rows: list[Row] = [each._asdict() for each in found.tiers]
    else:
        rows = [row for row in rows_of(found, by) if everything or row["difference"]]
    session.line.add(rows=len(rows), position=found.at.position)
    members = (*_FIELDS[by], *(_OF_TIERS if by == "tier" else _AMOUNTS))
    if format_ == "json":
        sys.stdout.write(f"{to_json(as_members(found, rows))}\n")
        return
    columns = [_COLUMNS[name] for name in members if name in _COLUMNS]
    if by == "tier":
        columns = _TIER_COLUMNS
    answer = Answer(
        rows, columns, members, as_of=found.at.answer(), empty="it would change nothing"
    )
    if format_ == "table":
        write_totals(session, found)
    write_answer(answer, format_, session.locale)


def rows_of(found: Comparison, by: By) -> Iterator[Row]:
    """The sums by what is asked for, in order; minor units."""
    sums: dict[tuple[object, ...], list[int]] = {}
    only_balances = "in_balance" not in _FIELDS[by]
    key = _key_of(_FIELDS[by])
    for heading in found.headings():
        if heading.in_balance or not only_balances:
            both = sums.setdefault(key(heading), [0, 0])
            both[0] += found.present[heading]
            both[1] += found.what_if[heading]
    for values, (present, other) in sorted(sums.items()):
        amounts = zip(_AMOUNTS, (present, other, other - present), strict=True)
        yield {**dict(zip(_FIELDS[by], values, strict=True)), **dict(amounts)}


def as_members(found: Comparison, rows: list[Row]) -> Row:
    """The comparison as one object: what was compared, the totals, the rows."""
    return {
        "as_of": found.at.answer(),
        "what_if": {
            "programme": found.programme,
            "from": found.from_day,
            "totals": list(totals_of(found)),
            "tiers": len({each.partner_id for each in found.tiers}),
        },
        "rows": rows,
    }


def totals_of(found: Comparison) -> Iterator[Row]:
    """What is in balances now and what would be, by currency: present + difference = what if."""
    for currency, (present, other) in sorted(found.totals().items()):
        yield {
            "currency": currency,
            "present": present,
            "what_if": other,
            "difference": other - present,
        }


def write_totals(session: Session, found: Comparison) -> None:
    """Write the totals for people."""
    since = f" from {found.from_day} on" if found.from_day else ""
    sys.stdout.write(f"Earned and adjusted, now and if {found.programme} had these terms{since}\n")
    columns = [Column("currency"), *(_COLUMNS[name] for name in _AMOUNTS)]
    write_table(list(totals_of(found)), columns, session.locale, empty="no line at all")
    partners = len({each.partner_id for each in found.tiers})
    if partners:
        sys.stdout.write(f"Partners with another tier at some time: {partners} (--by tier)\n")
    sys.stdout.write("\n")


def _key_of(names: tuple[str, ...]) -> Callable[[Heading], tuple[object, ...]]:
    return lambda heading: tuple(getattr(heading, name) for name in names)
