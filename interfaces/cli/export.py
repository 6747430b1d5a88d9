"""Files for the books of others: journals, tied out against the trial balance."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from interfaces.cli.command import Command, Group
from interfaces.cli.options import CURRENCY, Place, Whole, as_of_options, format_option
from interfaces.cli.output import Format, write_result
from interfaces.cli.session import Session
from interfaces.files import replace_file
from interfaces.money import format_count, format_money
from replay.as_of import AsOf
from replay.exports.entries import Entry, entries
from replay.exports.fec import BOOKS, fec
from replay.exports.plain_text import to_beancount, to_hledger

OUT = click.Path(dir_okay=False, path_type=Path)
Write = Callable[[Sequence[Entry], AsOf], str]


@click.group(cls=Group)
def export() -> None:
    """Files for the books of others, each tied out against the trial balance."""


@export.command(cls=Command)
@click.option("--out", type=OUT, metavar="FILE", help="The file to write, not standard output.")
@as_of_options
@click.pass_obj
def hledger(session: Session, out: Path | None, place: Place) -> None:
    """Every posting as a journal of hledger, one transaction for each event."""
    _journal(session, out, place, to_hledger)


@export.command(cls=Command)
@click.option("--out", type=OUT, metavar="FILE", help="The file to write, not standard output.")
@as_of_options
@click.pass_obj
def beancount(session: Session, out: Path | None, place: Place) -> None:
    """Every posting as a journal of beancount, one transaction for each event."""
    _journal(session, out, place, to_beancount)


class ExchangeRate(click.ParamType[tuple[str, Decimal]]):
    """The euros for one unit of a currency, ``CHF=1.0432``."""

    name = "rate"

    def convert(
        self,
        value: str | tuple[str, Decimal],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, Decimal]:
        """Read ``CUR=RATE``."""
        if isinstance(value, tuple):
            return value
        currency, _, text = value.partition("=")
        try:
            rate = Decimal(text)
        except InvalidOperation:
            rate = Decimal(0)
        if not (rate.is_finite() and rate > 0):
            self.fail(f"{value!r} is no rate; write it as CHF=1.0432", param, ctx)
        return CURRENCY.convert(currency, param, ctx), rate


@export.command("fec", cls=Command)
@click.option("--year", type=Whole(1, 9999), required=True, help="The calendar year.")
@click.option(
    "--rate",
    "rates",
    type=ExchangeRate(),
    multiple=True,
    metavar="CUR=EUROS",
    help="Euros for one unit of another currency; again for each.",
)
@click.option(
    "--out",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    metavar="DIR",
    help="Where the file goes, under the name that the law gives it.  [default: here]",
)
@as_of_options
@format_option
@click.pass_obj
def fec_command(
    session: Session,
    *,
    year: int,
    rates: tuple[tuple[str, Decimal], ...],
    out: Path,
    place: Place,
    format_: Format,
) -> None:
    """The French file of entries (FEC) of a year, tied out."""
    with session.replay() as replay:
        at = replay.resolve(**place)
        file = fec(replay, at, year, dict(rates))
    content = file.text.encode()
    replace_file(out / file.name, content)
    session.line.add(rows=file.lines, position=at.position)
    members = {
        "file": str(out / file.name),
        "position": at.position,
        "entries": file.entries,
        "lines": file.lines,
        "debit": file.debit,
        "credit": file.credit,
        "currency": BOOKS,
        "sha256": hashlib.sha256(content).hexdigest(),
        "open_months": list(file.provisional),
    }
    count = format_count(file.entries, session.locale)
    money = format_money(file.debit, BOOKS, session.locale)
    still = f"; provisional, open are {' '.join(file.provisional)}" if file.provisional else ""
    sentence = f"{count} entries of {money} on each side are in {out / file.name}{still}"
    write_result(members, format_, sentence)


def _journal(session: Session, out: Path | None, place: Place, write: Write) -> None:
    with session.replay() as replay:
        at = replay.resolve(**place)
        journal = entries(replay, at)
    session.line.add(rows=len(journal), position=at.position)
    text = write(journal, at)
    if out is None:
        sys.stdout.write(text)
    else:
        replace_file(out, text.encode())
        sys.stdout.write(f"{len(journal)} entries up to position {at.position} are in {out}\n")
