"""Who sponsors a partner: ties of enrolments and of their corrections (D11, D9.6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from events.base import Decision
from events.finance import PartnerCorrected
from events.partner_decisions import (
    EnrolmentCorrected,
    SponsorAccepted,
    SponsorRejected,
    SponsorWaiting,
)
from events.recorded import Recorded
from ledger.engine.draft import Draft, programme_on
from ledger.engine.state import Overlay, Partner, State, partner_of


def answer_sponsor(draft: Draft, event: Recorded, partner_id: str) -> None:
    """Decide the tie of an enrolled partner to the sponsor that it names now, if it names one.

    ``event`` is what brings the decision: an enrolment, or a correction.
    """
    partner = partner_of(draft.state, partner_id)
    enrolment = partner.enrolment
    if enrolment is None or enrolment.sponsor_id is None:
        return
    sponsor = partner_of(draft.state, enrolment.sponsor_id)
    said = {
        "rule": "D11",
        "programme_version": programme_on(draft.ledger, partner, enrolment.day).version,
        "day": enrolment.day,
        "partner_id": partner_id,
        "sponsor_id": sponsor.partner_id,
        "fact": enrolment.sponsor_from,
    }
    reason = _why_rejected(draft.state, partner, sponsor)
    if reason is not None:
        draft.emit(SponsorRejected.model_validate({**said, "reason": reason}))
    elif sponsor.enrolment is None:
        draft.emit(SponsorWaiting.model_validate(said))
    else:
        corrected = enrolment.sponsor_from != enrolment.position
        after = event.position if corrected else None
        draft.emit(SponsorAccepted.model_validate({**said, "lines_after": after}))


def answer_sponsored(draft: Draft, event: Recorded, sponsor_id: str) -> None:
    """The partners that waited for this sponsor's enrolment are decided now, in recording order."""
    waiting = partner_of(draft.state, sponsor_id).sponsored
    for tie in sorted(waiting, key=lambda tie: tie.position):
        enrolment = partner_of(draft.state, tie.partner_id).enrolment
        # A correction may have named another sponsor since.
        if enrolment is not None and enrolment.sponsor_from == tie.position:
            answer_sponsor(draft, event, tie.partner_id)


def sponsors_above(state: State, partner_id: str | None) -> Iterator[str]:
    """The partner and its sponsors, one above the other, as far as ``state`` knows them."""
    seen: set[str] = set()
    above = partner_id
    while above is not None and above not in seen:
        seen.add(above)
        yield above
        tie = partner_of(state, above).sponsor
        above = tie.sponsor_id if tie is not None else None


def decide_correction(state: Overlay, event: Recorded, command: PartnerCorrected) -> list[Decision]:
    """What an enrolment says from now on; a corrected sponsor is a tie decided at once (D9.6)."""
    draft = Draft(state)
    enrolment = partner_of(state, command.partner_id).enrolment
    assert enrolment is not None
    draft.emit(
        EnrolmentCorrected(
            rule="D9.6",
            day=enrolment.day,
            partner_id=command.partner_id,
            kind=command.kind,
            founding=command.founding,
            sponsor_id=command.sponsor_id,
            department=command.department,
            cleared=command.cleared,
            command=event.position,
        )
    )
    if command.sponsor_id is not None:
        answer_sponsor(draft, event, command.partner_id)
    return draft.decisions


def _why_rejected(
    state: State, partner: Partner, sponsor: Partner
) -> Literal["self", "unknown_sponsor", "cycle"] | None:
    if sponsor.partner_id == partner.partner_id:
        return "self"
    if sponsor.enrolment is None or partner.enrolment is None:
        return None
    if sponsor.enrolment.day > partner.enrolment.day:
        return "unknown_sponsor"
    if partner.partner_id in sponsors_above(state, sponsor.partner_id):
        return "cycle"
    return None
