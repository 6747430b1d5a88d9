"""What is wrong with a programme document: every problem with its key, its line and its reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger.errors import LedgerError


class Problem(NamedTuple):
    """One thing wrong: the dotted key, why, and the line of the file (None outside a file)."""

    key: str
    reason: str
    line: int | None = None

    def __str__(self) -> str:
        """``line 12: tier.1.year_1: a rate is …``."""
        where = "" if self.line is None else f"line {self.line}: "
        return f"{where}{self.key}: {self.reason}" if self.key else f"{where}{self.reason}"


class ProgrammeInvalid(LedgerError):
    """A programme document that cannot be adopted; ``problems`` lists all that is wrong with it."""

    def __init__(self, origin: str, problems: Sequence[Problem]) -> None:
        """``origin`` says which document: a path, or a programme's name."""
        self.origin = origin
        self.problems = tuple(problems)
        listed = "; ".join(str(problem) for problem in self.problems)
        super().__init__(f"{origin} is no valid programme, correct it and try again: {listed}")
