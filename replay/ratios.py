"""Ratios of whole numbers, exact until they are written: one rounding, half up, away from zero."""

from __future__ import annotations


def quotient(numerator: int, denominator: int) -> int | None:
    """``numerator ÷ denominator`` as a whole number; None for a division by nothing."""
    if denominator == 0:
        return None
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    rounded = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -rounded if numerator < 0 else rounded


def one_decimal(numerator: int, denominator: int) -> str | None:
    """``numerator ÷ denominator`` with one decimal, such as ``"41.7"``; None for ÷ 0."""
    tenths = quotient(10 * numerator, denominator)
    if tenths is None:
        return None
    whole, tenth = divmod(abs(tenths), 10)
    return f"{'-' if tenths < 0 else ''}{whole}.{tenth}"


def percent(numerator: int, denominator: int) -> str | None:
    """``numerator ÷ denominator`` in percent with one decimal; None for a division by nothing."""
    return one_decimal(100 * numerator, denominator)
