"""A statement in the parts that people read it in: what was earned, corrected, paid, forgone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from replay.as_of import Row
from replay.statements import Account

Title = Literal[
    "Lines", "Adjustments", "Payouts and payments", "Beside the balance", "Forgone clawbacks"
]

_PARTS: Mapping[Title, frozenset[str]] = {
    "Lines": frozenset({"commission", "bonus", "contest", "reward", "override", "prize", "credit"}),
    "Adjustments": frozenset({"adjustment", "opening"}),
    "Payouts and payments": frozenset(
        {"payout_initiated", "payout_settled", "payout_failed", "payout_returned", "payment"}
    ),
    "Beside the balance": frozenset({"margin", "margin_adjustment", "prize_in_kind", "wholesale"}),
    "Forgone clawbacks": frozenset({"waiver"}),
}
"""Kinds of money events by part, in the order of the parts."""

IN_BALANCE: tuple[Title, ...] = ("Lines", "Adjustments", "Payouts and payments")
"""Parts that change what is payable: their effects; of the others, the amounts are told."""


@dataclass(frozen=True, slots=True)
class Part:
    """The lines of one part, in the statement's order; ``total`` in minor units.

    Of a part in the balance it is the sum of the lines' ``effect``, else of their ``amount``.
    """

    title: Title
    lines: tuple[Row, ...]
    total: int

    @property
    def in_balance(self) -> bool:
        """Whether it changes what is payable."""
        return self.title in IN_BALANCE

    @property
    def counts(self) -> Literal["effect", "amount"]:
        """The member that is summed."""
        return "effect" if self.in_balance else "amount"


def parts_of(account: Account) -> tuple[Part, ...]:
    """The parts of an account that have lines; opening + those in the balance = closing.

    Raises ValueError for a line of a kind that no part has.
    """
    found: list[Part] = []
    for title, kinds in _PARTS.items():
        lines = tuple(line for line in account.lines if line["kind"] in kinds)
        if lines:
            member = "effect" if title in IN_BALANCE else "amount"
            found.append(Part(title, lines, sum(_whole(line[member]) for line in lines)))
    if sum(len(part.lines) for part in found) != len(account.lines):
        known = frozenset[str]().union(*_PARTS.values())
        strange = sorted({str(line["kind"]) for line in account.lines} - known)
        raise ValueError(f"kinds of lines that no part of a statement has: {strange}")
    return tuple(found)


def _whole(value: object) -> int:
    """An amount; nothing where a line has none."""
    return value if isinstance(value, int) else 0
