"""The statement of a partner's month, as text, JSON, CSV or PDF."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Literal

import click

from interfaces.cli.command import Command
from interfaces.cli.options import IDENTIFIER, MONTH, Place, as_of_options
from interfaces.cli.output import Row, to_json
from interfaces.cli.queries import require_partner
from interfaces.cli.reading import may_be_recorded, record_reading
from interfaces.cli.session import Session
from interfaces.cli.statement_form import LOCALE, to_text
from interfaces.files import replace_file
from interfaces.money import Locale
from ledger.commanding.readings import Reading
from ledger.errors import Refused
from projections.views import STATEMENTS
from replay.as_of import AsOf
from replay.statements import Account, Statement, Statements, running, to_csv

StatementFormat = Literal["table", "json", "csv", "pdf"]


@click.command(cls=Command)
@click.argument("partner", type=IDENTIFIER)
@click.option("--month", type=MONTH, required=True, help="The month, YYYY-MM.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json", "csv", "pdf"]),
    default="table",
    show_default=True,
    help="Text for people, one JSON object or CSV for programs (money in minor units), or a PDF.",
)
@click.option(
    "--out",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to this file.  [default: standard output]",
)
@as_of_options
@click.pass_obj
def statement(
    session: Session,
    *,
    partner: str,
    month: str,
    place: Place,
    format_: StatementFormat,
    file: Path | None,
) -> None:
    """The money events of PARTNER posted in a month, with the balance before and after.

    Of a closed month it is the same, byte for byte, whenever and wherever it is asked for; only
    --locale writes the money of a text or PDF otherwise.
    """
    if format_ == "pdf" and file is None and sys.stdout.isatty():
        raise Refused("a PDF is not for a terminal; give a file: --out statement.pdf")
    with session.replay() as replay:
        require_partner(replay, partner)
        at = replay.resolve(**place)
        recorded = may_be_recorded(session, replay)
        found = Statements(replay.connection).of(partner, month, at)
        if found.position is not None:
            # What was recorded after the close has no part in the answer, nor what was signed
            # since: a checkpoint of just that position may still be given out.
            at = replace(
                replay.resolve(position=found.position),
                checkpoint=replay.checkpoint_by(found.position - 1),
            )
    session.line.add(position=at.position)
    written = to_bytes(found, at, format_, session.given_locale or LOCALE)
    if recorded:
        digest = sha256(written).hexdigest()
        read = Reading("statement", month, month, format_, digest, at.position, partner)
        record_reading(session, read)
    if file is not None:
        replace_file(file, written)
    else:
        # As bytes: the locale of the terminal has no say in them.
        sys.stdout.flush()
        sys.stdout.buffer.write(written)


def to_bytes(found: Statement, at: AsOf, format_: StatementFormat, locale: Locale) -> bytes:
    """The statement in a format, UTF-8 where it is text."""
    if format_ == "json":
        return json_bytes(found, at)
    if format_ == "csv":
        return to_csv(found).encode()
    if format_ == "table":
        return to_text(found, locale).encode()
    from interfaces.cli.statement_pdf import to_pdf  # noqa: PLC0415 - its library is an extra

    return to_pdf(found, at, json_bytes(found, at), locale)


def json_bytes(found: Statement, at: AsOf) -> bytes:
    """The statement as one JSON object on a line; what its PDF carries the SHA-256 of."""
    return f"{to_json(as_members(found, at))}\n".encode()


def as_members(found: Statement, at: AsOf) -> Row:
    """The statement as one object: its lines as rows, and what stands above and below them."""
    document = found.document()
    accounts = [
        {"currency": one.currency, "opening": one.opening, "closing": one.closing}
        for one in found.accounts
    ]
    return {
        "as_of": at.answer(),
        "statement": {**document, "accounts": accounts},
        "rows": [row for account in found.accounts for row in rows_of(found, account)],
    }


def rows_of(found: Statement, account: Account) -> Iterator[Row]:
    """The lines of an account with the balance after each, in the columns of finance.statements."""
    shared = {"partner_id": found.partner_id, "month": found.month, "currency": account.currency}
    for line, balance in running(account):
        row = {**line, **shared, "balance": balance}
        yield {name: row.get(name) for name in STATEMENTS.names}
