"""Four eyes in the model (D16.1): commands that wait until another operator approves them.

Readings:

- Whether a command waits is asked of every programme, in the version in force on the day after L.
- What a command leaves to L (the date of an adjustment) is fixed when it is proposed.
- A proposal must be valid when it is made, and again when it is approved.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date, timedelta

from ledger.errors import Refused
from tests.model.answers import Answers
from tests.model.commands import (
    Adjust,
    Adopt,
    Assign,
    AssignProgramme,
    Command,
    Credit,
    Open,
    OpenPartner,
    Pay,
    Retract,
)
from tests.model.journal import perform

OPERATOR = "tester"
"""Who gives a command of a story unless another is named."""

CONTROLLED = (Adjust, Credit, Retract, Assign, AssignProgramme, Open, OpenPartner, Adopt, Pay)


@dataclass
class Proposal:
    """A command that was proposed, and whether somebody decided on it."""

    command: Command
    operator: str
    decided: bool = False


class FourEyes(Answers):
    """The proposals of a naive ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.proposals: list[Proposal] = []
        self.approving = False

    def proposes(self, command: Command) -> bool:
        """Keep a command that must wait; one that is not valid now is refused."""
        if self.approving or not isinstance(command, CONTROLLED) or not self._is_separate():
            return False
        if isinstance(command, Adjust | Credit) and command.date is None:
            command = replace(command, date=self.accrued)
        _carry_out(deepcopy(self), command)
        self.proposals.append(Proposal(command, OPERATOR))
        return True

    def approve(self, number: int, operator: str) -> None:
        """Let the proposal of a number, from 1, take effect."""
        proposal = self._waiting(number)
        if proposal.operator == operator:
            raise Refused("who proposes does not approve")
        _carry_out(self, proposal.command)
        proposal.decided = True

    def reject(self, number: int) -> None:
        """End a proposal without effect."""
        self._waiting(number).decided = True

    def _waiting(self, number: int) -> Proposal:
        if number > len(self.proposals) or self.proposals[number - 1].decided:
            raise Refused("no such proposal waits")
        return self.proposals[number - 1]

    def _is_separate(self) -> bool:
        day = date.min if self.accrued is None else self.accrued + timedelta(days=1)
        controls = [
            self.programmes.in_force(name, day).programme.controls
            for name in self.programmes.names()
        ]
        return any(each is not None and each.approval == "separate" for each in controls)


def _carry_out(ledger: FourEyes, command: Command) -> None:
    ledger.approving = True
    try:
        perform(ledger, command)  # type: ignore[arg-type]
    finally:
        ledger.approving = False
