"""Finance gives a client to a partner, or to none, from a day on (D3.6)."""

from __future__ import annotations

from events.base import Decision
from events.decisions import AttributionAssigned
from events.finance import AttributionAssignmentRequested
from events.recorded import Recorded
from ledger.engine.draft import Draft
from ledger.engine.standing import record_standing
from ledger.engine.state import Overlay


def decide_assignment(
    state: Overlay, event: Recorded, command: AttributionAssignmentRequested
) -> list[Decision]:
    """The client's holder from a day on, and how it stands if that changes who counts it."""
    draft = Draft(state)
    draft.emit(
        AttributionAssigned(
            rule="D3.6",
            day=command.from_day,
            client_id=command.client_id,
            partner_id=command.partner_id,
            command=event.position,
        )
    )
    record_standing(draft, event, command.client_id)
    return draft.decisions
