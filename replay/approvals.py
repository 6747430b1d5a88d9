"""Checks four eyes: what needed an approval has one, of another operator, for what was proposed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from events.base import Event
from events.controls import CommandProposed, ProposalApproved, ProposalRejected
from events.finance import Controlled, ProgrammeAdopted
from events.recorded import Recorded
from ledger.engine.approvals import is_other, needs_approval, proposed
from ledger.engine.evolve import evolve
from ledger.engine.state import LEDGER, Ledger
from ledger.errors import LedgerError
from replay.findings import Discrepancy, StoredRow

_OWN = frozenset({"operator", "approval", "engine"})
"""Members that say who ran a command, and on what; the rest is what was proposed."""


class FourEyes:
    """Follows the commands in order of position; remembers what was proposed and who decided."""

    def __init__(self) -> None:
        self._ledger = Ledger()
        self._waiting: dict[int, CommandProposed] = {}
        self._approved: tuple[int, CommandProposed] | None = None

    def check(self, row: StoredRow, event: Event) -> Iterator[Discrepancy]:
        """D16.1: yield what is wrong with a command, by the commands before it."""
        if row.originator_id != LEDGER:
            return
        for what in self._problems(row.position, event):
            yield Discrepancy("D16.1", what, row.position, row.partner_id)
        if row.effective_at is not None and row.day is not None:
            recorded = Recorded(row.position, row.effective_at, row.day, event)
            # A document that no engine could read has never been in force.
            with suppress(LedgerError):
                ledger = evolve(LEDGER, self._ledger, recorded)
                assert isinstance(ledger, Ledger)
                self._ledger = ledger

    def _problems(self, position: int, event: Event) -> Iterator[str]:
        approved, self._approved = self._approved, None
        if isinstance(event, CommandProposed):
            self._waiting[position] = event
        elif isinstance(event, ProposalApproved | ProposalRejected):
            proposal = self._waiting.pop(event.proposal, None)
            if proposal is None:
                yield f"no proposal waited at position {event.proposal}"
            elif isinstance(event, ProposalApproved):
                self._approved = position, proposal
                if not is_other(proposal, event.operator):
                    yield f"{event.operator} approved what {proposal.operator} proposed"
        elif isinstance(event, Controlled):
            yield from _of_command(self._ledger, event, approved)


def _of_command(
    ledger: Ledger, command: Controlled, approved: tuple[int, CommandProposed] | None
) -> Iterator[str]:
    if command.approval is None:
        if needs_approval(ledger, command):
            yield f"a {command.type} took effect without an approval"
        return
    if approved is None or approved[0] != command.approval:
        yield f"position {command.approval}, which it names, is not the approval just before it"
        return
    proposal = approved[1]
    if command.operator != proposal.operator:
        yield f"its operator {command.operator} is not {proposal.operator}, who proposed it"
    if _terms(command) != _terms(proposed(proposal)):
        yield "it is not what was proposed"


def _terms(command: Controlled) -> dict[str, object]:
    """What a command says; the number of a version is given when it is adopted."""
    left_out = _OWN | {"number"} if isinstance(command, ProgrammeAdopted) else _OWN
    return {name: value for name, value in command if name not in left_out}
