"""The French file of entries (FEC): article A47 A-1 of the Livre des procédures fiscales.

Eighteen members, tab separated, days as YYYYMMDD, amounts in euros with a decimal comma.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from events.currencies import minor_digits
from ledger.engine.calendar import day_of
from ledger.engine.state import Ledger
from ledger.errors import Corrupt, NotReady, Refused
from ledger.policy.accounting import Accounting, JournalCode
from replay.as_of import AsOf, Replay
from replay.entities import ledger_at
from replay.exports.amounts import amount_text
from replay.exports.entries import OF_PARTNERS, Entry, entries
from replay.postings import Posting
from replay.statements import Statements

BOOKS = "EUR"
"""French books are kept in euros (article L123-22 of the Code de commerce)."""

MEMBERS = (
    "JournalCode",
    "JournalLib",
    "EcritureNum",
    "EcritureDate",
    "CompteNum",
    "CompteLib",
    "CompAuxNum",
    "CompAuxLib",
    "PieceRef",
    "PieceDate",
    "EcritureLib",
    "Debit",
    "Credit",
    "EcritureLet",
    "DateLet",
    "ValidDate",
    "Montantdevise",
    "Idevise",
)
"""The members of a line, in the article's order."""

_WHOLESALE = frozenset({"margin", "margin_adjustment"})
_PAYMENTS = frozenset(
    {"payout_initiated", "payout_settled", "payout_failed", "payout_returned", "payment"}
    | {"wholesale"}
)

Rates = Mapping[str, Decimal]
"""Euros for one unit of each other currency."""


class File(NamedTuple):
    """A year's file: its name by the article, its text, and what it comes to in euro cents.

    ``provisional`` are the months that are not closed yet: their numbers may move.
    """

    name: str
    text: str
    entries: int
    lines: int
    debit: int
    credit: int
    provisional: tuple[str, ...]


def fec(
    replay: Replay, at: AsOf, year: int, rates: Rates, accounting: Accounting | None = None
) -> File:
    """Return the file of a calendar year, of all entries posted in it, numbered from 1.

    ``accounting``: instead of what the programme says. Raises NotReady where the programme has no
    accounts, Refused for a currency without a rate, and Corrupt where the entries do not tie out.
    """
    ledger = ledger_at(replay, at)
    accounting = accounting or _accounting(ledger)
    journal = [entry for entry in entries(replay, at) if entry.day.year == year]
    foreign = {one.currency for entry in journal for one in entry.postings} - rates.keys()
    if unknown := sorted(foreign - {BOOKS}):
        wanted = " ".join(f"--rate {currency}=…" for currency in unknown)
        raise Refused(f"the books are in euros; give the euros for one unit: {wanted}")
    validated = _validated(replay, at, year, ZoneInfo(ledger.time_zone))
    rows = [
        row
        for number, entry in enumerate(journal, 1)
        for row in _rows(entry, number, accounting, validated[entry.day.month - 1], rates)
    ]
    debit, credit = (sum(row.sides[side] for row in rows) for side in (0, 1))
    if debit != credit:
        raise Corrupt(
            f"the file debits {debit} and credits {credit} cents; run: commissions verify"
        )
    lines = ["\t".join(MEMBERS), *("\t".join(row.members) for row in rows)]
    months = tuple(f"{year}-{month:02}" for month in range(1, 13) if validated[month - 1] is None)
    name = f"{accounting.siren}FEC{year}1231.txt"
    text = "".join(f"{line}\r\n" for line in lines)
    return File(name, text, len(journal), len(rows), debit, credit, months)


class _Row(NamedTuple):
    members: tuple[str, ...]
    sides: tuple[int, int]


def _accounting(ledger: Ledger) -> Accounting:
    """The accounts of the programme first adopted, as its last version says."""
    first = ledger.programmes.first
    if first is None:
        raise NotReady("no programme was adopted by then, so there are no accounts")
    adopted = ledger.programmes.versions[first][-1]
    found = adopted.programme.accounting
    if found is None:
        keys = ", ".join(f"accounting.{name}" for name in Accounting.model_fields)
        raise NotReady(
            f"the programme {adopted.version} says no {keys}; adopt a version with [accounting],"
            " as izyinbox has it (commissions programme adopt FILE --from DAY)"
        )
    return found


def _validated(replay: Replay, at: AsOf, year: int, zone: ZoneInfo) -> list[date | None]:
    """The day on which each month of a year was closed, None while it is open."""
    statements = Statements(replay.connection, replay.names)
    return [
        _recorded_on(replay, statements.closed_at(f"{year}-{month:02}", at.position), zone)
        for month in range(1, 13)
    ]


def _recorded_on(replay: Replay, position: int | None, zone: ZoneInfo) -> date | None:
    if position is None:
        return None
    instant = replay.resolve(position=position).known_at
    return None if instant is None else day_of(instant, zone)


def _rows(
    entry: Entry, number: int, accounting: Accounting, validated: date | None, rates: Rates
) -> Iterator[_Row]:
    journal = _journal(entry.kind, accounting)
    for posting, euros in zip(entry.postings, in_euros(entry.postings, rates), strict=True):
        account = getattr(accounting.account, posting.account)
        partner = entry.partner_id if posting.account in OF_PARTNERS else ""
        foreign = posting.currency != BOOKS
        sides = max(euros, 0), max(-euros, 0)
        members = (
            journal.code,
            journal.label,
            str(number),
            _day(entry.day),
            account.number,
            account.label,
            partner,
            partner,
            str(entry.position),
            # A settlement told before its cut-off has its own day for a voucher, not the cut-off.
            _day(min(entry.service, entry.day)),
            entry.title,
            *(_comma(side, BOOKS) for side in sides),
            "",
            "",
            "" if validated is None else _day(validated),
            _comma(abs(posting.amount), posting.currency) if foreign else "",
            posting.currency if foreign else "",
        )
        yield _Row(members, sides)


def in_euros(postings: Sequence[Posting], rates: Rates) -> list[int]:
    """Return postings of one entry in euro cents; the last takes what rounding leaves over."""
    cents = [_in_euros(one, rates) for one in postings]
    return [*cents[:-1], -sum(cents[:-1])]


def _in_euros(posting: Posting, rates: Rates) -> int:
    if posting.currency == BOOKS:
        return posting.amount
    shift = minor_digits(BOOKS) - minor_digits(posting.currency)
    exact = Decimal(posting.amount).scaleb(shift) * rates[posting.currency]
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def _journal(kind: str, accounting: Accounting) -> JournalCode:
    if kind == "opening":
        return accounting.journal.opening
    if kind in _PAYMENTS:
        return accounting.journal.payments
    return accounting.journal.wholesale if kind in _WHOLESALE else accounting.journal.commissions


def _day(day: date) -> str:
    return day.isoformat().replace("-", "")


def _comma(amount: int, currency: str) -> str:
    return amount_text(amount, currency).replace(".", ",")
