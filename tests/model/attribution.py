"""Claims of the model, decided in recording order when a fact is recorded (D3).

In this issue: no assignments, no territories, no retractions. Agreed readings:

- A claim of a day before its partner's enrolment day is rejected ``unknown_partner`` before any
  other check, whether or not it waited.
- In D3.3d "that day" is the first activation day: L may be at most ``late_days`` later.
- Parameters are those of the claiming partner's programme on the claim's day.
- Of several captures of one lead, as of several things that name its client, the first recorded
  stands, and the others are unresolved.
- Claims that waited are decided in the order of their facts' positions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from events.billing import ClientActivated
from events.partners import LeadCaptured, LeadConverted, PartnerEnrolled, ReferralRegistered
from ledger.policy.programme import Programme
from tests.model.journal import ClaimView
from tests.model.periods import activations, first_activation_day
from tests.model.seen import Seen, enrolment, in_force


@dataclass
class Claim:
    """A claim of a partner to a client, with its last answer."""

    fact: Seen
    client_id: str
    partner_id: str
    answer: str = "waiting"
    reason: str = ""
    live_through: date | None = None
    for_life: bool = False

    @property
    def day(self) -> date:
        """The day of its fact."""
        return self.fact.day

    def answered(self, answer: str, reason: str = "") -> None:
        """Give the claim its last answer."""
        self.answer, self.reason = answer, reason

    def is_live(self, day: date) -> bool:
        """Whether this attribution stands against a claim of a day (D3.4)."""
        return self.for_life or (self.live_through is not None and day <= self.live_through)

    def view(self) -> ClaimView:
        """The claim as it is shown."""
        message = self.fact.message
        return ClaimView(
            message.id, self.client_id, self.partner_id, self.day, self.answer, self.reason
        )


@dataclass
class Attribution:
    """All claims, and the attribution of each client that stands."""

    programme: Callable[[str, date], Programme]
    claims: list[Claim] = field(default_factory=list)
    standing: dict[str, Claim] = field(default_factory=dict)
    useless: set[str] = field(default_factory=set)
    """Ids of facts about leads that others of the same lead came before."""

    def holder(self, client_id: str) -> str | None:
        """The partner that a client is attributed to for life."""
        standing = self.standing.get(client_id)
        return standing.partner_id if standing and standing.for_life else None

    def hear(self, facts: list[Seen], accrued: date | None) -> None:
        """Decide what the last of these facts asks; ``accrued`` is L."""
        seen = facts[-1]
        data = seen.message.data
        match data:
            case PartnerEnrolled():
                for claim in sorted(self.claims, key=lambda claim: claim.fact.position):
                    if claim.partner_id == data.partner_id and claim.answer == "waiting":
                        self._decide(claim, facts, accrued)
            case ReferralRegistered():
                self._claim(seen, data.client_id, data.partner_id, facts, accrued)
            case ClientActivated():
                first = len(activations(facts, data.client_id)) == 1
                if first:
                    self._settle(data.client_id, seen.day)
                if data.partner_id is not None:
                    self._claim(
                        seen, data.client_id, data.partner_id, facts, accrued, own_of_first=first
                    )
            case LeadCaptured() | LeadConverted():
                self._lead(data.lead_id, facts, accrued)

    def _settle(self, client_id: str, day: date) -> None:
        """D3.4: the first activation recorded settles what is provisional."""
        standing = self.standing.get(client_id)
        if standing is None:
            return
        assert standing.live_through is not None
        if standing.day <= day <= standing.live_through:
            standing.for_life = True
            return
        expired = day > standing.live_through
        standing.answered("lapsed", "expired" if expired else "too_late")
        del self.standing[client_id]

    def _lead(self, lead_id: str, facts: list[Seen], accrued: date | None) -> None:
        """A lead is a claim as soon as its client is known (D3.1)."""
        mine = [
            (seen, data)
            for seen in facts
            if isinstance(data := seen.message.data, LeadCaptured | LeadConverted)
            and data.lead_id == lead_id
        ]
        captures = [(seen, data) for seen, data in mine if isinstance(data, LeadCaptured)]
        others = {seen.message.id for seen, _ in captures[1:]}
        mine = [(seen, data) for seen, data in mine if seen.message.id not in others]
        links = [(seen, data.client_id) for seen, data in mine if data.client_id is not None]
        self.useless |= others | {seen.message.id for seen, _ in links[1:]}
        if not captures or not links:
            return
        capture, partner_id = captures[0][0], captures[0][1].partner_id
        if partner_id is not None and all(claim.fact != capture for claim in self.claims):
            self._claim(capture, links[0][1], partner_id, facts, accrued)

    def _claim(
        self,
        fact: Seen,
        client_id: str,
        partner_id: str,
        facts: list[Seen],
        accrued: date | None,
        *,
        own_of_first: bool = False,
    ) -> None:
        claim = Claim(fact, client_id, partner_id)
        self.claims.append(claim)
        self._decide(claim, facts, accrued, own_of_first=own_of_first)

    def _decide(
        self, claim: Claim, facts: list[Seen], accrued: date | None, *, own_of_first: bool = False
    ) -> None:
        """D3.2 and D3.3; ``own_of_first``: the claim of the activation that settled the client."""
        enrolled = enrolment(facts, claim.partner_id)
        if enrolled is None:
            return
        if claim.day < enrolled[0].day:
            claim.answered("rejected", "unknown_partner")
            return
        if not in_force(facts, claim.partner_id, claim.day):
            claim.answered("rejected", "agreement_ended")
            return
        standing = self.standing.get(claim.client_id)
        if standing is not None and standing.is_live(claim.day):
            if standing.partner_id == claim.partner_id:
                claim.answered("no_effect")
            else:
                claim.answered("rejected", "already_attributed")
            return
        terms = self.programme(claim.partner_id, claim.day).attribution
        window_end = claim.day + timedelta(days=terms.window_days)
        if own_of_first:
            self._win(claim, for_life=True)
        elif activations(facts, claim.client_id):
            first = first_activation_day(facts, claim.client_id)
            assert first is not None
            heard = accrued is None or accrued <= first + timedelta(days=terms.late_days)
            if claim.day <= first <= window_end and heard:
                self._win(claim, for_life=True)
            else:
                claim.answered("rejected", "too_late")
        else:
            if standing is not None:
                standing.answered("lapsed", "expired")
            claim.live_through = window_end
            self._win(claim, for_life=False)

    def _win(self, claim: Claim, *, for_life: bool) -> None:
        claim.answered("accepted")
        claim.for_life = for_life
        self.standing[claim.client_id] = claim
