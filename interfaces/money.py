"""Money, rates and days as people read them, in French and English.

Everything here works on integers and exact decimals; nothing is ever a float (D1).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from events.currencies import minor_digits

Locale = Literal["fr", "en"]

NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"
"""Between groups of three digits in French (CLDR)."""
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
"""Between an amount and its currency."""

_SYMBOLS = {
    "en": {"EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥"},
    "fr": {"EUR": "€", "GBP": "£GB", "USD": "$US"},
}


def format_money(minor_units: int, currency: str, locale: Locale) -> str:
    """Write an amount with its currency: ``1 234,56 €`` in French, ``€1,234.56`` in English.

    The number of decimals is the currency's own (ISO 4217). A currency without a symbol of its own
    is written with its code: ``1 234,56 CHF``, ``CHF 1,234.56``.
    """
    number = format_amount(abs(minor_units), minor_digits(currency), locale)
    sign = "-" if minor_units < 0 else ""
    symbol = _SYMBOLS[locale].get(currency)
    if locale == "fr":
        return f"{sign}{number}{NO_BREAK_SPACE}{symbol or currency}"
    if symbol is None:
        return f"{sign}{currency}{NO_BREAK_SPACE}{number}"
    return f"{sign}{symbol}{number}"


def format_amount(minor_units: int, digits: int, locale: Locale) -> str:
    """Write minor units as a number with ``digits`` decimals and grouped thousands."""
    whole, rest = divmod(abs(minor_units), 10**digits)
    grouped = format_count(whole, locale)
    sign = "-" if minor_units < 0 else ""
    if digits == 0:
        return sign + grouped
    return f"{sign}{grouped}{',' if locale == 'fr' else '.'}{rest:0{digits}d}"


def format_count(number: int, locale: Locale) -> str:
    """Write a whole number with grouped thousands."""
    grouped = f"{number:,}"
    return grouped.replace(",", NARROW_SPACE) if locale == "fr" else grouped


def format_decimal(number: str | Decimal, locale: Locale) -> str:
    """Write a decimal such as ``"1234.5"``: ``1 234,5`` in French, ``1,234.5`` in English."""
    written = f"{Decimal(number):,f}"
    if locale == "fr":
        return written.translate(str.maketrans(",.", f"{NARROW_SPACE},"))
    return written


def format_counted(number: int, noun: str, locale: Locale) -> str:
    """Write how many there are of what: ``1 line``, ``1,204 lines``."""
    return f"{format_count(number, locale)} {noun}{'' if number == 1 else 's'}"


def format_rate(rate: str | Decimal, locale: Locale) -> str:
    """Write a rate such as ``"0.20"`` in percent: ``20 %`` in French, ``20%`` in English."""
    percent = f"{(Decimal(rate) * 100).normalize():f}"
    if locale == "fr":
        return f"{percent.replace('.', ',')}{NO_BREAK_SPACE}%"
    return f"{percent}%"
