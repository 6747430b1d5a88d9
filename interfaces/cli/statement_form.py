"""How people read a statement: the columns of each part, and the text made of them.

The text is plain, in English whatever the settings say, and written as UTF-8: that of a closed
month is the same bytes everywhere. Only ``--locale`` writes its money otherwise.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

from interfaces.cli.output import Column, Row, write_table
from interfaces.money import Locale, format_money
from replay.statement_parts import Part, Title, parts_of
from replay.statements import Account, Statement

LOCALE: Locale = "en"
"""How money is written where nothing else is asked for."""

_PLACE = (Column("posting_date", "posted"), Column("position", kind="place"), Column("kind"))
_PERIOD = (
    Column("rule"),
    Column("client_id", "client"),
    Column("service_date", "from"),
    Column("service_end", "to"),
    Column("base", kind="money"),
    Column("rate", kind="rate"),
    Column("facts", kind="place"),
)
_AMOUNT = Column("amount", kind="money")

COLUMNS: Mapping[Title, tuple[Column, ...]] = {
    "Lines": (*_PLACE, *_PERIOD, _AMOUNT),
    "Adjustments": (
        *_PLACE,
        Column("rule"),
        Column("reason"),
        Column("client_id", "client"),
        Column("service_date", "of"),
        Column("line", kind="place"),
        Column("command", kind="place"),
        Column("facts", kind="place"),
        _AMOUNT,
    ),
    "Payouts and payments": (
        *_PLACE,
        Column("payout_id", "payout"),
        Column("fact", kind="place"),
        Column("tax", "VAT", kind="money"),
        _AMOUNT,
        Column("effect", kind="money"),
    ),
    "Beside the balance": (*_PLACE, *_PERIOD, _AMOUNT),
    "Forgone clawbacks": (*_PLACE, *_PERIOD, _AMOUNT),
}
"""What a statement shows of the lines of each part; JSON and CSV have every member."""

NOTES: Mapping[Title, str] = {
    "Beside the balance": "changes nothing that is payable",
    "Forgone clawbacks": "paid already, and kept: no commission is taken back",
}


def heading(part: Part) -> str:
    """The title of a part, with what it has to do with the balance."""
    note = NOTES.get(part.title)
    return part.title if note is None else f"{part.title} ({note})"


def rows_of_part(part: Part, currency: str) -> list[Row]:
    """The lines of a part, each with the currency of its account."""
    return [{**line, "currency": currency} for line in part.lines]


def to_text(found: Statement, locale: Locale = LOCALE) -> str:
    """The statement for people."""
    head = f"Statement of {found.partner_id}, {found.month}\n{found.standing()}\n"
    return head + accounts_text(found, locale)


def accounts_text(found: Statement, locale: Locale = LOCALE) -> str:
    """Each currency, from its opening to its closing balance."""
    if not found.accounts:
        return "no money event up to the end of the month\n"
    return "".join(_account_text(account, locale) for account in found.accounts)


def summary(account: Account) -> list[tuple[str, int]]:
    """Opening, the parts of the balance, closing: each with its amount in minor units."""
    parts = [(part.title, part.total) for part in parts_of(account) if part.in_balance]
    return [("Opening balance", account.opening), *parts, ("Closing balance", account.closing)]


def _account_text(account: Account, locale: Locale) -> str:
    out = io.StringIO()
    amounts = [
        (title, format_money(amount, account.currency, locale))
        for title, amount in summary(account)
    ]
    width = max(len(title) for title, _ in amounts)
    right = max(len(amount) for _, amount in amounts)
    out.write(f"\n{account.currency}\n")
    out.writelines(f"  {title:{width}}  {amount:>{right}}\n" for title, amount in amounts)
    for part in parts_of(account):
        out.write(f"\n{heading(part)}\n")
        rows = rows_of_part(part, account.currency)
        write_table(rows, COLUMNS[part.title], locale, out=out)
        if not part.in_balance:
            out.write(f"in all {format_money(part.total, account.currency, locale)}\n")
    return out.getvalue()
