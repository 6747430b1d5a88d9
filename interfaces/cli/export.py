"""Files for the books of others: journals, tied out against the trial balance."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from pathlib import Path

import click

from interfaces.cli.command import Command, Group
from interfaces.cli.options import CURRENCY, DAY, MONTH, Place, Whole, as_of_options, format_option
from interfaces.cli.output import Answer, Column, Format, write_answer, write_csv, write_result
from interfaces.cli.session import Session
from interfaces.files import replace_file, replacing
from interfaces.money import format_count, format_money
from projections.definition import ReadModel
from replay.as_of import AsOf, Row
from replay.exports.cut_off import MEMBERS as CUT_OFF_MEMBERS
from replay.exports.cut_off import cut_off as cut_off_rows
from replay.exports.entries import Entry, entries
from replay.exports.fec import BOOKS, fec
from replay.exports.plain_text import to_beancount, to_hledger
from replay.exports.views import VIEWS, view_rows, write_parquet

OUT = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
CUT_OFF_COLUMNS = (
    Column("section"),
    Column("position", kind="place"),
    Column("partner_id", "partner"),
    Column("kind"),
    Column("client_id", "client"),
    Column("service_date", "service"),
    Column("service_end", "to"),
    Column("posting_date", "posted"),
    Column("amount", kind="money"),
    Column("within", kind="money"),
    Column("after", kind="money"),
)
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
    """The euros for one unit of a currency, ``CHF=1.0432``; of one month ``CHF@2026-01=1.05``."""

    name = "rate"

    def convert(
        self,
        value: str | tuple[str, Decimal],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, Decimal]:
        """Read ``CUR=RATE`` or ``CUR@YYYY-MM=RATE``; the key is what stands before the sign."""
        if isinstance(value, tuple):
            return value
        key, _, text = value.partition("=")
        currency, dated, month = key.partition("@")
        rate = (
            Decimal(text) if re.fullmatch(r"\d{1,12}(\.\d{1,12})?", text, re.ASCII) else Decimal()
        )
        if not rate:
            told = "write it as CHF=1.0432, or CHF@2026-01=1.0432 for a month"
            self.fail(f"{value!r} is no rate; {told}", param, ctx)
        if CURRENCY.convert(currency, param, ctx) == BOOKS:
            self.fail(f"{value!r}: the books are in {BOOKS}; leave its rate out", param, ctx)
        return f"{currency}@{MONTH.convert(month, param, ctx)}" if dated else currency, rate


def _once(
    ctx: click.Context, param: click.Parameter, given: Sequence[tuple[str, Decimal]]
) -> dict[str, Decimal]:
    """The rates by their keys, each given once: which of two is meant nobody knows."""
    rates = dict(given)
    if len(rates) < len(given):
        keys = [key for key, _ in given]
        twice = next(key for key in rates if keys.count(key) > 1)
        raise click.BadParameter(f"{twice} has two rates; give one", ctx, param)
    return rates


rates_option = click.option(
    "--rate",
    "rates",
    type=ExchangeRate(),
    callback=_once,
    multiple=True,
    metavar="CUR[@YYYY-MM]=EUROS",
    help="Euros for one unit of another currency, of one month or of all; again for each.",
)
"""``--rate CUR=EUROS…``, as the parameter ``rates``."""


@export.command("fec", cls=Command)
@click.option(
    "--year", type=Whole(2, 9999), required=True, help="In which the financial year ends."
)
@rates_option
@click.option(
    "--out",
    type=FOLDER,
    default=".",
    metavar="DIR",
    help="Where the file goes, under the name that the law gives it; it is made.  [default: here]",
)
@as_of_options
@format_option
@click.pass_obj
def fec_command(
    session: Session,
    *,
    year: int,
    rates: Mapping[str, Decimal],
    out: Path,
    place: Place,
    format_: Format,
) -> None:
    """The French file of entries (FEC) of a year, tied out."""
    with session.replay() as replay:
        at = replay.resolve(**place)
        file = fec(replay, at, year, rates)
    content = file.text.encode()
    out.mkdir(parents=True, exist_ok=True)
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


@export.command(cls=Command)
@click.option("--year-end", type=DAY, required=True, metavar="DAY", help="The year's last day.")
@as_of_options
@format_option
@click.pass_obj
def cut_off(session: Session, year_end: date, place: Place, format_: Format) -> None:
    """What a year's end must look at: posted late, paid ahead, won in kind."""
    with session.replay() as replay:
        at = replay.resolve(**place)
        rows = cut_off_rows(replay, at, year_end)
    empty = "nothing reaches over the year's end"
    found = Answer(rows, CUT_OFF_COLUMNS, CUT_OFF_MEMBERS, as_of=at.answer(), empty=empty)
    count = write_answer(found, format_, session.locale)
    session.line.add(rows=count, position=at.position)


@export.command("csv", cls=Command)
@click.argument("folder", type=FOLDER, metavar="DIR")
@as_of_options
@click.pass_obj
def csv_command(session: Session, folder: Path, place: Place) -> None:
    """Every view of finance as CSV into DIR, which is made."""

    def write(model: ReadModel, rows: Iterable[Row], path: Path) -> int:
        with path.open("w", encoding="utf-8", newline="") as file:
            return write_csv(rows, model.names, file)

    _views(session, folder, place, "csv", write)


@export.command(cls=Command)
@click.argument("folder", type=FOLDER, metavar="DIR")
@as_of_options
@click.pass_obj
def parquet(session: Session, folder: Path, place: Place) -> None:
    """Every view of finance as Parquet into DIR, which is made."""
    _views(session, folder, place, "parquet", write_parquet)


def _views(
    session: Session,
    folder: Path,
    place: Place,
    suffix: str,
    write: Callable[[ReadModel, Iterable[Row], Path], int],
) -> None:
    with session.replay() as replay, replay.connection.transaction():
        replay.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        at = replay.resolve(**place)
        folder.mkdir(parents=True, exist_ok=True)
        counts = {}
        # All files are of one place, or none is changed.
        with ExitStack() as files:
            for name, model in VIEWS.items():
                beside = files.enter_context(replacing(folder / f"{name}.{suffix}"))
                counts[name] = write(model, view_rows(replay, at, name), beside)
    session.line.add(rows=sum(counts.values()), position=at.position)
    told = ", ".join(f"{name} {count}" for name, count in counts.items())
    sys.stdout.write(f"in {folder}, up to position {at.position}: {told}\n")


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
