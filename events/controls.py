"""What controls leave in the log: proposals, approvals, rejections, and who read what."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from events.base import Command
from events.finance import Document
from events.values import Code, Identifier, Month, Operator, Position, Sha256

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


class DocumentRead(Command):
    """A statement or an evidence package was given out: of which months, and the hash of its bytes.

    ``position`` is the last event that it rests on; a package is of no one partner.
    """

    type: ClassVar[str] = "document.read"
    document: Literal["statement", "evidence"]
    partner_id: Identifier | None = None
    first: Month
    last: Month
    format: Code
    sha256: Sha256
    position: Position
    operator: Operator
