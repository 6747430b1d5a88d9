"""What is granted to strategic partners: brands (D13) and departments (D14)."""

from __future__ import annotations

from datetime import date
from typing import Literal

from events.decisions import FactUnresolved
from events.partner_decisions import (
    TerritoryAccepted,
    TerritoryRejected,
    WhiteLabelAccepted,
    WhiteLabelRejected,
)
from events.partners import PartnerTerritoryGranted, PartnerWhiteLabelGranted
from events.recorded import Recorded
from ledger.engine.calendar import add_months
from ledger.engine.draft import Draft, programme_on
from ledger.engine.state import Department, department_of, partner_of


def answer_brand(draft: Draft, event: Recorded, fact: PartnerWhiteLabelGranted) -> None:
    """A brand goes to who is strategic on its day, as decided so far (D13)."""
    partner = partner_of(draft.state, fact.partner_id)
    version = programme_on(draft.ledger, partner, event.day).version
    if partner.is_strategic_on(event.day, draft.ledger.open_run):
        draft.emit(
            WhiteLabelAccepted(
                rule="D13",
                programme_version=version,
                day=event.day,
                partner_id=fact.partner_id,
                fact=event.position,
            )
        )
        return
    draft.emit(
        WhiteLabelRejected(
            rule="D13",
            programme_version=version,
            day=event.day,
            partner_id=fact.partner_id,
            reason="not_strategic",
            fact=event.position,
        )
    )


def answer_territory(draft: Draft, event: Recorded, fact: PartnerTerritoryGranted) -> None:
    """A department goes to who is strategic and meets no other holder up to the end (D14)."""
    partner = partner_of(draft.state, fact.partner_id)
    adopted = programme_on(draft.ledger, partner, event.day)
    if adopted.programme.territory is None:
        draft.emit(
            FactUnresolved(
                fact=event.position,
                about=f"partner:{fact.partner_id}",
                reason="no_territories",
                partner_id=fact.partner_id,
                day=event.day,
            )
        )
        return
    department = department_of(draft.state, fact.department)
    end = _end(department, fact.partner_id, event.day, adopted.programme.territory.months)
    reason: Literal["not_strategic", "held"] | None = None
    if not partner.is_strategic_on(event.day, draft.ledger.open_run):
        reason = "not_strategic"
    elif any(
        grant.partner_id != fact.partner_id and grant.day < end and event.day < grant.end
        for grant in department.grants
    ):
        reason = "held"
    if reason is not None:
        draft.emit(
            TerritoryRejected(
                rule="D14",
                programme_version=adopted.version,
                day=event.day,
                partner_id=fact.partner_id,
                department=fact.department,
                fact=event.position,
                reason=reason,
            )
        )
        return
    draft.emit(
        TerritoryAccepted(
            rule="D14",
            programme_version=adopted.version,
            day=event.day,
            partner_id=fact.partner_id,
            department=fact.department,
            fact=event.position,
            end=end,
        )
    )


def _end(department: Department, partner_id: str, day: date, months: int) -> date:
    """The day after the last that a grant holds: of a renewal counted from the running end."""
    running = department.grant_on(day)
    if running is not None and running.partner_id == partner_id:
        return add_months(running.end, months)
    return add_months(day, months)
