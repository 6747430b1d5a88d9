"""Claims of the model, decided in recording order when a fact is recorded (D3, D9.5).

Readings:

- A claim of a day before its partner's enrolment day is rejected ``unknown_partner`` before any
  other check, whether or not it waited.
- In D3.3d "that day" is the first activation day: L may be at most ``late_days`` later.
- Parameters are those of the claiming partner's programme on the claim's day.
- Of several captures of one lead, as of several things that name its client, the first recorded
  stands, and the others are unresolved.
- Claims that waited are decided in the order of their facts' positions.
- A lead without partner is looked at once, when its client becomes known: if nobody holds its
  department then, it is no claim, whatever is granted later.
- With assignments, *the assigned partner* of D3.6 is the one of the assignment recorded last; its
  claim has no effect whatever the days, every other is rejected, after checks (a) and (b).
- A retracted claim that waits, or that stands, lapses (``retracted``); one rejected or without
  effect keeps its answer.
- A claim of a lead rests on the capture and on what named the client: if either is retracted it
  lapses, and the lead is looked at again at once, with what remains (the second capture, the second
  conversion), as if that was recorded now.
- A retracted activation leaves alone what was won late (D3.3d) while it was on record: it settled
  nothing. It is "another has won since" if another attribution stands when it is retracted.
- What is provisional again is settled by the first activation that remains, which is not then a
  claim of its own anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from events.billing import ClientActivated
from events.partners import LeadCaptured, LeadConverted, PartnerEnrolled, ReferralRegistered
from ledger.policy.programme import Programme
from tests.model.commands import Assign
from tests.model.days import plus_days
from tests.model.periods import activations, first_activation_day
from tests.model.seen import Seen, enrolment, in_force, of_type
from tests.model.territories import Territories
from tests.model.views import ClaimView


@dataclass(eq=False)
class Claim:
    """A claim of a partner to a client, with its last answer."""

    fact: Seen
    client_id: str
    partner_id: str
    named_by: Seen
    """The fact that named the client: its own, or a conversion."""
    answer: str = "waiting"
    reason: str = ""
    live_through: date | None = None
    for_life: bool = False
    settled_by: Seen | None = None
    is_void: bool = False

    @property
    def day(self) -> date:
        """The day of its fact."""
        return self.fact.day

    @property
    def department(self) -> str | None:
        """The department that its fact names."""
        data = self.fact.message.data
        assert isinstance(data, ReferralRegistered | ClientActivated | LeadCaptured)
        return data.department

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
    """All claims and assignments, and the attribution of each client that stands."""

    programme: Callable[[str, date], Programme]
    territories: Territories
    claims: list[Claim] = field(default_factory=list)
    standing: dict[str, Claim] = field(default_factory=dict)
    assignments: list[Assign] = field(default_factory=list)
    useless: set[str] = field(default_factory=set)
    """Ids of facts about leads that others of the same lead came before."""

    # --- who holds a client ----------------------------------------------------------------------

    def winning(self, client_id: str) -> Claim | None:
        """The claim that holds a client for life, if any, whatever finance assigned."""
        standing = self.standing.get(client_id)
        return standing if standing and standing.for_life else None

    def assignment(self, client_id: str, day: date) -> Assign | None:
        """The assignment that holds on a day: of the latest day up to it, the last recorded."""
        found: Assign | None = None
        for one in self.assignments:
            if one.client_id == client_id and one.from_day <= day:
                found = one if found is None or one.from_day >= found.from_day else found
        return found

    def holder(self, client_id: str, day: date) -> str | None:
        """The partner that holds a client on a day (D3.4, D3.6)."""
        assigned, winning = self.assignment(client_id, day), self.winning(client_id)
        if assigned is not None:
            return assigned.partner_id
        return winning.partner_id if winning else None

    def held_since(self, client_id: str, day: date) -> date | None:
        """The day of the claim or assignment by which a client is held on a day."""
        assigned, winning = self.assignment(client_id, day), self.winning(client_id)
        if assigned is not None:
            return assigned.from_day
        return winning.day if winning else None

    # --- what is recorded ------------------------------------------------------------------------

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
                claim = Claim(seen, data.client_id, data.partner_id, seen)
                self._claim(claim, facts, accrued)
            case ClientActivated():
                first = len(activations(facts, data.client_id)) == 1
                if first:
                    self._settle(data.client_id, seen)
                if data.partner_id is not None:
                    claim = Claim(seen, data.client_id, data.partner_id, seen)
                    self._claim(claim, facts, accrued, own_of_first=first)
            case LeadCaptured() | LeadConverted():
                self._lead(data.lead_id, facts[:-1], facts, accrued)

    def retract(self, seen: Seen, facts: list[Seen], accrued: date | None) -> None:
        """A fact was never true (D9.5); ``facts`` are those that remain."""
        for claim in self.claims:
            if seen in {claim.fact, claim.named_by} and not claim.is_void:
                self._void(claim)
        data = seen.message.data
        if isinstance(data, LeadCaptured | LeadConverted):
            before = sorted([*facts, seen], key=lambda one: one.position)
            self._lead(data.lead_id, before, facts, accrued)
        if isinstance(data, ClientActivated):
            self._unsettle(data.client_id, seen, facts)

    def _void(self, claim: Claim) -> None:
        claim.is_void = True
        if self.standing.get(claim.client_id) is claim:
            del self.standing[claim.client_id]
            claim.answered("lapsed", "retracted")
        elif claim.answer == "waiting":
            claim.answered("lapsed", "retracted")

    def _unsettle(self, client_id: str, seen: Seen, facts: list[Seen]) -> None:
        """What a retracted activation settled is provisional again."""
        for claim in self.claims:
            if claim.settled_by != seen or claim.is_void:
                continue
            claim.settled_by = None
            if self.standing.setdefault(client_id, claim) is not claim:
                continue
            claim.for_life = False
            claim.answered("accepted")
            if remaining := activations(facts, client_id):
                self._settle(client_id, remaining[0][0])

    def _settle(self, client_id: str, activation: Seen) -> None:
        """D3.4: the first activation recorded settles what is provisional."""
        standing = self.standing.get(client_id)
        if standing is None or standing.for_life:
            return
        assert standing.live_through is not None
        standing.settled_by = activation
        if standing.day <= activation.day <= standing.live_through:
            standing.for_life = True
            return
        expired = activation.day > standing.live_through
        standing.answered("lapsed", "expired" if expired else "too_late")
        del self.standing[client_id]

    def _lead(
        self, lead_id: str, before: list[Seen], facts: list[Seen], accrued: date | None
    ) -> None:
        """A lead is a claim once its client is known (D3.1), by facts that were not before."""
        captures, links = _words(lead_id, facts)
        self.useless -= _later(*_words(lead_id, before))
        self.useless |= _later(captures, links)
        if not captures or not links or _told(lead_id, before) == _told(lead_id, facts):
            return
        (capture, data), (named_by, client_id) = captures[0], links[0]
        partner_id = data.partner_id or self.territories.holder(data.department, capture.day)
        if partner_id is not None:
            self._claim(Claim(capture, client_id, partner_id, named_by), facts, accrued)

    # --- how a claim is decided ------------------------------------------------------------------

    def _claim(
        self,
        claim: Claim,
        facts: list[Seen],
        accrued: date | None,
        *,
        own_of_first: bool = False,
    ) -> None:
        self.claims.append(claim)
        self._decide(claim, facts, accrued, own_of_first=own_of_first)

    def _decide(
        self, claim: Claim, facts: list[Seen], accrued: date | None, *, own_of_first: bool = False
    ) -> None:
        """D3.2 and D3.3; ``own_of_first``: the claim of the activation that settled the client."""
        enrolled = enrolment(facts, claim.partner_id)
        if enrolled is None:
            return
        if reason := self._obstacle(claim, enrolled[0].day, facts):
            claim.answered("rejected", reason)
            return
        if (holder := self._live(claim)) is not None:
            same = holder == (claim.partner_id,)
            claim.answered(*(("no_effect",) if same else ("rejected", "already_attributed")))
            return
        terms = self.programme(claim.partner_id, claim.day).attribution
        window_end = plus_days(claim.day, terms.window_days)
        if own_of_first:
            self._win(claim, for_life=True)
        elif activations(facts, claim.client_id):
            first = first_activation_day(facts, claim.client_id)
            assert first is not None
            heard = accrued is None or accrued <= plus_days(first, terms.late_days)
            if claim.day <= first <= window_end and heard:
                self._win(claim, for_life=True)
            else:
                claim.answered("rejected", "too_late")
        else:
            if (standing := self.standing.get(claim.client_id)) is not None:
                standing.answered("lapsed", "expired")
            claim.live_through = window_end
            self._win(claim, for_life=False)

    def _obstacle(self, claim: Claim, enrolment_day: date, facts: list[Seen]) -> str:
        """D3.2, D3.3a and b: why a claim fails whoever holds the client; '' if nothing is there."""
        if claim.day < enrolment_day:
            return "unknown_partner"
        if not in_force(facts, claim.partner_id, claim.day):
            return "agreement_ended"
        terms = self.programme(claim.partner_id, claim.day).attribution
        holder = self.territories.holder(claim.department, claim.day)
        if terms.territory_check == "all" and holder not in {None, claim.partner_id}:
            return "territory"
        return ""

    def _live(self, claim: Claim) -> tuple[str | None] | None:
        """D3.3c: who has the attribution that is live against a claim; None if there is none."""
        assigned = [one for one in self.assignments if one.client_id == claim.client_id]
        if assigned:
            return (assigned[-1].partner_id,)
        standing = self.standing.get(claim.client_id)
        if standing is not None and standing.is_live(claim.day):
            return (standing.partner_id,)
        return None

    def _win(self, claim: Claim, *, for_life: bool) -> None:
        claim.answered("accepted")
        claim.for_life = for_life
        self.standing[claim.client_id] = claim


Captures = list[tuple[Seen, LeadCaptured]]
Links = list[tuple[Seen, str]]


def _words(lead_id: str, facts: list[Seen]) -> tuple[Captures, Links]:
    """The captures of a lead, and what names its client, but captures after the first."""
    captures = [pair for pair in of_type(facts, LeadCaptured) if pair[1].lead_id == lead_id]
    links = [
        (seen, data.client_id)
        for seen, data in of_type(facts, LeadConverted)
        if data.lead_id == lead_id
    ]
    if captures and captures[0][1].client_id is not None:
        links.append((captures[0][0], captures[0][1].client_id))
    return captures, sorted(links, key=lambda link: link[0].position)


def _later(captures: Captures, links: Links) -> set[str]:
    """The ids of the facts about a lead that others came before."""
    return {seen.message.id for seen, _ in (*captures[1:], *links[1:])}


def _told(lead_id: str, facts: list[Seen]) -> tuple[Seen, Seen] | None:
    """The facts that make a lead a claim: the capture, and what named the client."""
    captures, links = _words(lead_id, facts)
    return (captures[0][0], links[0][0]) if captures and links else None
