"""Draws for the demo: few, whole and the same for one seed on every machine and Python."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TypeVar

T = TypeVar("T")


class Lots:
    """Draws from a seed of its own, so that one client's draws do not move another's."""

    def __init__(self, seed: str) -> None:
        """``seed`` is any text; equal texts draw equal lots."""
        self._random = random.Random(f"demo-2026/{seed}")  # noqa: S311 - a plausible display only

    def below(self, end: int) -> int:
        """A whole number from 0 to ``end`` − 1.

        From ``random()`` alone, the one method whose sequence Python promises to keep.
        """
        return int(self._random.random() * end)

    def whole(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def chance(self, permille: int) -> bool:
        """True in so many of a thousand draws."""
        return self.below(1_000) < permille

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, each as likely as the next."""
        return options[self.below(len(options))]

    def weighted(self, options: Sequence[tuple[T, int]]) -> T:
        """One of the options, each with its weight."""
        drawn = self.below(sum(weight for _, weight in options))
        for option, weight in options:
            drawn -= weight
            if drawn < 0:
                return option
        raise AssertionError(options)

    def day(self, first: date, last: date) -> date:
        """A day from ``first`` to ``last``, both included; ``first`` if there is none between."""
        return first + timedelta(days=self.below(max(1, (last - first).days + 1)))
