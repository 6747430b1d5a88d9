"""How finance books the programme: account and journal numbers for a file of entries (FEC)."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from ledger.policy.parts import Part

Number = Annotated[str, StringConstraints(pattern=r"^[0-9][0-9A-Z]{2,19}$")]
"""A number of the French chart of accounts: three digits or more, of a company's own length."""

Label = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f|]{1,200}$")]
"""One line of text, without the tabs and bars that separate the members of a file."""

_SIREN_DIGITS = 9


class AccountNumber(Part):
    """An account of finance's chart."""

    number: Number
    label: Label


class JournalCode(Part):
    """A journal of finance."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,10}$")]
    label: Label


class Accounts(Part):
    """The number of each account of the ledger (D17).

    ``brought_forward`` is where the result of earlier years stands.
    """

    commission_expense: AccountNumber
    partner_payable: AccountNumber
    payouts_in_flight: AccountNumber
    bank: AccountNumber
    partner_receivable: AccountNumber
    wholesale_revenue: AccountNumber
    input_vat: AccountNumber
    opening_balance: AccountNumber
    brought_forward: AccountNumber | None = None


class Journals(Part):
    """The journals: of what is earned, of what is sold wholesale, of payments, of openings.

    ``brought_forward`` is that of the balances with which a year begins.
    """

    commissions: JournalCode
    wholesale: JournalCode
    payments: JournalCode
    opening: JournalCode
    brought_forward: JournalCode | None = None


class Accounting(Part):
    """The company that keeps the books, and where it books what (D17).

    ``siren`` is its number in the French register, nine digits of which the last is a check;
    ``year_start`` the month with which its financial years begin, by default January. A year begins
    with the balances of the one before where account and journal have ``brought_forward``.
    """

    siren: str
    account: Accounts
    journal: Journals
    year_start: Annotated[int, Field(ge=1, le=12)] | None = None

    @field_validator("siren")
    @classmethod
    def _is_a_siren(cls, siren: str) -> str:
        if not is_siren(siren):
            raise ValueError(
                f"{siren!r} is no SIREN; write its nine digits in quotes, without blanks"
            )
        return siren

    @model_validator(mode="after")
    def _brings_forward_or_not(self) -> Self:
        if (self.account.brought_forward is None) != (self.journal.brought_forward is None):
            raise ValueError(
                "balances are brought forward by an account and a journal; give both, in"
                " account.brought_forward and journal.brought_forward, or neither"
            )
        return self


def is_siren(text: str) -> bool:
    """Whether a text is nine digits that pass the check of Luhn."""
    if len(text) != _SIREN_DIGITS or not (text.isascii() and text.isdigit()):
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(text)]
    return sum(sum(divmod(each, 10)) for each in doubled) % 10 == 0
