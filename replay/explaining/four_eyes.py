"""Who proposed a command and who decided on it, told of the command and of all that it brought."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from events.controls import CommandProposed, ProposalApproved, ProposalRejected
from replay.explaining.told import Log, Told


class FourEyes(NamedTuple):
    """A proposal, its answer (None: it waits), and the command that took effect (D16.1)."""

    proposal: Told
    answer: Told | None
    command: Told | None

    @property
    def status(self) -> str:
        """``waiting``, ``approved`` or ``rejected``."""
        if self.answer is None:
            return "waiting"
        return "approved" if self.answer.type == ProposalApproved.type else "rejected"

    @property
    def type(self) -> str:
        """The type of the command that was proposed: ``credit.posted``."""
        return str(self.proposal.data["topic"]).partition("/")[0]

    def document(self) -> dict[str, object]:
        """Return it as JSON values: both operators, and the positions of all three events."""
        answer = self.answer
        return {
            "type": self.type,
            "status": self.status,
            "proposal": self.proposal.position,
            "proposed_by": self.proposal.data["operator"],
            "answer": answer and answer.position,
            "decided_by": answer and answer.data["operator"],
            "reason": answer and answer.data.get("reason"),
            "command": self.command and self.command.position,
        }


def four_eyes(log: Log, events: Iterable[Told]) -> FourEyes | None:
    """The proposal of the first of some events that is one, answers one, or took effect by one.

    None where no command among them needed an approval.
    """
    for event in events:
        if event.type == CommandProposed.type:
            return _answered(log, event, log.answer(event.position))
        if event.type in {ProposalApproved.type, ProposalRejected.type}:
            return _of_answer(log, event)
        approval = event.data.get("approval")
        if approval is not None:
            return _of_answer(log, log.at([approval])[approval])
    return None


def _of_answer(log: Log, answer: Told) -> FourEyes:
    proposal = answer.data["proposal"]
    return _answered(log, log.at([proposal])[proposal], answer)


def _answered(log: Log, proposal: Told, answer: Told | None) -> FourEyes:
    """The command is the event after its approval, in the same append."""
    command = None
    if answer is not None and answer.type == ProposalApproved.type:
        following = answer.position + 1
        command = log.at([following]).get(following)
    return FourEyes(proposal, answer, command)
