"""Statements: a partner's month, its opening and closing balance and every money event (D16).

A closed month's statement is a function of the events up to its ``period.closed``: it names that
position and the Merkle root there, and nothing later shows in it. Its canonical bytes are JSON
with sorted members, no white space and no nulls.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

from psycopg import Connection, Cursor, sql
from psycopg.rows import tuple_row

from ledger.errors import Refused
from projections import DEFAULT_NAMES, Names
from projections.balances import BALANCES
from projections.definition import scope_of
from projections.views import GROUNDS, STATEMENT_LINES
from replay.as_of import AsOf, Row, rows_of
from replay.transparency.subtrees import root_at

LINE_MEMBERS = tuple(
    name for name in STATEMENT_LINES.names if name not in {"partner_id", "currency"}
)
"""Members of a line of a statement."""

SEALED = tuple(name for name in LINE_MEMBERS if name not in {each.name for each in GROUNDS})
"""Those that a seal is over, null ones left out: as every close has recorded them."""


@dataclass(frozen=True, slots=True)
class Account:
    """One currency of a statement, amounts in minor units; ``lines`` by posting date, position."""

    currency: str
    opening: int
    lines: tuple[Row, ...]
    closing: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A partner's month; ``position`` and ``root`` of its close are None while it is open.

    ``until``: it shows only what had happened by that day, so it is partial, closed or not.
    """

    partner_id: str
    month: str
    position: int | None
    root: str | None
    accounts: tuple[Account, ...]
    until: date | None = None

    @property
    def status(self) -> str:
        """``closed``, ``open`` or ``partial``."""
        if self.until is not None:
            return "partial"
        return "open" if self.position is None else "closed"

    def standing(self) -> str:
        """The status in a sentence for people."""
        if self.until is not None:
            return f"Only what had happened by {self.until}: this is partial."
        if self.position is None:
            return "The month is open: this is provisional."
        return f"Closed at position {self.position}, root {self.root}"

    def document(self) -> dict[str, object]:
        """Return the statement as JSON values, without nulls."""
        accounts = (
            (each.currency, each.opening, [_sealed(line) for line in each.lines], each.closing)
            for each in self.accounts
        )
        of: dict[str, object] = {"partner_id": self.partner_id, "month": self.month}
        of["status"] = self.status
        if self.position is not None:
            of |= {"position": self.position, "root": self.root}
        return document_of(of, accounts)

    def canonical(self) -> bytes:
        """Return the bytes that a close seals: the same whenever a closed month is produced."""
        text = json.dumps(
            self.document(), ensure_ascii=False, sort_keys=True, separators=(",", ":")
        )
        return text.encode()


def document_of(
    of: Mapping[str, object], accounts: Iterable[tuple[str, int, object, int]]
) -> dict[str, object]:
    """Return a statement as JSON values: what it is of, and its accounts.

    Of each account the currency, the opening balance, the lines and the closing balance.
    """
    return {
        **of,
        "accounts": [
            {"currency": currency, "opening": opening, "lines": lines, "closing": closing}
            for currency, opening, lines, closing in accounts
        ],
    }


class Statements:
    """Produces the statements of one ledger; only reads."""

    def __init__(self, connection: Connection[Any], names: Names = DEFAULT_NAMES) -> None:
        self.connection = connection
        self.names = names

    def of(self, partner_id: str, month: str, at: AsOf) -> Statement:
        """Return a partner's statement of a month, ``YYYY-MM``, as of a place on both axes.

        A month that was closed by then is shown as its close left it. Up to an effective day a
        statement is never the closed one: it lacks what happens later. Raises Refused for a month
        that is none.
        """
        first_day(month)
        closed = self.closed_at(month, at.position) if at.effective_at is None else None
        through = at.position if closed is None else closed
        found = list(self._produce(month, through, closed, at.effective_at, partner_id))
        if found:
            return found[0]
        return Statement(partner_id, month, closed, self._root(closed), (), at.effective_at)

    def closed_at(self, month: str, position: int) -> int | None:
        """Return the position of the command that closed a month, if up to ``position``.

        The first close may name a later month: it closes all before it; an opening closes all
        months before its own (D8.3).
        """
        query = sql.SQL(
            "SELECT MIN(position) FROM {} WHERE originator_id = 'ledger' AND position <= %s AND ("
            "(topic = 'period.closed/1' AND convert_from(state, 'UTF8')::jsonb ->> 'month' >= %s) "
            "OR (topic = 'ledger.opened/1' AND day > %s))"
        ).format(self.names.events)
        with self.connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(query, (position, month, last_day(month))).fetchone()
            return None if row is None else row[0]

    def closed(self, month: str, position: int, root: bytes | None = None) -> Iterator[Statement]:
        """Yield the statements of all partners with a money event, by partner, of a close there."""
        return self._produce(month, position, position, None, None, root)

    def _root(self, closed: int | None) -> str | None:
        if closed is None:
            return None
        return root_at(self.connection, closed, self.names).hex()

    def _produce(
        self,
        month: str,
        through: int,
        closed: int | None,
        until: date | None,
        partner_id: str | None,
        known: bytes | None = None,
    ) -> Iterator[Statement]:
        root = self._root(closed) if known is None else known.hex()
        query = self._query(month, scope_of(through=through, day=until, partner_id=partner_id))
        found = rows_of(self.connection, query, paged=True)
        for partner, rows in groupby(found, key=itemgetter("partner_id")):
            accounts = tuple(
                _account(str(currency), list(lines))
                for currency, lines in groupby(rows, key=itemgetter("currency"))
            )
            yield Statement(str(partner), month, closed, root, accounts, until)

    def _query(self, month: str, scope: sql.Composed) -> sql.Composed:
        """Every line of the month beside its account's balance at the month's end, in order."""
        first, last = first_day(month), last_day(month)
        up_to = sql.SQL("{} AND posting_day <= {}").format(scope, sql.Literal(last))
        within = sql.SQL("{} AND posting_day >= {}").format(up_to, sql.Literal(first))
        return sql.SQL(
            "SELECT partner_id, currency, "
            "closing.earned + closing.adjusted - closing.paid - closing.in_flight AS closing, "
            "{columns} FROM ({closing}) AS closing "
            "LEFT JOIN ({lines}) AS lines USING (partner_id, currency) "
            "ORDER BY partner_id, currency, posting_date, position"
        ).format(
            columns=sql.SQL(", ").join(sql.Identifier("lines", name) for name in LINE_MEMBERS),
            closing=BALANCES.select(self.names.events, up_to),
            lines=STATEMENT_LINES.select(self.names.events, within),
        )


def seal(
    cursor: Cursor[Any],
    month: str,
    position: int,
    names: Names = DEFAULT_NAMES,
    root: bytes | None = None,
) -> tuple[int, str]:
    """Return how many statements a close at ``position`` made and the SHA-256 over them, in hex.

    One hash over the canonical bytes of all partners' statements, one after the other in the
    order of the partners, in bounded memory. ``root`` is the log's at the close, if it is known.
    """
    digest, count = hashlib.sha256(), 0
    for statement in Statements(cursor.connection, names).closed(month, position, root):
        digest.update(statement.canonical())
        count += 1
    return count, digest.hexdigest()


def first_day(month: str) -> date:
    """Return the first day of a month ``YYYY-MM``; Refused for anything else."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month, re.ASCII) or month < "0001":
        raise Refused(f"{month!r} is no month; write it as YYYY-MM, such as 2026-01")
    return date.fromisoformat(f"{month}-01")


def last_day(month: str) -> date:
    """Return the last day of a month ``YYYY-MM``."""
    first = first_day(month)
    return first.replace(day=monthrange(first.year, first.month)[1])


def to_csv(statement: Statement) -> str:
    """Write the lines as CSV, money in minor units, after an opening and before a closing row."""
    out = io.StringIO()
    writer = csv.DictWriter(
        out, ["partner_id", "month", "currency", *LINE_MEMBERS, "balance"], lineterminator="\n"
    )
    writer.writeheader()
    for account in statement.accounts:
        shared = {
            "partner_id": statement.partner_id,
            "month": statement.month,
            "currency": account.currency,
        }
        writer.writerow({**shared, "kind": "opening_balance", "balance": account.opening})
        for line, balance in running(account):
            writer.writerow({**shared, **_plain(line), "balance": balance})
        writer.writerow({**shared, "kind": "closing_balance", "balance": account.closing})
    return out.getvalue()


def running(account: Account) -> Iterator[tuple[Row, int]]:
    """Yield each line with the balance after it."""
    balance = account.opening
    for line in account.lines:
        balance += _integer(line["effect"])
        yield line, balance


def _account(currency: str, rows: Sequence[Row]) -> Account:
    lines = tuple(
        {name: row[name] for name in LINE_MEMBERS} for row in rows if row["position"] is not None
    )
    closing = _integer(rows[0]["closing"])
    opening = closing - sum(_integer(line["effect"]) for line in lines)
    return Account(currency, opening, lines, closing)


def _sealed(line: Row) -> dict[str, object]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name in SEALED
        if (value := line[name]) is not None
    }


def _plain(line: Row) -> dict[str, object]:
    return {
        name: " ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in line.items()
        if value is not None
    }


def _integer(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is no amount in minor units")
    return value
