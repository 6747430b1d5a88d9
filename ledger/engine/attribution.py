"""Whose client it is: claims, provisional attributions, settlement (D3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Literal

from events.billing import ClientActivated
from events.decisions import (
    ReferralAccepted,
    ReferralLapsed,
    ReferralRejected,
    ReferralUnchanged,
    ReferralWaiting,
    UnretractedAttribution,
)
from events.partners import ReferralRegistered
from events.recorded import Recorded
from ledger.engine.calendar import add_days
from ledger.engine.draft import Draft, programme_on
from ledger.engine.standing import as_if_unretracted, first_activation, record_standing
from ledger.engine.state import (
    Attribution,
    Claim,
    Client,
    Grant,
    Overlay,
    client_of,
    department_of,
    partner_of,
)
from ledger.policy.programme import Programme


def answer_referral(draft: Draft, event: Recorded, fact: ReferralRegistered) -> None:
    """A registered referral claims its client (D3.1)."""
    claim = Claim(event.position, event.day, fact.partner_id, fact.client_id, fact.department)
    answer_claim(draft, event, claim)


def answer_activation(draft: Draft, event: Recorded, fact: ClientActivated) -> None:
    """An activation settles a provisional attribution, then its own claim is checked (D3.4)."""
    _settle(draft, event, fact)
    _as_if_unretracted(draft, event, fact.client_id, lambda other: _settle(other, event, fact))
    record_standing(draft, event, fact.client_id)


def _settle(draft: Draft, event: Recorded, fact: ClientActivated) -> None:
    client = client_of(draft.state, fact.client_id)
    settles = client.settled_by == event.position
    held = client.attribution
    if settles and held is not None and held.live_through is not None:
        # The fold of the activation has settled for life what its day lies in the window of.
        _lapse(draft, held, fact.client_id, lapse_reason(held, event.day), event.position)
    if fact.partner_id is not None:
        claim = Claim(event.position, event.day, fact.partner_id, fact.client_id, fact.department)
        check_claim(draft, event, claim, settles=settles)


def lapse_reason(held: Attribution, day: date) -> Literal["expired", "too_late"]:
    """Why an activation of a day outside its window ends a provisional attribution (D3.4)."""
    return "too_late" if day < held.day else "expired"


def answer_waiting(draft: Draft, event: Recorded, waiting: tuple[Claim, ...]) -> None:
    """The claims that waited for this enrolment are decided now, in their order (D3.2)."""
    for claim in sorted(waiting, key=lambda waits: waits.position):
        answer_claim(draft, event, claim)


def answer_claim(draft: Draft, event: Recorded, claim: Claim) -> None:
    """Check a claim and take the answer; ``event`` is the fact that brings the decision now."""
    check_claim(draft, event, claim)
    _as_if_unretracted(
        draft, event, claim.client_id, lambda other: check_claim(other, event, claim)
    )


def check_claim(draft: Draft, event: Recorded, claim: Claim, *, settles: bool = False) -> None:
    """Check a claim in the order of D3.3 and take the answer, by what is not retracted.

    ``settles``: the claim is the settling activation's own, which is never late (D3.4).
    """
    partner = partner_of(draft.state, claim.partner_id)
    if partner.enrolment is None:
        draft.emit(
            ReferralWaiting(
                rule="D3.2",
                day=claim.day,
                claim=claim.position,
                client_id=claim.client_id,
                partner_id=claim.partner_id,
                department=claim.department,
            )
        )
        return
    if claim.day < partner.enrolment.day:
        _reject(draft, claim, "unknown_partner", "D3.2")
        return
    if not partner.in_force_on(claim.day):
        _reject(draft, claim, "agreement_ended", "D3.3a")
        return
    if claim.department is not None:
        grant = _grant_against(draft, claim, claim.department)
        if grant is not None:
            _reject(draft, claim, "territory", "D3.3b", grant.position)
            return
    client = client_of(draft.state, claim.client_id)
    if _answer_attributed(draft, claim, client):
        return
    if settles:
        _accept(draft, claim, "D3.4", None)
    elif client.settled_by is not None:
        _answer_late(draft, event, claim)
    else:
        _accept_provisionally(draft, claim)


def _as_if_unretracted(
    draft: Draft, event: Recorded, client_id: str, decide: Callable[[Draft], None]
) -> None:
    """Decide the same once more for a client of which something was retracted, as if nothing was.

    What would hold then is recorded where it changes, for U (D9.5); nothing else of it is.
    """
    client = client_of(draft.state, client_id)
    if client.unretracted is None:
        return
    other = Draft(Overlay(draft.state))
    other.state.changed[f"client:{client_id}"] = as_if_unretracted(client)
    decide(other)
    held = client_of(other.state, client_id).attribution
    if held == client.unretracted.attribution:
        return
    draft.emit(
        UnretractedAttribution(
            rule="D9.5",
            day=event.day,
            client_id=client_id,
            partner_id=held.partner_id if held else None,
            claim=held.claim if held else None,
            claim_day=held.day if held else None,
            live_through=held.live_through if held else None,
            fact=event.position,
        )
    )


def _grant_against(draft: Draft, claim: Claim, department: str) -> Grant | None:
    """The grant of the department to another partner on the claim's day (D3.3b)."""
    if _rules(draft, claim.partner_id, claim.day).attribution.territory_check == "leads_only":
        return None
    grant = department_of(draft.state, department).grant_on(claim.day)
    return grant if grant is not None and grant.partner_id != claim.partner_id else None


def _answer_attributed(draft: Draft, claim: Claim, client: Client) -> bool:
    """Answer a claim to a client that finance assigned or that is attributed on its day, if so.

    Finance's word stands against every claim, of whatever day (D3.6).
    """
    held = client.attribution
    if client.assignments:
        last = client.assignments[-1]
        rule, partner_id, standing = "D3.6", last.partner_id, last.position
    elif held is not None and held.is_live(claim.day):
        rule, partner_id, standing = "D3.3c", held.partner_id, held.claim
    else:
        return False
    if partner_id != claim.partner_id:
        _reject(draft, claim, "already_attributed", rule, standing)
        return True
    draft.emit(
        ReferralUnchanged(
            rule=rule,
            programme_version=_version(draft, claim.partner_id, claim.day),
            day=claim.day,
            claim=claim.position,
            client_id=claim.client_id,
            partner_id=claim.partner_id,
            standing_claim=standing,
        )
    )
    return True


def _answer_late(draft: Draft, event: Recorded, claim: Claim) -> None:
    """An activation is on record: the claim wins for life, or it is too late (D3.3d)."""
    activation = first_activation(client_of(draft.state, claim.client_id))
    first = activation.day if activation else None
    rules = _rules(draft, claim.partner_id, claim.day).attribution
    accrued = draft.ledger.accrued_through
    wins = (
        first is not None
        and claim.day <= first <= add_days(claim.day, rules.window_days)
        and (accrued is None or accrued <= add_days(first, rules.late_days))
    )
    if wins:
        _accept(draft, claim, "D3.3d", None, late=True)
        record_standing(draft, event, claim.client_id)
    else:
        _reject(draft, claim, "too_late", "D3.3d")


def _accept_provisionally(draft: Draft, claim: Claim) -> None:
    """The claim wins up to the end of its window; a holder whose window is over lapses (D3.4)."""
    held = client_of(draft.state, claim.client_id).attribution
    if held is not None:
        _lapse(draft, held, claim.client_id, "expired", claim.position)
    window = _rules(draft, claim.partner_id, claim.day).attribution.window_days
    _accept(draft, claim, "D3.3e", add_days(claim.day, window))


def _lapse(
    draft: Draft,
    held: Attribution,
    client_id: str,
    reason: Literal["expired", "too_late"],
    cause: int,
) -> None:
    draft.emit(
        ReferralLapsed(
            rule="D3.4",
            programme_version=_version(draft, held.partner_id, held.day),
            day=held.day,
            claim=held.claim,
            client_id=client_id,
            partner_id=held.partner_id,
            reason=reason,
            cause=cause,
        )
    )


def _accept(
    draft: Draft, claim: Claim, rule: str, live_through: date | None, *, late: bool = False
) -> None:
    draft.emit(
        ReferralAccepted.trusted(
            rule=rule,
            programme_version=_version(draft, claim.partner_id, claim.day),
            day=claim.day,
            claim=claim.position,
            client_id=claim.client_id,
            partner_id=claim.partner_id,
            live_through=live_through,
            late=late,
        )
    )


def _reject(
    draft: Draft, claim: Claim, reason: str, rule: str, standing: int | None = None
) -> None:
    draft.emit(
        ReferralRejected.model_validate(
            {
                "rule": rule,
                "programme_version": _version(draft, claim.partner_id, claim.day),
                "day": claim.day,
                "claim": claim.position,
                "client_id": claim.client_id,
                "partner_id": claim.partner_id,
                "reason": reason,
                "standing_claim": standing,
            }
        )
    )


def _rules(draft: Draft, partner_id: str, day: date) -> Programme:
    return programme_on(draft.ledger, partner_of(draft.state, partner_id), day).programme


def _version(draft: Draft, partner_id: str, day: date) -> str:
    return programme_on(draft.ledger, partner_of(draft.state, partner_id), day).version
