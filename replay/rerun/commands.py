"""What finance's commands decide on a ledger in memory, as the write side does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from events.base import Decision, Event
from events.finance import (
    AdjustmentRequested,
    AttributionAssignmentRequested,
    CreditRequested,
    FactRetracted,
    PartnerCorrected,
    PartnerOpened,
    PartnerProgrammeAssigned,
    PayoutRun,
    PeriodClosed,
)
from events.recorded import Recorded
from ledger.engine import closes, commands, openings
from ledger.engine.assignments import decide_assignment
from ledger.engine.draft import Draft
from ledger.engine.payouts import decide_payouts
from ledger.engine.retraction import decide_retraction
from ledger.engine.state import Overlay
from ledger.engine.ties import decide_correction
from replay.rerun.memory import Memory

Key = tuple[str, str]
"""Source and id of a fact."""


class Named(NamedTuple):
    """What commands name, wherever it stands: lines by position, facts by source and id."""

    lines: Mapping[int, Recorded] = {}
    facts: Mapping[Key, Recorded] = {}


def decide_command(
    memory: Memory, state: Overlay, event: Recorded, named: Named
) -> Sequence[Decision]:
    """The decisions that a command brings at once, their entities put into ``state``.

    ``memory`` has been told the command; ``state`` is its own or lies over it. Runs and closes are
    decided elsewhere; other commands bring none.
    """
    decide = _DECIDE.get(type(event.data))
    return () if decide is None else decide(memory, state, event, named)


def decide_rankings(
    memory: Memory, close: Recorded, tallies: Mapping[closes.Span, Sequence[closes.Tally]]
) -> list[Decision]:
    """The rankings and prizes of a ``period.closed``, by the tallies of its boards' spans (D12)."""
    month = _command(close, PeriodClosed).month
    boards = closes.boards(memory.ledger, month)
    if not boards:
        return []
    partners = memory.partners()
    ranked = [closes.rank(memory.ledger, each, tallies[each.span], partners) for each in boards]
    return closes.decide_close(memory.ledger, close.position, month, ranked, partners)


def _programme(memory: Memory, state: Overlay, event: Recorded, _: Named) -> Sequence[Decision]:
    command = _command(event, PartnerProgrammeAssigned)
    clients = memory.clients_activated_from(command.partner_id, command.from_day)
    return commands.decide_assignment(state, event, command, clients)


def _holder(_: Memory, state: Overlay, event: Recorded, __: Named) -> Sequence[Decision]:
    return decide_assignment(state, event, _command(event, AttributionAssignmentRequested))


def _correction(_: Memory, state: Overlay, event: Recorded, __: Named) -> Sequence[Decision]:
    return decide_correction(state, event, _command(event, PartnerCorrected))


def _retraction(_: Memory, state: Overlay, event: Recorded, named: Named) -> Sequence[Decision]:
    """What a retraction decides, but for the list of what stays: no line rests on that."""
    command = _command(event, FactRetracted)
    return decide_retraction(state, event, named.facts[command.source, command.id])


def _opening(memory: Memory, state: Overlay, event: Recorded, _: Named) -> Sequence[Decision]:
    command = _command(event, PartnerOpened)
    partner = memory.partner(command.partner_id)
    decided = openings.decide_partner_opening(memory.ledger, event, command, partner)
    return _folded(state, decided)


def _payouts(memory: Memory, state: Overlay, event: Recorded, _: Named) -> Sequence[Decision]:
    command = _command(event, PayoutRun)
    payables = memory.payables(command.cutoff, command.partner_id)
    named = command.partner_id is not None
    decided = decide_payouts(
        memory.ledger, event.position, command.cutoff, payables, on_any_day=named
    )
    return _folded(state, list(decided))


def _adjustment(
    memory: Memory, state: Overlay, event: Recorded, named: Named
) -> Sequence[Decision]:
    command = _command(event, AdjustmentRequested)
    line = named.lines.get(command.line or 0)
    return _folded(state, [commands.decide_adjustment(memory.ledger, event, command, line)])


def _credit(memory: Memory, state: Overlay, event: Recorded, _: Named) -> Sequence[Decision]:
    command = _command(event, CreditRequested)
    return _folded(state, [commands.decide_credit(memory.ledger, event, command)])


def _folded(state: Overlay, decisions: Sequence[Decision]) -> Sequence[Decision]:
    draft = Draft(state)
    for decision in decisions:
        draft.emit(decision)
    return draft.decisions


def _command(event: Recorded, cls: type[Any]) -> Any:
    assert isinstance(event.data, cls)
    return event.data


_DECIDE: Mapping[type[Event], Callable[[Memory, Overlay, Recorded, Named], Sequence[Decision]]] = {
    PartnerProgrammeAssigned: _programme,
    AttributionAssignmentRequested: _holder,
    PartnerCorrected: _correction,
    FactRetracted: _retraction,
    PartnerOpened: _opening,
    PayoutRun: _payouts,
    AdjustmentRequested: _adjustment,
    CreditRequested: _credit,
}
