"""The commands of four eyes: what is proposed, approved, rejected."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from events.base import Command
from events.finance import Document
from events.values import Code, Operator, Position

Topic = Annotated[str, Field(max_length=80, pattern=r"^[a-z_]+\.[a-z_]+/[1-9][0-9]*$")]
"""Type and version of a command: ``credit.posted/1``."""


class CommandProposed(Command):
    """A command that takes effect only when another operator approves it.

    ``members`` are those of the command ``topic``, whole, as its own event would hold them; its
    operator is the proposal's.
    """

    type: ClassVar[str] = "command.proposed"
    topic_: Annotated[Topic, Field(alias="topic")]
    members: Document
    operator: Operator


class ProposalApproved(Command):
    """The command proposed at ``proposal`` takes effect: it is the next event."""

    type: ClassVar[str] = "proposal.approved"
    proposal: Position
    operator: Operator


class ProposalRejected(Command):
    """The command proposed at ``proposal`` never takes effect."""

    type: ClassVar[str] = "proposal.rejected"
    proposal: Position
    reason: Code
    operator: Operator
