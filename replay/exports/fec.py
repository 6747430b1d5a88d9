"""The French file of entries (FEC): article A47 A-1 of the Livre des procédures fiscales.

Eighteen members, tab separated, days as YYYYMMDD, amounts in euros with a decimal comma.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import MINYEAR, date
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from events.currencies import minor_digits
from ledger.engine.calendar import (
    ONE_DAY,
    add_months,
    day_of,
    end_of_month,
    first_of_month,
    month_of,
)
from ledger.engine.state import Ledger
from ledger.errors import Corrupt, NotReady, Refused
from ledger.policy.accounting import Accounting, AccountNumber, JournalCode
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
"""Euros for one unit of another currency: of ``CHF`` in every month, of ``CHF@2026-01`` in one."""

_RESULT = ("6", "7")
"""Accounts of charges and income: they begin each year with nothing."""


class File(NamedTuple):
    """A year's file: its name by the article, its text, and what it comes to in euro cents.

    ``entries`` counts that of the balances brought forward, too. ``provisional`` are the months
    that are not closed yet: their numbers may move.
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
    """Return the file of the financial year that ends in a year, of all entries posted in it.

    Entries are numbered from 1, first that of the balances brought forward. ``accounting``: instead
    of what the programme says. Raises NotReady where the programme has no accounts, Refused for a
    currency without a rate and for the calendar's first year, Corrupt where the entries do not tie
    out.
    """
    if year == MINYEAR:
        raise Refused(f"there is no month before the year {year}; give a later year")
    ledger = ledger_at(replay, at)
    accounting = accounting or _accounting(ledger)
    months = _months(accounting, year)
    first, last = first_of_month(months[0]), end_of_month(first_of_month(months[-1]))
    known = entries(replay, at)
    journal = [entry for entry in known if first <= entry.day <= last]
    brings = accounting.journal.brought_forward is not None
    before = [entry for entry in known if brings and entry.day < first]
    _require_rates([*before, *journal], rates)
    zone = ZoneInfo(ledger.time_zone)
    eve, *validated = _validated(replay, at, [month_of(first - ONE_DAY), *months], zone)
    days = dict(zip(months, validated, strict=True))
    rows = list(_brought_forward(before, accounting, first, eve, rates))
    opening = 1 if rows else 0
    for number, entry in enumerate(journal, opening + 1):
        rows += _rows(entry, number, accounting, days[month_of(entry.day)], rates)
    debit, credit = (sum(row.sides[side] for row in rows) for side in (0, 1))
    if debit != credit:
        raise Corrupt(
            f"the file debits {debit} and credits {credit} cents; run: commissions verify"
        )
    lines = ["\t".join(MEMBERS), *("\t".join(row.members) for row in rows)]
    name = f"{accounting.siren}FEC{_day(last)}.txt"
    text = "".join(f"{line}\r\n" for line in lines)
    open_ = tuple(month for month in months if days[month] is None)
    return File(name, text, opening + len(journal), len(rows), debit, credit, open_)


def _months(accounting: Accounting, year: int) -> list[str]:
    """The twelve months of the financial year that ends in a year."""
    start = accounting.year_start or 1
    first = date(year if start == 1 else year - 1, start, 1)
    return [month_of(add_months(first, number)) for number in range(12)]


def financial_years(ledger: Ledger, first: str, last: str) -> list[tuple[int, date]]:
    """Return the financial years that have a month of a period: when each ends, year and day.

    Those of the calendar where the programme has no accounts.
    """
    found = _adopted(ledger)
    start = (found.year_start if found is not None else None) or 1
    begun, ended = (
        int(month[:4]) + (start > 1 and int(month[5:]) >= start) for month in (first, last)
    )
    following = [date(year, start, 1) for year in range(begun, ended + 1)]
    if start == 1:
        following = [add_months(day, 12) for day in following]
    return [(day.year - (start == 1), day - ONE_DAY) for day in following]


class _Row(NamedTuple):
    members: tuple[str, ...]
    sides: tuple[int, int]


def _adopted(ledger: Ledger) -> Accounting | None:
    """The accounts of the programme first adopted, as its last version says, if it does."""
    first = ledger.programmes.first
    return ledger.programmes.versions[first][-1].programme.accounting if first else None


def _accounting(ledger: Ledger) -> Accounting:
    first, found = ledger.programmes.first, _adopted(ledger)
    if first is None:
        raise NotReady("no programme was adopted by then, so there are no accounts")
    if found is None:
        required = [n for n, field in Accounting.model_fields.items() if field.is_required()]
        keys = ", ".join(f"accounting.{name}" for name in required)
        raise NotReady(
            f"the programme {ledger.programmes.versions[first][-1].version} says no {keys}; adopt a"
            " version with [accounting], as izyinbox has it (commissions programme adopt FILE"
            " --from DAY)"
        )
    return found


def _require_rates(journal: Sequence[Entry], rates: Rates) -> None:
    """Raise Refused unless there is a rate of each other currency in each month that needs one."""
    wanted = {
        (posting.currency, month_of(entry.day))
        for entry in journal
        for posting in entry.postings
        if posting.currency != BOOKS
    }
    unknown = sorted(
        (currency, month)
        for currency, month in wanted
        if not {currency, f"{currency}@{month}"} & rates.keys()
    )
    if not unknown:
        return
    given = {key.partition("@")[0] for key in rates}
    missing = {f"{c}@{month}" if c in given else c for c, month in unknown}
    asked = " ".join(f"--rate {key}=…" for key in sorted(missing))
    raise Refused(f"the books are in euros; give the euros for one unit: {asked}")


def _of_month(rates: Rates, day: date) -> Rates:
    """The rates of the month of a day, by currency."""
    month = month_of(day)
    found = {key: rate for key, rate in rates.items() if "@" not in key}
    dated = (key.partition("@") for key in rates)
    return found | {c: rates[f"{c}@{month}"] for c, _, of in dated if of == month}


def _validated(
    replay: Replay, at: AsOf, months: Sequence[str], zone: ZoneInfo
) -> list[date | None]:
    """The day on which each month was closed, None while it is open."""
    statements = Statements(replay.connection, replay.names)
    return [
        _recorded_on(replay, statements.closed_at(month, at.position), zone) for month in months
    ]


def _recorded_on(replay: Replay, position: int | None, zone: ZoneInfo) -> date | None:
    if position is None:
        return None
    instant = replay.resolve(position=position).known_at
    return None if instant is None else day_of(instant, zone)


def _brought_forward(
    before: Sequence[Entry],
    accounting: Accounting,
    first: date,
    validated: date | None,
    rates: Rates,
) -> Iterator[_Row]:
    """The balances with which a year begins, as one entry: those at the end of the year before.

    By account, partner and currency, in euros what the entries came to. What was earned and spent
    in earlier years is one balance, of the account that the programme names for it.
    """
    journal, result = accounting.journal.brought_forward, accounting.account.brought_forward
    balances: dict[tuple[str, str, str], list[int]] = {}
    carried = 0
    for entry in before:
        euros = in_euros(entry.postings, _of_month(rates, entry.day))
        for posting, cents in zip(entry.postings, euros, strict=True):
            account = _account(accounting, posting.account)
            if account.number.startswith(_RESULT):
                carried += cents
                continue
            partner = entry.partner_id if posting.account in OF_PARTNERS else ""
            key = posting.account, partner, posting.currency
            sums = balances.setdefault(key, [0, 0])
            sums[0] += posting.amount
            sums[1] += cents
    if journal is None or result is None:
        return
    place = _Place(journal, 1, first, f"AN{_day(first)}", first, "A-nouveaux", validated)
    for (name, partner, currency), (amount, cents) in sorted(balances.items()):
        if amount or cents:
            posting = Posting(name, currency, amount)
            yield _row(place, _account(accounting, name), partner, posting, cents)
    if carried:
        yield _row(place, result, "", Posting("brought_forward", BOOKS, carried), carried)


def _rows(
    entry: Entry, number: int, accounting: Accounting, validated: date | None, rates: Rates
) -> Iterator[_Row]:
    # A settlement told before its cut-off has its own day for a voucher, not the cut-off.
    voucher = min(entry.service, entry.day)
    journal = _journal(entry.kind, accounting)
    place = _Place(journal, number, entry.day, str(entry.position), voucher, entry.title, validated)
    euros = in_euros(entry.postings, _of_month(rates, entry.day))
    for posting, cents in zip(entry.postings, euros, strict=True):
        partner = entry.partner_id if posting.account in OF_PARTNERS else ""
        yield _row(place, _account(accounting, posting.account), partner, posting, cents)


class _Place(NamedTuple):
    """What all lines of one entry share."""

    journal: JournalCode
    number: int
    day: date
    voucher: str
    voucher_day: date
    title: str
    validated: date | None


def _row(place: _Place, account: AccountNumber, partner: str, posting: Posting, cents: int) -> _Row:
    """One line: ``posting`` as it was booked, ``cents`` in euros."""
    foreign = posting.currency != BOOKS
    sides = max(cents, 0), max(-cents, 0)
    members = (
        place.journal.code,
        place.journal.label,
        str(place.number),
        _day(place.day),
        account.number,
        account.label,
        partner,
        partner,
        place.voucher,
        _day(place.voucher_day),
        place.title,
        *(_comma(side, BOOKS) for side in sides),
        "",
        "",
        "" if place.validated is None else _day(place.validated),
        _comma(abs(posting.amount), posting.currency) if foreign else "",
        posting.currency if foreign else "",
    )
    return _Row(members, sides)


def _account(accounting: Accounting, name: str) -> AccountNumber:
    found = getattr(accounting.account, name)
    assert isinstance(found, AccountNumber)
    return found


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
