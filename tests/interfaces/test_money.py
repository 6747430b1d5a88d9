"""Money as people read it: decimals by currency, separators by language, never a float."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.money import (
    format_amount,
    format_count,
    format_decimal,
    format_money,
    format_rate,
)

NARROW = "\u202f"
NO_BREAK = "\u00a0"


@pytest.mark.parametrize(
    ("minor", "currency", "english", "french"),
    [
        (123456, "EUR", "€1,234.56", f"1{NARROW}234,56{NO_BREAK}€"),
        (0, "EUR", "€0.00", f"0,00{NO_BREAK}€"),
        (5, "EUR", "€0.05", f"0,05{NO_BREAK}€"),
        (-123456, "EUR", "-€1,234.56", f"-1{NARROW}234,56{NO_BREAK}€"),
        (-5, "EUR", "-€0.05", f"-0,05{NO_BREAK}€"),
        (1234567, "JPY", "¥1,234,567", f"1{NARROW}234{NARROW}567{NO_BREAK}JPY"),
        (1234567, "TND", f"TND{NO_BREAK}1,234.567", f"1{NARROW}234,567{NO_BREAK}TND"),
        (-1, "TND", f"-TND{NO_BREAK}0.001", f"-0,001{NO_BREAK}TND"),
        (123456, "CHF", f"CHF{NO_BREAK}1,234.56", f"1{NARROW}234,56{NO_BREAK}CHF"),
        (99, "USD", "$0.99", f"0,99{NO_BREAK}$US"),
        (10**23, "EUR", "€" + f"{10**21:,}" + ".00", None),
    ],
)
def test_money_reads_as_its_language_writes_it(
    minor: int, currency: str, english: str, french: str | None
) -> None:
    """The minor unit is the currency's own: two decimals, none, or three."""
    assert format_money(minor, currency, "en") == english
    if french is not None:
        assert format_money(minor, currency, "fr") == french


@given(st.integers(-(10**30), 10**30), st.sampled_from([0, 2, 3, 4]))
def test_no_digit_of_an_amount_is_lost(minor: int, digits: int) -> None:
    """What is written holds exactly the digits of the minor units."""
    for locale in ("en", "fr"):
        text = format_amount(minor, digits, "fr" if locale == "fr" else "en")
        kept = "".join(letter for letter in text if letter.isdigit())
        assert int(kept) == abs(minor)
        assert text.startswith("-") == (minor < 0)


@pytest.mark.parametrize(
    ("rate", "english", "french"),
    [
        ("0.20", "20%", f"20{NO_BREAK}%"),
        ("0.1", "10%", f"10{NO_BREAK}%"),
        ("0.125", "12.5%", f"12,5{NO_BREAK}%"),
        ("1", "100%", f"100{NO_BREAK}%"),
        ("0", "0%", f"0{NO_BREAK}%"),
    ],
)
def test_a_rate_reads_in_percent(rate: str, english: str, french: str) -> None:
    """Exact, without trailing zeros."""
    assert format_rate(rate, "en") == english
    assert format_rate(rate, "fr") == french


def test_a_decimal_has_the_comma_of_its_language() -> None:
    """As amounts and rates have it: a score, a number of clients."""
    assert format_decimal("-1234.5", "en") == "-1,234.5"
    assert format_decimal("-1234.5", "fr") == f"-1{NARROW}234,5"
    assert format_decimal(Decimal("0.0"), "fr") == "0,0"


def test_counts_are_grouped() -> None:
    """By thousands."""
    assert format_count(1234567, "en") == "1,234,567"
    assert format_count(1234567, "fr") == f"1{NARROW}234{NARROW}567"
