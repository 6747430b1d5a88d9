"""Rates on amounts: integers in, integers out, one rounding, half up (D1)."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache


@lru_cache(maxsize=256)
def _ratio(rate: Decimal) -> tuple[int, int]:
    return rate.as_integer_ratio()


def share(base: int, rate: Decimal) -> int:
    """``base × rate`` in minor units, rounded once, half up; ``base`` is not negative."""
    numerator, denominator = _ratio(rate)
    return (2 * base * numerator + denominator) // (2 * denominator)
