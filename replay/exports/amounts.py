"""Minor units as programs of accounting read them."""

from __future__ import annotations

from events.currencies import minor_digits


def amount_text(minor: int, currency: str) -> str:
    """Write minor units with the decimals of the currency: ``-1234.56``."""
    digits = minor_digits(currency)
    sign, units = "-" if minor < 0 else "", str(abs(minor)).rjust(digits + 1, "0")
    return f"{sign}{units[:-digits]}.{units[-digits:]}" if digits else f"{sign}{units}"
