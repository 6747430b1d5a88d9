"""The evidence package of some closed months."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from interfaces.cli.command import Command
from interfaces.cli.export import rates_option
from interfaces.cli.options import MONTH, format_option
from interfaces.cli.output import Format, write_result
from interfaces.cli.reading import may_be_recorded, record_reading
from interfaces.cli.session import Session
from interfaces.cli.statement_form import to_text
from interfaces.files import replace_file
from interfaces.money import format_count, format_counted
from ledger.commanding.readings import Reading
from ledger.errors import NotReady, Refused
from replay.as_of import AsOf, Replay
from replay.entities import ledger_at
from replay.evidence import Asked, Evidence, File, pack, table
from replay.exports.cut_off import MEMBERS as CUT_OFF_MEMBERS
from replay.exports.cut_off import cut_off
from replay.exports.entries import entries
from replay.exports.fec import fec, financial_years
from replay.exports.plain_text import to_hledger
from replay.statements import Statement, to_csv

README = """\
This package holds what a commission ledger recorded of some closed months.

  statements/MONTH/PARTNER.json   what the close sealed, byte for byte; .txt and .csv for people
  closes.json                     each close and its seal, with proofs
  programmes/                     every version of every programme adopted, with proofs
  commands.csv                    every command of finance, its operator and the two persons
  dead-letters.csv                messages that could not be taken, and what became of them
  trial-balance.csv, balances.csv as of the last close
  journal.hledger                 every posting up to the last close, for hledger
  cut-off-YEAR.csv                what reaches over the year's end
  fec/                            the French file of entries, or why it was left out
  checkpoint.txt                  the log's signed root that all proofs lead to
  manifest.json, SHA256SUMS       every file with its size, rows and hash

Check the files with: sha256sum -c SHA256SUMS
Check what they say with: commissions-verify evidence PACKAGE --keys KEYS --checkpoint CHECKPOINT
KEYS is the file of the log's public keys, CHECKPOINT the one that you were given before.
"""


class _Period(click.ParamType[Asked]):
    """``YYYY-MM..YYYY-MM``, or one month."""

    name = "period"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Asked:
        """Read the first and the last month."""
        first, _, last = str(value).partition("..")
        period = Asked(MONTH.convert(first, param, ctx), MONTH.convert(last or first, param, ctx))
        if period.last < period.first:
            self.fail(f"{value!r} ends before it begins; write the earlier month first", param, ctx)
        return period


@click.command(cls=Command)
@click.option(
    "--period",
    type=_Period(),
    required=True,
    metavar="YYYY-MM..YYYY-MM",
    help="The closed months, the first and the last.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The zip file to write.",
)
@rates_option
@format_option
@click.pass_obj
def evidence(
    session: Session,
    period: Asked,
    out: Path,
    rates: Mapping[str, Decimal],
    format_: Format,
) -> None:
    """What an auditor needs of some closed months, in one zip file: the same bytes each time.

    Dead letters are shown with what became of them so far.
    """
    with session.replay() as replay:
        found = Evidence(replay, {"txt": _text, "csv": _csv})

        def more(at: AsOf) -> Iterator[File]:
            yield File("README.txt", README.encode())
            yield from _books(replay, at, period, rates)

        content = pack(found.files(period, more), period, _queries(period))
        recorded, position = may_be_recorded(session, replay), replay.resolve().position
    if recorded:
        digest = sha256(content).hexdigest()
        read = Reading("evidence", period.first, period.last, "zip", digest, position)
        record_reading(session, read)
    replace_file(out, content)
    session.line.add(bytes=len(content))
    size = format_count(len(content), session.locale)
    months = len(period.months())
    closed = format_counted(months, "closed month", session.locale)
    write_result(
        {"file": str(out), "months": months, "bytes": len(content)},
        format_,
        f"{out}: {closed}, {size} bytes; check it with: commissions-verify evidence {out}"
        " --keys KEYS --checkpoint CHECKPOINT",
    )


def _text(statement: Statement) -> bytes:
    return to_text(statement).encode()


def _csv(statement: Statement) -> bytes:
    return to_csv(statement).encode()


def _books(replay: Replay, at: AsOf, period: Asked, rates: Mapping[str, Decimal]) -> Iterator[File]:
    """The journal, and of each year its cut-off and its FEC, or why there is none."""
    yield File("journal.hledger", to_hledger(entries(replay, at), at).encode())
    for year, end in financial_years(ledger_at(replay, at), period.first, period.last):
        yield table(f"cut-off-{year}.csv", CUT_OFF_MEMBERS, cut_off(replay, at, end))
        try:
            file = fec(replay, at, year, rates)
        except (Refused, NotReady) as error:
            yield File(f"fec/{year}-left-out.txt", f"{error}\n".encode())
        else:
            yield File(f"fec/{file.name}", file.text.encode(), file.lines)


def _queries(period: Asked) -> list[str]:
    """The commands that show the same from the ledger."""
    return [
        *(f"commissions statement PARTNER --month {month}" for month in period.months()),
        "commissions trial-balance --position CLOSE",
        "commissions export hledger --position CLOSE",
        "commissions export fec --year YEAR --position CLOSE",
        "commissions export cut-off --year-end DAY --position CLOSE",
        "commissions balances --position CLOSE",
        "commissions dead-letters list --all",
        "commissions recompute",
        "commissions verify",
    ]
