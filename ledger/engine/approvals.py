"""Controls: which commands wait for another operator, what refuses an approval (D16.1, D16.3).

Every check raises :class:`~ledger.errors.Refused` with what to do; nothing is recorded then.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

import orjson

from events.base import Command
from events.codec import decode_state, encode
from events.controls import CommandProposed, ProposalApproved, ProposalRejected
from events.finance import Controlled
from events.recorded import Recorded
from ledger.engine.calendar import add_days
from ledger.engine.state import Ledger
from ledger.errors import Refused
from ledger.policy.programme import Programme


class Proposed(NamedTuple):
    """A command that waits for another operator's approval, by the position of its proposal."""

    position: int


class Fate(NamedTuple):
    """What became of a proposal: the ``answer``, recorded at ``position``."""

    position: int
    answer: ProposalApproved | ProposalRejected


def needs_approval(ledger: Ledger, command: Command) -> bool:
    """Whether a command takes effect only by another operator's approval.

    So it is if any programme says so in its version in force on the day after L, or from the start
    while there is no L: who commands touch is not one programme's alone. Nothing waits before a
    first adoption.
    """
    return isinstance(command, Controlled) and any(
        programme.is_separate for programme in _in_force(ledger)
    )


def records_reading(ledger: Ledger) -> bool:
    """Whether the reading of statements and evidence is recorded (D16.3), by the same versions."""
    return any(programme.records_reading for programme in _in_force(ledger))


def _in_force(ledger: Ledger) -> Iterator[Programme]:
    accrued = ledger.accrued_through
    day = date.min if accrued is None else add_days(accrued, 1)
    for name in ledger.programmes.versions:
        yield ledger.programmes.in_force(name, day).programme


def propose(command: Command) -> CommandProposed:
    """The proposal of a command, whole."""
    members = {k: v for k, v in orjson.loads(encode(command)).items() if k != "operator"}
    return CommandProposed.model_validate(
        {"topic": command.topic(), "members": members, "operator": operator_of(command)}
    )


def proposed(proposal: CommandProposed) -> Controlled:
    """The command that a proposal holds, as the newest version of its type.

    Raises UnreadableState if the members are none of that type.
    """
    members = {**proposal.members, "operator": proposal.operator}
    command = decode_state(proposal.topic_, orjson.dumps(members))
    assert isinstance(command, Controlled)
    return command


def operator_of(command: Command) -> str:
    """Who ran a command: every one of them says it."""
    operator = command.__dict__["operator"]
    assert isinstance(operator, str)
    return operator


def check_pending(position: int, event: Recorded | None, fate: Fate | None) -> CommandProposed:
    """There is a proposal at a position, and nobody has decided on it yet."""
    data = event.data if event is not None else None
    if data is None:
        raise Refused(
            f"there is no position {position}; list what waits with: commissions approvals"
        )
    if not isinstance(data, CommandProposed):
        raise Refused(
            f"position {position} is a {data.type}, not a proposal; list what waits with:"
            " commissions approvals"
        )
    if fate is not None:
        done = "approved" if isinstance(fate.answer, ProposalApproved) else "rejected"
        raise Refused(
            f"proposal {position} was {done} already by {fate.answer.operator}, at position"
            f" {fate.position}; nothing is left to do"
        )
    return data


def is_other(proposal: CommandProposed, operator: str) -> bool:
    """Whether an operator is another than who proposed; case and blanks make no other person."""
    return proposal.operator.strip().casefold() != operator.strip().casefold()


def check_other(position: int, proposal: CommandProposed, operator: str) -> None:
    """Who approves is another than who proposed."""
    if not is_other(proposal, operator):
        raise Refused(
            f"{operator} proposed {position} and cannot approve it; another operator runs:"
            f" commissions approve {position}"
        )
