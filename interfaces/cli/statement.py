"""The statement of a partner's month."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from interfaces.cli.command import Command
from interfaces.cli.options import IDENTIFIER, MONTH, Place, as_of_options, format_option
from interfaces.cli.output import Column, Format, Row, to_json, write_table
from interfaces.cli.queries import require_partner
from interfaces.cli.session import Session
from interfaces.money import Locale
from projections.views import STATEMENTS
from replay.as_of import AsOf
from replay.statements import Account, Statement, Statements, to_csv

COLUMNS = (
    Column("posting_date", "posted"),
    Column("position", kind="place"),
    Column("kind"),
    Column("rule"),
    Column("client_id", "client"),
    Column("service_date", "service"),
    Column("base", kind="money"),
    Column("rate", kind="rate"),
    Column("effect", "amount", kind="money"),
    Column("balance", kind="money"),
)


@click.command(cls=Command)
@click.argument("partner", type=IDENTIFIER)
@click.option("--month", type=MONTH, required=True, help="The month, YYYY-MM.")
@as_of_options
@format_option
@click.pass_obj
def statement(session: Session, partner: str, month: str, place: Place, format_: Format) -> None:
    """The money events of PARTNER posted in a month, with the balance before and after.

    Of a closed month it is the same, byte for byte, whenever it is asked for.
    """
    with session.replay() as replay:
        require_partner(replay, partner)
        at = replay.resolve(**place)
        found = Statements(replay.connection).of(partner, month, at)
        if found.position is not None:
            # What was recorded after the close has no part in the answer.
            at = replay.resolve(position=found.position)
    session.line.add(position=at.position)
    if format_ == "json":
        sys.stdout.write(f"{to_json(as_members(found, at))}\n")
    elif format_ == "csv":
        sys.stdout.write(to_csv(found))
    else:
        write_statement(found, session.locale)


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
    balance = account.opening
    shared = {"partner_id": found.partner_id, "month": found.month, "currency": account.currency}
    for line in account.lines:
        effect = line["effect"]
        balance += effect if isinstance(effect, int) else 0
        row = {**line, **shared, "balance": balance}
        yield {name: row.get(name) for name in STATEMENTS.names}


def write_statement(found: Statement, locale: Locale) -> None:
    """Write the statement for people, one table for each currency."""
    out = sys.stdout
    out.write(f"Statement of {found.partner_id}, {found.month}\n{found.standing()}\n")
    write_accounts(found, locale)


def write_accounts(found: Statement, locale: Locale) -> None:
    """Write the table of each currency, from its opening to its closing balance."""
    out = sys.stdout
    if not found.accounts:
        out.write("no money event up to the end of the month\n")
    for account in found.accounts:
        ends = {"currency": account.currency}
        rows = [
            {**ends, "kind": "opening balance", "balance": account.opening},
            *rows_of(found, account),
            {**ends, "kind": "closing balance", "balance": account.closing},
        ]
        out.write("\n")
        write_table(rows, COLUMNS, locale)
