"""The journal for hledger and for beancount: plain text, the same bytes each time."""

from __future__ import annotations

from collections.abc import Sequence

from events.currencies import minor_digits
from replay.as_of import AsOf
from replay.exports.amounts import amount_text
from replay.exports.entries import OF_PARTNERS, Entry
from replay.postings import Posting

_BEANCOUNT = {
    "bank": "Assets:Bank",
    "partner_receivable": "Assets:Partner-Receivable",
    "input_vat": "Assets:Input-Vat",
    "partner_payable": "Liabilities:Partner-Payable",
    "payouts_in_flight": "Liabilities:Payouts-In-Flight",
    "opening_balance": "Equity:Opening-Balance",
    "commission_expense": "Expenses:Commission-Expense",
    "wholesale_revenue": "Income:Wholesale-Revenue",
}
"""Our accounts as beancount has them: its five roots, no underscores."""

_HLEDGER_TYPES = {
    "bank": "C",
    "partner_receivable": "A",
    "input_vat": "A",
    "partner_payable": "L",
    "payouts_in_flight": "L",
    "opening_balance": "E",
    "commission_expense": "X",
    "wholesale_revenue": "R",
}


def to_hledger(journal: Sequence[Entry], at: AsOf) -> str:
    """Write the journal for hledger; what is owed stands in an account for each partner."""
    lines = [f"; commission ledger, position {at.position}", *_until(at)]
    for currency in _currencies(journal):
        digits = minor_digits(currency)
        lines.append(f"commodity 1000.{'0' * digits} {currency}")
    lines += [f"account {name}  ; type:{type_}" for name, type_ in sorted(_HLEDGER_TYPES.items())]
    used = {_by_partner(entry, one) for entry in journal for one in entry.postings}
    lines += [f"account {name}" for name in sorted(used - _HLEDGER_TYPES.keys())]
    for entry in journal:
        lines += ["", f"{entry.day} ({entry.position}) {entry.title}", f"    ; {_tags(entry)}"]
        lines += [
            f"    {_by_partner(entry, one)}  {_amount(one)} {one.currency}"
            for one in entry.postings
        ]
    return "\n".join(lines) + "\n"


def to_beancount(journal: Sequence[Entry], at: AsOf) -> str:
    """Write the journal for beancount, the partner in the metadata of each transaction."""
    lines = [f"; commission ledger, position {at.position}", *_until(at)]
    lines += [f'option "operating_currency" "{one}"' for one in _currencies(journal)]
    first = min((entry.day for entry in journal), default=None)
    if first is not None:
        lines += [f"{first} open {name}" for name in sorted(_BEANCOUNT.values())]
    for entry in journal:
        lines += ["", f'{entry.day} * "{entry.title}"', f"  position: {entry.position}"]
        lines += [f'  rule: "{entry.rule}"', f'  partner: "{entry.partner_id}"']
        lines.append(f"  service: {entry.service}")
        lines += [
            f"  {_BEANCOUNT[one.account]}  {_amount(one)} {one.currency}" for one in entry.postings
        ]
    return "\n".join(lines) + "\n"


def beancount_account(account: str) -> str:
    """Return the name that an account of ours has in the journal for beancount."""
    return _BEANCOUNT[account]


def _until(at: AsOf) -> list[str]:
    if at.effective_at is None:
        return []
    return [f"; only what had happened by {at.effective_at}"]


def _currencies(journal: Sequence[Entry]) -> list[str]:
    return sorted({one.currency for entry in journal for one in entry.postings})


def _by_partner(entry: Entry, posting: Posting) -> str:
    if posting.account not in OF_PARTNERS:
        return posting.account
    return f"{posting.account}:{entry.partner_id}"


def _tags(entry: Entry) -> str:
    tags = {
        "position": str(entry.position),
        "rule": entry.rule,
        "partner": entry.partner_id,
        "service": entry.service.isoformat(),
    }
    return ", ".join(f"{name}:{value}" for name, value in tags.items())


def _amount(posting: Posting) -> str:
    return amount_text(posting.amount, posting.currency)
